"""Whatever is changed in the file is seen when the record is read, and named for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from telekeep.errors import (
    RecordSwapped,
    SessionCorrupt,
    SessionNotFound,
    SessionSealed,
    UnknownFormat,
    VaultRolledBack,
)
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.history import Retention
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, flip, rows

COLUMNS = (
    "lease",
    "network",
    "dc_id",
    "fence",
    "created_at",
    "saved_at",
    "state",
    "size",
    "wrapped",
    "sealed",
    "checksum",
)


def load_without_peers(vault: Vault, name: str) -> object:
    return vault.load(name).auth_key


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """Two records with two generations each; closed, so that it can be operated on."""
    for name, number in (("a", 1), ("b", 3)):
        vault.keep(name, a_session(number), fence=1, expected=None)
        vault.keep(name, a_session(number + 1), fence=1, expected=1)
    vault.close()
    return vault


@pytest.mark.parametrize("column", COLUMNS)
def test_one_changed_field_of_a_record_is_seen_and_the_others_stay_readable(
    filled: Vault, place: Place, column: str
) -> None:
    before = {name: filled.load(name) for name in "ab"}
    old = filled.load("a", generation=1)
    (value,) = rows(place.sessions, f"SELECT {column} FROM generations WHERE name = 'a' AND generation = 2")[0]
    changed = {
        str: lambda: value[:-1] + chr(ord(value[-1]) ^ 1),
        int: lambda: value ^ 1,
        float: lambda: value + 0.5,
        bytes: lambda: value[:-1] + bytes((value[-1] ^ 1,)),
    }[type(value)]()
    edit(place.sessions, f"UPDATE generations SET {column} = ? WHERE name = 'a' AND generation = 2", changed)
    with pytest.raises(SessionCorrupt) as seen:
        filled.load("a")
    assert type(seen.value) is SessionCorrupt
    assert filled.load("b") == before["b"]
    assert filled.load("a", generation=1) == old


def test_a_changed_header_with_a_right_checksum_is_seen_by_the_seal(filled: Vault, place: Place) -> None:
    """The checksum tells accidents only; somebody who computes it anew is caught by the seal."""
    header = filled.history("a")[0]._replace(network="evil")
    edit(
        place.sessions,
        "UPDATE generations SET network = ?, checksum = ? WHERE name = 'a' AND generation = 2",
        header.network,
        header.checksum(),
    )
    assert filled.entry("a").network == "evil"
    with pytest.raises(SessionCorrupt, match="seal is broken"):
        filled.load("a")


@pytest.mark.parametrize("columns", [("wrapped", "sealed"), ("sealed",)])
def test_payloads_swapped_between_two_records_are_told_from_damage(
    filled: Vault, place: Place, columns: tuple[str, ...]
) -> None:
    wanted = ", ".join(columns)
    current = dict(
        zip("ab", rows(place.sessions, f"SELECT {wanted} FROM generations WHERE generation = 2"), strict=True)
    )
    for name, other in (("a", "b"), ("b", "a")):
        for column, value in zip(columns, current[other], strict=True):
            edit(place.sessions, f"UPDATE generations SET {column} = ? WHERE name = ? AND generation = 2", value, name)
    for name, other in (("a", "b"), ("b", "a")):
        with pytest.raises(RecordSwapped, match=f"'{name}' holds what was sealed for the session '{other}'"):
            filled.load(name)


def test_whole_rows_swapped_by_renaming_are_told_from_damage(filled: Vault, place: Place) -> None:
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        edit(place.sessions, "UPDATE generations SET name = ? WHERE name = ?", new, old)
    for name in "ab":
        with pytest.raises(RecordSwapped):
            filled.load(name)
        with pytest.raises(RecordSwapped):
            filled.entry(name)


def test_rows_renamed_with_right_checksums_are_seen_by_the_seal(filled: Vault, place: Place) -> None:
    headers = {name: filled.history(name)[0] for name in "ab"}
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        edit(place.sessions, "UPDATE generations SET name = ? WHERE name = ? AND generation = 2", new, old)
    for name, other in (("a", "b"), ("b", "a")):
        checksum = headers[other]._replace(name=name).checksum()
        edit(place.sessions, "UPDATE generations SET checksum = ? WHERE name = ? AND generation = 2", checksum, name)
    edit(place.sessions, "DELETE FROM fences")
    for mark in place.marks.glob("*.db"):
        mark.unlink()
    filled.close()
    with pytest.raises(RecordSwapped):
        filled.load("a")


def test_an_older_payload_put_back_into_the_newest_row_is_a_rollback(filled: Vault, place: Place) -> None:
    edit(
        place.sessions,
        "UPDATE generations SET (wrapped, sealed) = (SELECT wrapped, sealed FROM generations WHERE name = 'a' AND"
        " generation = 1) WHERE name = 'a' AND generation = 2",
    )
    with pytest.raises(VaultRolledBack):
        filled.load("a")
    assert load_without_peers(filled, "b") == a_session(4).auth_key


def test_an_older_row_put_back_under_the_newest_number_is_a_rollback_and_can_be_replaced(
    filled: Vault, place: Place
) -> None:
    wanted = ", ".join(COLUMNS)
    edit(
        place.sessions,
        f"UPDATE generations SET ({wanted}) = (SELECT {wanted} FROM generations WHERE name = 'a' AND generation = 1)"
        " WHERE name = 'a' AND generation = 2",
    )
    with pytest.raises(VaultRolledBack, match="holds generation 1"):
        filled.load("a")
    filled.accept()
    with pytest.raises(VaultRolledBack, match="holds generation 1"):
        filled.load("a")
    filled.keep("a", a_session(9), fence=1, expected=2)
    assert load_without_peers(filled, "a") == a_session(9).auth_key


def test_one_record_put_back_to_its_older_generation_is_noticed(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE records SET generation = 1 WHERE name = 'a'")
    with pytest.raises(VaultRolledBack):
        filled.load("a")
    edit(place.sessions, "DELETE FROM generations WHERE name = 'a' AND generation = 2")
    with pytest.raises(VaultRolledBack, match="generation 1"):
        filled.load("a")
    with pytest.raises(VaultRolledBack):
        filled.keep("a", a_session(9), fence=9, expected=1)
    assert {entry.name: entry.state for entry in filled.entries()} == {"a": "rolled-back", "b": "kept"}
    assert load_without_peers(filled, "b") == a_session(4).auth_key


def test_a_deleted_record_is_not_taken_for_one_that_never_was(filled: Vault, place: Place) -> None:
    """ "Cannot read" is never "is not there": only SessionNotFound may lead to a login."""
    edit(place.sessions, "DELETE FROM records WHERE name = 'a'")
    with pytest.raises(VaultRolledBack):
        filled.load("a")
    edit(place.sessions, "DELETE FROM generations WHERE name = 'a'")
    for ask in (filled.load, filled.entry, filled.history):
        with pytest.raises(VaultRolledBack):
            ask("a")
    with pytest.raises(VaultRolledBack):
        filled.keep("a", a_session(9), fence=9, expected=None)
    assert [(entry.name, entry.state) for entry in filled.entries()] == [("a", "missing"), ("b", "kept")]


def test_a_damaged_record_is_listed_as_such_and_can_be_replaced(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE generations SET network = 'x' WHERE name = 'a' AND generation = 2")
    damaged = filled.entries()[0]
    assert (damaged.name, damaged.state, damaged.generation) == ("a", "damaged", 2)
    assert [each.state for each in filled.history("a")] == ["damaged", "kept"]
    filled.keep("a", a_session(9), fence=1, expected=damaged.generation)
    assert load_without_peers(filled, "a") == a_session(9).auth_key


def test_another_key_is_not_damage(filled: Vault, place: Place, tmp_path: Path) -> None:
    other = KeyFile(tmp_path / "other" / "key")
    other.make("0" * 32, fresh=False)
    stranger = place.open(other)
    with pytest.raises(SessionSealed):
        stranger.load("a")
    with pytest.raises(SessionSealed):
        stranger.keep("c", a_session(5), fence=1, expected=None)
    with pytest.raises(SessionSealed):
        stranger.rotate(place.key)
    assert [entry.state for entry in stranger.entries()] == ["kept", "kept"]
    stranger.close()
    assert load_without_peers(filled, "a") == a_session(2).auth_key


@pytest.mark.parametrize("statement", ["PRAGMA application_id = 7", "PRAGMA user_version = 4"])
def test_a_foreign_or_newer_vault_is_named_and_not_touched(filled: Vault, place: Place, statement: str) -> None:
    edit(place.sessions, statement)
    before = place.sessions.read_bytes()
    with pytest.raises(UnknownFormat):
        place.open()
    assert place.sessions.read_bytes() == before
    assert Vault.exists(place.folder)


def test_a_file_that_is_no_database_is_corrupt_not_absent(filled: Vault, place: Place) -> None:
    place.sessions.write_bytes(b"this was a vault once\n" * 100)
    with pytest.raises(SessionCorrupt):
        place.open()
    place.sessions.write_bytes(b"")
    with pytest.raises(UnknownFormat):
        place.open()


def test_a_vault_whose_file_is_gone_is_not_taken_for_no_vault(filled: Vault, place: Place) -> None:
    place.sessions.unlink()
    assert Vault.exists(place.folder)
    with pytest.raises(SessionCorrupt, match="gone"):
        place.open()
    with pytest.raises(SessionCorrupt, match="gone"):
        filled.load("a")
    place.lagging.unlink()
    assert not Vault.exists(place.folder)
    with pytest.raises(SessionNotFound):
        place.open()


def test_a_damaged_header_is_corrupt_not_a_wrong_key(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE vault SET verifier = zeroblob(28)")
    with pytest.raises(SessionCorrupt, match="header"):
        place.open()


def test_damaged_text_that_sqlite_quotes_in_its_message_is_corrupt_too(filled: Vault, place: Place) -> None:
    """Python fails to decode such a message: that error must not come out either."""
    letter = place.sessions.read_bytes().index(b"CREATE TABLE fences") + len(b"CREATE TA")
    flip(place.sessions, letter, 0x80)
    with pytest.raises(SessionCorrupt):
        place.open().load("a")


def test_a_generation_whose_time_is_over_is_really_gone(place: Place) -> None:
    place.create().close()
    with Vault(place.folder, clock=place.clock, marks=place.marks, retention=Retention(last=1, days=1)) as vault:
        vault.keep("a", a_session(1), fence=1, expected=None)
        ((sealed,),) = rows(place.sessions, "SELECT sealed FROM generations")
        place.clock.advance(2 * 86_400)
        vault.keep("a", a_session(2), fence=1, expected=1)
    assert sealed not in place.sessions.read_bytes(), "it still lies in a free page"
