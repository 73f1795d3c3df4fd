"""`telekeep vault`: where the key is, a new key, and what to do about a vault that was moved or put back."""

from __future__ import annotations

import getpass
import io
import shutil
import sys
from pathlib import Path

import pytest

from cli.helpers import as_string, keep, new_session
from telekeep.keeper import transfer
from telekeep.keeper.keeper import Keeper


@pytest.fixture
def kept(keeper: Keeper):
    """One session in the vault, whose files are closed."""
    session = keep(keeper)
    keeper.close()
    return session


def _string(call) -> str:
    said = call("export", "main", "--to", "telethon-string", "--yes")
    assert said.code == 0, said
    return said.out.strip()


def test_status_says_where_everything_is(call, kept, world: Path) -> None:
    said = call("vault", "status")
    assert said.code == 0
    for fact in (str(world / "home" / "vault"), "key file", "1 kept", "this one", "as they should be"):
        assert fact in said.out, fact
    facts = call("vault", "status", "--json").json
    assert (facts["key_source"], facts["sessions"], facts["moved"]) == ("key-file", {"kept": 1}, False)
    assert len(facts["id"]) == 32 and facts["behind_marks"] == []


def test_status_says_whether_the_key_is_there(call, kept, world: Path) -> None:
    assert call("vault", "status", "--json").json["key_missing"] is None
    (world / "keys" / "key").rename(world / "elsewhere")
    said = call("vault", "status")
    assert said.code == 8 and str(world / "keys" / "key") in said.out and "not there" in said.out
    assert "not there" in call("vault", "status", "--json").json["key_missing"]


def test_a_systemd_credential_is_a_key_and_stays_one(call, kept, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call("vault", "rotate", "--to", "credential")
    assert said.code == 6 and "LoadCredentialEncrypted=telekeep" in said.err, "none was handed to us"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(world / "credentials"))
    (world / "credentials").mkdir()
    (world / "credentials" / "telekeep").write_bytes(bytes(range(32)))
    said = call("vault", "rotate", "--to", "credential")
    assert said.code == 0 and _string(call) == as_string(kept), said
    (world / "credentials" / "telekeep").write_bytes(bytes(range(1, 33)))
    assert call("export", "main", "--to", "telethon-string", "--yes").code == 7
    (world / "credentials" / "telekeep").write_bytes(bytes(range(32)))
    assert call("vault", "rotate").code == 6, "the same key again is no new one"
    assert call("vault", "status", "--json").json["key_source"] == "credential", "and it is not put into a file instead"


def test_without_a_vault_there_is_nothing_to_say(call) -> None:
    assert call("vault", "status").code == 1
    assert call("vault", "rotate").code == 1


def test_a_new_key_opens_everything_and_the_old_one_nothing(call, kept, world: Path) -> None:
    before = (world / "keys" / "key").read_bytes()
    said = call("vault", "rotate")
    assert said.code == 0 and "key file" in said.out
    assert _string(call) == as_string(kept)
    (world / "keys" / "key").write_bytes(before)
    assert call("export", "main", "--to", "telethon-string", "--yes").code == 7


def test_rotate_to_a_passphrase_from_its_file(call, kept, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = world / "passphrase"
    file.write_text("correct horse battery\n")
    file.chmod(0o600)
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(file))
    said = call("vault", "rotate", "--to", "passphrase", "--json")
    assert said.code == 0 and said.json["key_source"] == "passphrase" and said.json["before"] == "key-file"
    assert "correct horse" not in said.out + said.err
    assert _string(call) == as_string(kept)
    monkeypatch.delenv("TELEKEEP_PASSPHRASE_FILE")
    said = call("export", "main", "--to", "telethon-string", "--yes")
    assert said.code == 7 and "TELEKEEP_PASSPHRASE_FILE" in said.err, "nobody is asked where there is no terminal"
    assert call("status").code == 0, "the list needs no key"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_passphrase_is_asked_for_at_the_terminal(call, kept, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers: list[str] = ["horse", "horse", "horse", "wrong"]

    def typed(prompt: str, stream: object = None) -> str:
        asked.append(prompt)
        return answers.pop(0)

    monkeypatch.setattr(getpass, "getpass", typed)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert call("vault", "rotate", "--to", "passphrase").code == 0
    assert len(asked) == 2, "a new one is asked for twice"
    assert _string(call) == as_string(kept)
    assert call("status").code == 0 and len(asked) == 3
    assert call("export", "main", "--to", "telethon-string", "--yes").code == 7


def test_a_vault_put_back_is_noticed_and_accepted_by_command_only(call, keeper: Keeper, world: Path) -> None:
    old = keep(keeper)
    keeper.close()
    shutil.copytree(world / "home", world / "older")
    transfer.import_session(keeper, as_string(new_session()).encode(), name="main", replace=True)
    keeper.close()
    shutil.rmtree(world / "home")
    shutil.copytree(world / "older", world / "home")
    said = call("vault", "status")
    assert said.code == 8 and "behind for main" in said.out and "telekeep vault accept" in said.out
    assert call("status", "--json").json["sessions"][0]["level"] == "rolled-back"
    said = call("export", "main", "--to", "telethon-string", "--yes", "--json", "--out", "x")
    assert said.code == 7 and said.json["error"] == "VaultRolledBack"
    said = call("vault", "accept")
    assert said.code == 2, "not without a yes"
    assert call("vault", "accept", "--yes").code == 0
    assert call("vault", "status").code == 0
    assert _string(call) == as_string(old)


def test_a_vault_moved_to_another_machine_is_noticed(call, kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEKEEP_MACHINE", "another")
    said = call("vault", "status")
    assert said.code == 8 and "telekeep vault accept --move" in said.out
    assert call("vault", "accept", "--move").code == 2
    assert call("vault", "accept", "--move", "--yes", "--json").json["accepted"] == "move"
    assert call("vault", "status", "--json").json["moved"] is False


def test_quiet_prints_nothing(call, kept) -> None:
    for words in ("vault status", "vault rotate", "vault accept --yes", "vault accept --move --yes"):
        said = call(*words.split(), "--quiet")
        assert (said.code, said.out, said.err) == (0, "", ""), words
