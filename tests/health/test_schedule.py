"""When a session is touched next, and what its checks come to. Pure: hours and days cost nothing here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telekeep.health.history import WINDOW, availability, failures, summed_up
from telekeep.health.schedule import DAY, HOUR, INTERVAL, Outcome, due, next_check
from telekeep.vault.record import Checked, Entry, Health

NOW = 1_800_000_000.0


def entry(*, used: float | None = None, saved: float = NOW - DAY) -> Entry:
    return Entry("main", "lease", "production", 2, 1, 1, saved, saved, used, "kept", 300)


def health(outcome: str = "ok", *, at: float = NOW, next_at: float | None = NOW + INTERVAL) -> Health:
    return Health(Checked(at, outcome), None, 1, 1, next_at)


@given(st.integers(1, 366), st.floats(HOUR, 400 * DAY), st.text("abc", min_size=1, max_size=5))
def test_no_session_waits_so_long_that_telegram_ends_it(ttl_days: int, interval: float, name: str) -> None:
    when = next_check(Outcome(name, "ok", ttl_days=ttl_days), now=NOW, interval=interval)
    assert when is not None and NOW < when <= NOW + ttl_days * DAY / 10


def test_a_network_that_fails_is_tried_again_soon_and_then_less_and_less() -> None:
    waits = [next_check(Outcome("main", "network", failures=n), now=0.0) or 0.0 for n in range(30)]
    assert waits[0] == 300.0 and waits[1] == 600.0 and waits == sorted(waits) and waits[-1] <= INTERVAL


def test_telegrams_own_deadline_is_never_passed_over() -> None:
    when = next_check(Outcome("main", "rate_limited", wait=79_200.0), now=NOW)
    assert when is not None and when > NOW + 79_200.0
    flooded = health("rate_limited", next_at=when)
    assert due(entry(), flooded, now=NOW + HOUR) == when


def test_a_login_that_is_over_is_not_asked_about_again() -> None:
    assert next_check(Outcome("main", "needs_login"), now=NOW) is None
    assert due(entry(), health("needs_login", next_at=None), now=NOW + 400 * DAY) is None


def test_one_that_was_never_checked_is_due_by_its_last_use() -> None:
    assert due(entry(used=NOW - 60), None, now=NOW) == due(entry(used=NOW - 60), None, now=NOW + 5)
    assert (due(entry(used=NOW - 60), None, now=NOW) or 0) > NOW
    assert (due(entry(used=NOW - DAY), None, now=NOW) or NOW) < NOW
    assert (due(entry(saved=NOW - DAY), None, now=NOW) or NOW) < NOW


def test_a_clock_that_was_set_back_by_a_year_strands_nobody() -> None:
    assert due(entry(), health(next_at=NOW + 365 * DAY), now=NOW) == NOW
    assert (due(entry(used=NOW + 365 * DAY), None, now=NOW) or 0) <= NOW + INTERVAL
    waiting = health("rate_limited", at=NOW + 365 * DAY, next_at=NOW + 365 * DAY)
    assert due(entry(), waiting, now=NOW) == NOW


def test_many_sessions_are_not_asked_about_at_once() -> None:
    assert len({next_check(Outcome(f"session-{n}", "ok"), now=NOW) for n in range(100)}) > 80


def row(at: float, outcome: str = "ok") -> Checked:
    return Checked(at, outcome)


def test_availability_counts_a_week_and_what_says_something() -> None:
    before = [row(NOW - WINDOW - 1, "network"), row(NOW - 300), row(NOW - 200, "network"), row(NOW - 100, "conflict")]
    found = summed_up(before, row(NOW), next_at=None, last_ok=NOW - 300, ttl_days=180)
    assert (found.counted, found.good, found.last_ok) == (3, 2, NOW)
    assert availability(found) == 2 / 3
    failed = summed_up(before, row(NOW, "network"), next_at=None, last_ok=NOW - 300, ttl_days=None)
    assert (failed.good, failed.last_ok) == (1, NOW - 300)
    assert availability(summed_up([], row(NOW, "conflict"), next_at=None, last_ok=None, ttl_days=None)) is None


def test_failures_in_a_row() -> None:
    assert failures([]) == failures([row(1.0, "network"), row(2.0)]) == 0
    assert failures([row(1.0), row(2.0, "network"), row(3.0, "network")]) == 2


def test_a_login_that_is_used_again_is_not_over() -> None:
    over = health("needs_login", next_at=None)
    assert due(entry(used=NOW - 1), over, now=NOW + DAY) is None
    assert (due(entry(used=NOW + DAY), over, now=NOW + DAY) or 0) > NOW + DAY
