"""Many sessions in one look: what is told is what each tells alone, and one that is spoilt spoils no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

import pytest

from telekeep.errors import RecordSwapped, SessionCorrupt, SessionNotFound, TelekeepError, VaultRolledBack
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.looking import Looked
from telekeep.vault.stores.sessions import Rows
from telekeep.vault.vault import Vault
from vault import surgery
from vault.conftest import Place

NAMES = ["a", "b", "c", "d"]


def keep(vault: Vault, names: list[str]) -> None:
    for number, name in enumerate(names, 1):
        session = a_session(number)
        vault.keep(name, session, fence=number, expected=None)
        vault.keep_loan(name, "1", f"first of {name}".encode())
        vault.keep_loan(name, "0", f"second of {name}".encode())
        vault.keep_endpoint(name, name.encode())
        entries = [(1, b"one"), (2, name.encode())]
        vault.save_journal(name, session.auth_key.id, entries, keep_from=number, fence=number)
        vault.touch(name, fence=number, at=float(number))


def alone(vault: Vault, name: str) -> Looked:
    entry, session = vault.read(name)
    journal = vault.journal(name, session.auth_key.id)
    return Looked(entry, session, vault.loans(name), vault.loans_mark(name), vault.endpoint(name), journal)


def kinds(found: dict[str, Looked | TelekeepError]) -> list[type]:
    return [type(each) for each in found.values()]


def test_many_that_are_looked_at_together_tell_what_each_tells_alone(place: Place) -> None:
    with place.create() as vault:
        keep(vault, NAMES)
        found = vault.look(NAMES)
        assert found == {name: alone(vault, name) for name in NAMES}
        assert found["b"] == vault.look(["b"])["b"]
        told = found["a"]
        assert isinstance(told, Looked)
        assert [loan.payload for loan in told.loans] == [b"second of a", b"first of a"]
        assert (told.endpoint, told.journal, told.entry.last_used_at) == (b"a", [(1, b"one"), (2, b"a")], 1.0)
        assert told.session.state is not None


def test_what_cannot_be_read_of_one_is_told_of_that_one(place: Place) -> None:
    with place.create() as vault:
        keep(vault, [*NAMES, "gone", "older", "swapped"])
        vault.remove("gone", fence=5)
        vault.keep("older", a_session(6), fence=6, expected=1)
    surgery.edit(place.sessions, "DELETE FROM generations WHERE name = 'older' AND generation = 2")
    surgery.edit(place.sessions, "UPDATE records SET generation = 1 WHERE name = 'older'")
    surgery.edit(
        place.sessions,
        "UPDATE generations SET (wrapped, sealed) = (SELECT wrapped, sealed FROM generations WHERE name = 'a')"
        " WHERE name = 'swapped'",
    )
    surgery.edit(place.sessions, "UPDATE generations SET dc_id = 9 WHERE name = 'b'")
    surgery.edit(place.sessions, "UPDATE belongings SET sealed = x'00' WHERE kind = 'endpoint' AND name = 'c'")
    with place.open() as vault:
        names = [*NAMES, "gone", "older", "swapped", "nobody"]
        found = vault.look(names)
        assert sorted(found) == sorted(names)
        told = {name: type(each) for name, each in found.items() if not isinstance(each, Looked)}
        assert told == {
            "b": SessionCorrupt,
            "gone": SessionNotFound,
            "older": VaultRolledBack,
            "swapped": RecordSwapped,
            "nobody": SessionNotFound,
        }
        where = found["c"]
        assert isinstance(where, Looked)
        assert isinstance(where.endpoint, SessionCorrupt)
        assert where.session == vault.load("c")


def test_a_session_whose_fence_is_damaged_is_not_taken_and_the_others_are(place: Place) -> None:
    """A holder that cannot be compared with the one before must not begin."""
    with place.create() as vault:
        keep(vault, NAMES)
        lease = vault.entry("b").lease
    surgery.edit(place.sessions, "UPDATE fences SET fence = 'x' WHERE lease = ?", lease)
    with place.open() as vault:
        assert kinds(vault.look(NAMES)) == [Looked, SessionCorrupt, Looked, Looked]
        admitted = vault.admit((name, a_session(number).auth_key.id, 50) for number, name in enumerate(NAMES, 1))
        assert [isinstance(each, SessionCorrupt) for each in admitted] == [False, True, False, False]
        assert [vault.entry(name).fence for name in "acd"] == [50, 50, 50]


def test_a_page_that_cannot_be_read_spoils_only_the_session_that_lies_on_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = Rows.standing

    def damaged(self: Rows, names: Collection[str] | None = None) -> Any:
        if names is not None and "b" in names:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return standing(self, names)

    with place.create() as vault:
        keep(vault, NAMES)
        monkeypatch.setattr(Rows, "standing", damaged)
        assert kinds(vault.look(NAMES)) == [Looked, SessionCorrupt, Looked, Looked]


def test_a_hundred_sessions_take_no_more_queries_than_three(place: Place) -> None:
    said: list[str] = []

    def queries(vault: Vault, names: list[str]) -> int:
        vault.look(names)
        files = (vault._sessions._database, vault._marks._database, vault._lagging._database)
        for file in files:
            assert file._connection is not None
            file._connection.set_trace_callback(said.append)
        said.clear()
        assert kinds(vault.look(names)) == [Looked] * len(names)
        return len(said)

    many = [f"s{number}" for number in range(100)]
    with place.create() as vault:
        vault.keep_all([(name, a_session(number), 1) for number, name in enumerate(many, 1)])
        assert queries(vault, many) == queries(vault, many[:3])
