"""Any byte of the file may be wrong: then an answer is right or it is one of our errors. Never a wrong answer."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from telekeep.errors import SessionNotFound, TelekeepError
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.record import DAMAGED, MISSING, ROLLED_BACK, Entry
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import flip

STORM = bool(os.environ.get("TELEKEEP_STORM"))
SAMPLES = 200
TROUBLED = {DAMAGED, ROLLED_BACK, MISSING}


class Truth:
    """What the whole vault says, to compare a damaged one with."""

    def __init__(self, vault: Vault) -> None:
        self.names = [entry.name for entry in vault.entries()]
        self.entries = {entry.name: entry for entry in vault.entries()}
        self.sessions = {name: vault.load(name) for name in self.names}
        self.older = vault.load("a", generation=1)
        self.loans = vault.loans()
        self.journal = vault.journal("a", self.sessions["a"].auth_key.id)
        self.doubts = vault.doubts("a")

    def is_kept_by(self, vault: Vault) -> None:
        with suppress(TelekeepError):
            self._the_list(vault.entries())
        for name in self.names:
            self._not_wrong(lambda name=name: self._same(name, vault.load(name)))  # type: ignore[misc]  # a default binds it
            self._not_wrong(lambda name=name: self._near(vault.entry(name), self.entries[name]))  # type: ignore[misc]
        with suppress(TelekeepError):
            assert set(vault.loans()) <= set(self.loans)
        for name in self.names:
            with suppress(TelekeepError):
                assert vault.endpoint(name) in (None, name.encode())
        with suppress(TelekeepError):
            self._a_journal(vault.journal("a", self.sessions["a"].auth_key.id))
        with suppress(TelekeepError):
            assert len(vault.doubts("a")) <= len(self.doubts)
        with suppress(TelekeepError):
            assert vault.load("a", generation=1).auth_key == self.older.auth_key
        with suppress(TelekeepError):
            assert vault.keep("b", a_session(7), fence=5, expected=1).generation == 2
        with suppress(TelekeepError):
            vault.touch("a", fence=5, at=1.0)

    def _same(self, name: str, found: object) -> None:
        """The session itself must be right; state and peers may be lost with a damaged lagging file or key."""
        expected = self.sessions[name]
        assert found.auth_key == expected.auth_key  # type: ignore[attr-defined]  # a Session
        assert (found.dc, found.user, found.application) == (expected.dc, expected.user, expected.application)  # type: ignore[attr-defined]
        assert found.state in (None, expected.state)  # type: ignore[attr-defined]
        assert set(found.peers) <= set(expected.peers)  # type: ignore[attr-defined]

    def _a_journal(self, found: list[tuple[int, bytes]]) -> None:
        """What is there is what was written, without a hole; of its ends either may be lost."""
        if found:
            begin = self.journal.index(found[0])
            assert found == self.journal[begin : begin + len(found)]

    def _the_list(self, entries: list[Entry]) -> None:
        found = {entry.name: entry for entry in entries}
        for name in self.names:
            assert name in found, "a record has vanished from the list without a word"
            self._near(found[name], self.entries[name])
        assert all(entry.state in TROUBLED for name, entry in found.items() if name not in self.names)

    @staticmethod
    def _near(found: Entry, expected: Entry) -> None:
        """Apart from what lies in the lagging file, and from the fence, which only shuts out, it is the same."""
        if found.state in TROUBLED:
            return
        for field in ("name", "lease", "network", "dc_id", "generation", "created_at", "saved_at", "state", "size"):
            assert getattr(found, field) == getattr(expected, field)
        assert found.fence >= expected.fence

    @staticmethod
    def _not_wrong(ask: Callable[[], None]) -> None:
        try:
            ask()
        except SessionNotFound:
            raise AssertionError('"cannot read" was taken for "is not there"') from None
        except TelekeepError:
            pass


@pytest.fixture
def whole(vault: Vault, place: Place) -> Truth:
    """A small vault: three sessions, one with two generations."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.keep("a", a_session(2), fence=2, expected=1)
    vault.keep("b", a_session(3), fence=1, expected=None)
    vault.keep("c", a_session(4), fence=1, expected=None)
    vault.touch("b", fence=1, at=5.0)
    for name in "abc":
        vault.keep_endpoint(name, name.encode())
        vault.keep_loan(name, "1", b"loan of " + name.encode())
    for number in range(1, 6):
        vault.save_journal("a", a_session(2).auth_key.id, [(number, b"entry %d" % number)], keep_from=2, fence=2)
        vault.begin_doubt("a", bytes([number]) * 32, 1.0)
    truth = Truth(vault)
    vault.close()
    return truth


def damage(place: Place, which: Path, offset: int, mask: int, truth: Truth) -> None:
    """Flip the byte in a copy of the whole place, and compare what it says with the truth."""
    work = place.root / "work"
    for name in ("home", "state", "config"):
        shutil.copytree(place.root / name, work / name)
    try:
        flip(work / which.relative_to(place.root), offset, mask)
        copied = Place(work, place.clock)
        with (
            suppress(TelekeepError),
            Vault.open(copied.folder, clock=place.clock, marks=copied.marks, source=copied.key) as damaged,
        ):
            truth.is_kept_by(damaged)
    except BaseException as problem:
        problem.add_note(f"byte {offset} of {which.name}, mask {mask:#04x}")
        raise
    finally:
        shutil.rmtree(work)


@pytest.mark.storm
@pytest.mark.parametrize("name", ["sessions.db", "lagging.db", "marks", "key"])
def test_a_flipped_byte_is_harmless_or_one_of_our_errors(whole: Truth, place: Place, name: str) -> None:
    """In a storm every byte, but of empty stretches one in sixteen; else a sample, and always SQLite's own header."""
    which = {
        "sessions.db": place.sessions,
        "lagging.db": place.lagging,
        "marks": next(place.marks.glob("*.db")),
        "key": place.key.path,
    }[name]
    content = which.read_bytes()
    offsets = {at for at, byte in enumerate(content) if byte or not at % 16}
    if not STORM:
        offsets = {*range(min(len(content), 108)), *random.sample(sorted(offsets), k=min(SAMPLES, len(offsets)))}
    for offset in sorted(offsets):
        damage(place, which, offset, 1 << random.randrange(8), whole)


@pytest.mark.storm
@pytest.mark.parametrize("name", ["sessions.db", "lagging.db"])
def test_a_file_cut_short_is_harmless_or_one_of_our_errors(whole: Truth, place: Place, name: str) -> None:
    which = place.folder / name
    size = which.stat().st_size
    for length in sorted(
        {0, 1, 50, 100, 511, 512, 4095, 4096, size - 4096, size - 1, *random.choices(range(size), k=20)}
    ):
        work = place.root / "work"
        for folder in ("home", "state", "config"):
            shutil.copytree(place.root / folder, work / folder)
        os.truncate(work / which.relative_to(place.root), length)
        copied = Place(work, place.clock)
        with suppress(TelekeepError), copied.open(copied.key) as damaged:
            whole.is_kept_by(damaged)
        shutil.rmtree(work)
