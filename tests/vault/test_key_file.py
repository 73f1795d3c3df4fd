"""The key file: made once, never replaced, told from other files, shared by vaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.errors import ConfigError, SessionSealed
from telekeep.testing.contracts.vault import VAULT_ID, a_session
from telekeep.vault.keys.file import HEADER, KeyFile
from telekeep.vault.vault import Vault
from vault.conftest import Place


def test_a_missing_key_file_seals_the_vault_and_no_new_key_is_made(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    aside = place.key.path.rename(place.root / "aside")
    with place.open() as afresh:
        with pytest.raises(SessionSealed, match="not there") as sealed:
            afresh.load("a")
        assert "TELEKEEP_KEY_FILE" in (sealed.value.remedy or "")
        assert not place.key.path.exists()
        assert [entry.state for entry in afresh.entries()] == ["kept"]
        aside.rename(place.key.path)
        assert afresh.load("a").auth_key == a_session(1).auth_key


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 40,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nSECRETSECRETSECRET\n",
        HEADER.encode() + b"\n",
        HEADER.encode() + b"\nSECRETSECRETSECRET\n",
        HEADER.encode() + b"\n" + b"A" * 43 + b"*\n",
        HEADER.encode() + b"\n" + b"A" * 40 + b"\n",
    ],
)
def test_a_file_that_is_no_key_file_is_told_apart_and_not_shown(tmp_path: Path, content: bytes) -> None:
    source = KeyFile(tmp_path / "config" / "key")
    source.make(VAULT_ID, fresh=False)
    source.path.write_bytes(content)
    for use in (lambda: source.masters(VAULT_ID, {}), lambda: source.make(VAULT_ID, fresh=True)):
        with pytest.raises(SessionSealed) as refused:
            use()
        assert "SECRET" not in str(refused.value) + str(refused.value.remedy)
    assert source.path.read_bytes() == content


def test_a_second_vault_shares_the_key_file_and_a_rotation_takes_it_from_nobody(vault: Vault, place: Place) -> None:
    """Each home has its vault, and all of them one key file by default."""
    other = Vault.create(place.root / "other", place.key, clock=place.clock, marks=place.marks)
    other.keep("b", a_session(2), fence=1, expected=None)
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.rotate(place.key)
    other.close()
    assert other.load("b").auth_key == a_session(2).auth_key
    other.rotate(place.key)
    vault.close()
    assert vault.load("a").auth_key == a_session(1).auth_key
    other.close()


def test_a_link_in_place_of_the_key_file_is_refused(tmp_path: Path) -> None:
    source = KeyFile(tmp_path / "config" / "key")
    source.make(VAULT_ID, fresh=False)
    moved = source.path.rename(tmp_path / "moved")
    source.path.symlink_to(moved)
    with pytest.raises(ConfigError, match="regular file"):
        source.masters(VAULT_ID, {})


def test_the_environment_says_where_the_key_file_is(
    vault: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    (place.root / "moved").mkdir(mode=0o700)
    moved = place.key.path.rename(place.root / "moved" / "key")
    with place.open() as afresh, pytest.raises(SessionSealed):
        afresh.load("a")
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(moved))
    with place.open() as afresh:
        assert afresh.load("a").auth_key == a_session(1).auth_key


def test_the_vault_remembers_where_its_key_file_is(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.rotate(KeyFile(place.root / "stick" / "key"))
    place.key.path.unlink()
    with place.open() as afresh:
        assert afresh.load("a").auth_key == a_session(1).auth_key
        assert afresh.key_source == "key-file"


ADDER = """
import sys
from pathlib import Path
from telekeep.vault.keys.file import KeyFile
source = KeyFile(Path(sys.argv[1]))
sys.stdin.readline()
made = [source.make("0" * 32, fresh=True).material for _ in range(20)]
have = source.masters("0" * 32, {})
sys.exit(any(each not in have for each in made))
"""


def test_keys_that_several_processes_add_at_once_are_all_there(tmp_path: Path) -> None:
    """Two homes that are rotated at the same moment: a key lost here is a vault lost."""
    path = tmp_path / "config" / "key"
    running = [
        subprocess.Popen([sys.executable, "-c", ADDER, str(path)], stdin=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in running:
        process.communicate("go\n", timeout=200)
    assert [process.returncode for process in running] == [0] * 4
    assert len(list(KeyFile(path).masters(VAULT_ID, {}))) == 4 * 20
