"""What every ledger of flood waits keeps. Each function fails with AssertionError, and may be called on any ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from telekeep.clock import Moment
from telekeep.pace.ledger import Deadline, Ledger
from telekeep.pace.policy import DECAY, FIRST_INTERVAL, FLOOD, LONGEST_INTERVAL, SLOW_MODE
from telekeep.testing.fakes import ManualClock

ADA, BOB = "production user 1", "production user 2"
SEARCH, SEND = "messages.search", "messages.sendMessage"
DAY = 86_400.0

MakeLedger = Callable[[ManualClock], Ledger]
"""Makes a ledger, the same one each time as far as it outlives its object, on this clock."""


def note(
    ledger: Ledger, clock: ManualClock, seconds: float, *, method: str = SEARCH, subject: str = ADA, chat: str = "",
    text: str = FLOOD,
) -> None:  # fmt: skip
    """Telegram has said so, now."""
    ledger.note(Deadline(subject, method, text, seconds, Moment.now(clock), chat, "main"))


def left(
    ledger: Ledger, clock: ManualClock, *, method: str = SEARCH, subject: str = ADA, chat: str = ""
) -> float:  # fmt: skip
    """Seconds left; 0 if the method may be called."""
    found = ledger.of(subject).deadlines.get((method, chat))
    return max(0.0, found.left(Moment.now(clock))) if found is not None else 0.0


@contextmanager
def opened(make: MakeLedger, clock: ManualClock) -> Iterator[Ledger]:
    ledger = make(clock)
    try:
        yield ledger
    finally:
        ledger.close()


def check_ledger(make: MakeLedger) -> None:
    """Everything below that holds within one process. ``make`` must give an empty ledger each time."""
    for rule in (
        holds_until_it_is_over,
        is_by_subject_method_and_chat,
        the_longer_wait_counts,
        a_changed_clock_does_not_matter,
        doubles_and_decays,
        says_what_it_knows,
        forgets_what_it_is_told_to,
    ):
        clock = ManualClock()
        with opened(make, clock) as ledger:
            rule(ledger, clock)


def holds_until_it_is_over(ledger: Ledger, clock: ManualClock) -> None:
    """003-F2: it was forgotten at once."""
    assert not ledger.of(ADA)
    note(ledger, clock, 79_200)
    assert left(ledger, clock) == 79_200
    clock.advance(79_199)
    assert left(ledger, clock) == 1
    clock.advance(1)
    assert left(ledger, clock) == 0


def is_by_subject_method_and_chat(ledger: Ledger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    note(ledger, clock, 50, method=SEND, chat="channel 7", text=SLOW_MODE)
    assert left(ledger, clock, subject=BOB) == 0
    assert left(ledger, clock, method=SEND) == 0
    assert left(ledger, clock, method=SEND, chat="channel 8") == 0
    assert left(ledger, clock, method=SEND, chat="channel 7") == 50


def the_longer_wait_counts(ledger: Ledger, clock: ManualClock) -> None:
    note(ledger, clock, 7200)
    clock.advance(100)
    note(ledger, clock, 60)
    assert left(ledger, clock) == 7100
    note(ledger, clock, 8000)
    assert left(ledger, clock) == 8000


def a_changed_clock_does_not_matter(ledger: Ledger, clock: ManualClock) -> None:
    note(ledger, clock, 7200)
    for shift in (-10 * 365 * DAY, 365 * DAY, 3600.0):
        clock.set_wall(clock.wall() + shift)
        assert left(ledger, clock) == 7200
    clock.advance(7200)
    assert left(ledger, clock) == 0


def doubles_and_decays(ledger: Ledger, clock: ManualClock) -> None:
    def interval(method: str = SEARCH) -> float:
        found = ledger.of(ADA).paces.get(method)
        return found.now(Moment.now(clock)) if found is not None else 0.0

    note(ledger, clock, 1)
    assert interval() == 2 * FIRST_INTERVAL
    note(ledger, clock, 1)
    assert interval() == 4 * FIRST_INTERVAL
    assert interval(SEND) == 0
    clock.advance(59)
    assert interval() == 4 * FIRST_INTERVAL
    clock.advance(1)
    assert abs(interval() - 4 * FIRST_INTERVAL * DECAY) < 1e-9
    for _ in range(20):
        note(ledger, clock, 1)
    assert interval() == LONGEST_INTERVAL
    clock.advance(DAY)
    assert interval() == 0
    note(ledger, clock, 1, method=SEND, chat="channel 7", text=SLOW_MODE)
    assert interval(SEND) == 0, "slow mode is the chat's rule, not a sign of haste"


def says_what_it_knows(ledger: Ledger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    note(ledger, clock, 200, method=SEND, subject=BOB)
    assert [(each.method, each.who, seconds) for each, seconds in ledger.shown()] == [
        (SEND, "main", 200),
        (SEARCH, "main", 100),
    ]
    clock.advance(150)
    assert [each.method for each, _ in ledger.shown()] == [SEND]
    assert {each.method for each, _ in ledger.slowed()} == {SEND, SEARCH}


def forgets_what_it_is_told_to(ledger: Ledger, clock: ManualClock) -> None:
    note(ledger, clock, 100)
    note(ledger, clock, 100, subject=BOB)
    ledger.clear(ADA)
    assert left(ledger, clock) == 0
    assert left(ledger, clock, subject=BOB) == 100


def check_lasting_ledger(make: MakeLedger) -> None:
    """What holds of a ledger that outlives processes and boots. ``make`` must give the same ledger each time."""
    clock = ManualClock()
    with opened(make, clock) as one, opened(make, clock) as other:
        assert not one.of(ADA) and not other.of(ADA)
        note(one, clock, 79_200)
        assert left(other, clock) == 79_200, "another process knows at once"
        note(other, clock, 60, method=SEND)
        assert left(one, clock, method=SEND) == 60
    clock.advance(1000)
    clock.reboot(down=200, boot=5)
    with opened(make, clock) as after:
        assert abs(left(after, clock) - 78_000) < 1, "a reboot neither frees nor traps"
        clock.set_wall(clock.wall() + 365 * DAY)
    with opened(make, clock) as again:
        assert abs(left(again, clock) - 78_000) < 1, "a clock that is changed after the reboot frees nobody"
    clock.reboot(down=0, boot=30)
    clock.set_wall(0)  # a machine without a battery
    with opened(make, clock) as late:
        assert 0 < left(late, clock) <= 79_200, "the past traps nobody for longer than Telegram said"
        clock.advance(79_200)
        assert left(late, clock) == 0
