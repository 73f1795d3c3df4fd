"""The ledger file: every process sees at once what another has noted, and a file that is damaged traps nobody."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telekeep.clock import Moment
from telekeep.errors import ConfigError, DiskFull, StorageUnavailable, UnknownFormat
from telekeep.pace.gate import Gate
from telekeep.pace.ledger import Deadline
from telekeep.pace.policy import SLOW_MODE, Wait
from telekeep.pace.stores.local import LocalLedger
from telekeep.testing.contracts.ledgers import ADA, SEARCH, SEND, left, note
from telekeep.testing.fakes import ManualClock

_NOTE = """
import sys
from pathlib import Path
from telekeep.clock import Moment, SystemClock
from telekeep.pace.ledger import Deadline
from telekeep.pace.stores.local import LocalLedger
clock = SystemClock()
ledger = LocalLedger(Path(sys.argv[1]), clock=clock)
for number in range(int(sys.argv[3])):
    ledger.note(Deadline("ada", sys.argv[2] + str(number), "FLOOD_WAIT", 1e9, Moment.now(clock)))
print("noted", flush=True)
sys.stdin.readline()
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> LocalLedger:
    return LocalLedger(tmp_path / "home", clock=clock)


def test_what_processes_note_at_the_same_time_is_all_there_even_if_they_are_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    clock = ManualClock()
    reader = LocalLedger(home, clock=clock)
    assert not reader.of("ada")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _NOTE, str(home), f"method{number}.", "20"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "noted\n"
    assert len(reader.of("ada").deadlines) == 80, "seen at once: this clock stands, and only the mark can tell"
    for writer in writers:
        writer.communicate("\n", timeout=30)
    reader.close()
    assert len(LocalLedger(home, clock=clock).of("ada").deadlines) == 80


def test_a_writer_that_was_killed_before_it_could_say_so_is_seen_a_second_later(
    ledger: LocalLedger, clock: ManualClock, tmp_path: Path
) -> None:
    note(ledger, clock, 10)
    assert not ledger.of("bob")
    other = LocalLedger(tmp_path / "home", clock=clock)
    other._mark.move = lambda: None  # type: ignore[method-assign]
    note(other, clock, 3600)
    assert left(ledger, clock) == 10
    clock.advance(1)
    assert left(ledger, clock) == 3599


def test_two_who_make_the_mark_at_once_hide_nothing_that_was_noted_meanwhile(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    reader, writer, late = (LocalLedger(tmp_path / "home", clock=clock) for _ in range(3))
    size_of = os.fstat

    def outpaced(descriptor: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", size_of)
        found = size_of(descriptor)
        assert not reader.of(ADA)
        note(writer, clock, 10)
        return found  # the mark was empty then, and is not any more

    monkeypatch.setattr(os, "fstat", outpaced)
    assert left(late, clock) == 10
    assert left(reader, clock) == 10, "at once: this clock stands, and only the mark can tell"


def test_nothing_is_written_where_nothing_was_ever_noted(ledger: LocalLedger, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    assert not ledger.of(ADA)
    assert not ledger.shown()
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["floods.mark"]


def test_files_are_for_their_owner_and_name_no_phone_number(
    ledger: LocalLedger, clock: ManualClock, tmp_path: Path
) -> None:
    note(ledger, clock, 100, subject="production phone +9996621234", method="")
    for path in (tmp_path / "home").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"6621234" not in path.read_bytes()


def test_a_file_that_others_may_read_is_refused(ledger: LocalLedger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    ledger.close()
    ledger.path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        ledger.of(ADA)


def test_a_damaged_file_is_set_aside_and_the_next_wait_is_noted(ledger: LocalLedger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    ledger.close()
    for companion in ("-wal", "-shm"):
        ledger.path.with_name(ledger.path.name + companion).unlink(missing_ok=True)
    ledger.path.write_bytes(b"\0" * 8192)
    assert not ledger.of(ADA)
    note(ledger, clock, 50)
    assert left(ledger, clock) == 50
    assert len(list(ledger.path.parent.glob("floods.db.damaged-*"))) == 1


def test_rows_that_make_no_sense_are_damage(ledger: LocalLedger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    ledger.close()
    with closing(sqlite3.connect(ledger.path)) as file:
        file.execute("UPDATE deadlines SET seconds = 'soon'")
        file.commit()
    assert not ledger.of(ADA)
    assert list(ledger.path.parent.glob("floods.db.damaged-*"))


def test_the_file_of_a_newer_telekeep_is_left_alone_and_nobody_goes_on(ledger: LocalLedger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    ledger.close()
    with closing(sqlite3.connect(ledger.path)) as file:
        file.execute("PRAGMA user_version = 2")
    with pytest.raises(UnknownFormat):
        ledger.of(ADA)
    assert not list(ledger.path.parent.glob("*.damaged-*"))


def test_who_cannot_tell_does_not_go_on(
    ledger: LocalLedger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails before anything is known closes the gate; one that fails later changes nothing that is."""
    note(ledger, clock, 100)
    assert left(ledger, clock) == 100
    other = LocalLedger(ledger.path.parent, clock=clock)

    def fails(self: LocalLedger) -> None:
        raise StorageUnavailable("The disk does not give it.")

    monkeypatch.setattr(LocalLedger, "_read", fails)
    with pytest.raises(StorageUnavailable):
        other.of(ADA)
    clock.advance(10)
    assert left(ledger, clock) == 90


def test_a_wait_that_the_disk_does_not_take_holds_in_this_process(
    ledger: LocalLedger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(ledger, ADA, who="main", clock=clock)

    def full(deadline: Deadline) -> None:
        raise DiskFull()

    monkeypatch.setattr(ledger, "note", full)
    gate.note(SEARCH, Wait("FLOOD_WAIT", 100))
    closed = gate.closed(SEARCH)
    assert closed is not None
    assert (closed.seconds, closed.until) == (100, clock.wall() + 100)
    assert not gate.is_quiet
    assert gate.closed(SEND) is None


def test_a_gate_lets_a_slowed_method_pass_at_its_interval(ledger: LocalLedger, clock: ManualClock) -> None:
    gate = Gate(ledger, ADA, who="main", clock=clock)
    assert gate.is_quiet
    assert gate.pause(SEARCH) == 0
    gate.note(SEARCH, Wait("FLOOD_WAIT", 1))
    assert not gate.is_quiet
    clock.advance(1)
    assert gate.closed(SEARCH) is None
    assert [gate.pause(SEARCH) for _ in range(3)] == [0, 0.5, 1.0]
    assert gate.pause(SEND) == 0
    assert gate.intervals() == {SEARCH: 0.5}
    clock.advance(3600)
    assert [gate.pause(SEARCH) for _ in range(3)] == [0, 0, 0]
    assert gate.intervals() == {}


def test_a_chat_in_slow_mode_closes_the_gate_for_no_other(ledger: LocalLedger, clock: ManualClock) -> None:
    gate = Gate(ledger, ADA, who="main", clock=clock)
    gate.note(SEND, Wait(SLOW_MODE, 30), "channel 7")
    assert gate.closed(SEND, "channel 7")
    assert gate.closed(SEND, "channel 8") is None
    assert gate.closed(SEND) is None
    assert gate.deadlines() == {f"{SEND} in channel 7": 30}


def test_a_forked_child_and_its_parent_see_each_others_waits(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = LocalLedger(tmp_path / "home", clock=clock)
    note(ledger, clock, 100)
    child = os.fork()
    if not child:
        ledger.note(Deadline(ADA, SEND, "FLOOD_WAIT", 200, Moment.now(clock)))
        os._exit(0 if left(ledger, clock) == 100 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert left(ledger, clock, method=SEND) == 200
