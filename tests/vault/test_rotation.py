"""A new master key: nothing is lost, the old key opens nothing, and other processes go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.errors import SessionCorrupt, SessionSealed
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, rows


@pytest.fixture
def filled(vault: Vault) -> Vault:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.keep("a", a_session(2), fence=1, expected=1)
    vault.keep("b", a_session(3), fence=1, expected=None)
    vault.touch("b", fence=1, at=5.0)
    vault.remove("b", fence=1)
    return vault


def test_everything_is_there_afterwards(filled: Vault, place: Place) -> None:
    before = (filled.load("a"), filled.load("a", generation=1), filled.load("b", generation=1), filled.entries())
    filled.rotate(place.key)
    with place.open() as afresh:
        after = (afresh.load("a"), afresh.load("a", generation=1), afresh.load("b", generation=1), afresh.entries())
        assert after == before
        afresh.restore_removed("b")


def test_the_old_key_opens_nothing_any_more(filled: Vault, place: Place, tmp_path: Path) -> None:
    stolen = KeyFile(tmp_path / "stolen" / "key")
    stolen.path.parent.mkdir(mode=0o700)
    stolen.path.write_bytes(place.key.path.read_bytes())
    stolen.path.chmod(0o600)
    wrapped = {row[0] for row in rows(place.sessions, "SELECT wrapped FROM generations")}
    filled.rotate(place.key)
    filled.close()
    with place.open(stolen) as thief:
        for number in (1, 2):
            with pytest.raises(SessionSealed):
                thief.load("a", generation=number)
    left = place.sessions.read_bytes()
    assert not any(old in left for old in wrapped), "the old wrapped keys still lie in free pages"


def test_a_process_that_has_the_vault_open_goes_on(filled: Vault, place: Place) -> None:
    with place.open() as other:
        other.load("a")
        filled.rotate(place.key)
        assert other.load("a").auth_key == a_session(2).auth_key
        filled.rotate(place.key)
        other.keep("a", a_session(4), fence=1, expected=2)
        other.save_peers("a", a_session(4).auth_key.id, (), fence=1)
    assert filled.load("a").auth_key == a_session(4).auth_key


def test_from_one_kind_of_source_to_another_and_back(
    filled: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    phrase = Passphrase(lambda: "correct horse battery staple")
    filled.rotate(phrase)
    assert filled.key_source == "passphrase"
    assert filled.load("a").auth_key == a_session(2).auth_key
    with place.open(place.key) as other, pytest.raises(SessionSealed, match="from a passphrase, not from a key file"):
        other.load("a")
    filled.rotate(place.key)
    with place.open() as afresh:
        assert afresh.load("a").auth_key == a_session(2).auth_key


def test_a_record_that_is_damaged_already_does_not_stop_it(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE generations SET wrapped = zeroblob(60) WHERE name = 'a' AND generation = 1")
    filled.rotate(place.key)
    assert any("damaged" in notice for notice in filled.notices)
    assert filled.load("a").auth_key == a_session(2).auth_key
    with pytest.raises(SessionCorrupt):
        filled.load("a", generation=1)
