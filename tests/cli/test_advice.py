"""Advice rests on the last authorized use, in steps that can be configured (X-2, 002-8, 000-18)."""

from __future__ import annotations

import pytest

from telekeep import settings
from telekeep.cli.advice import CONSIDER, DAY, DEFAULT_DAYS, IDLE, IN_USE, OVERDUE, RECENT, advise

NOW = 1_900_000_000.0


def _level(idle: float | None, *, saved: float = 0, **more) -> str:
    used = None if idle is None else NOW - idle * DAY
    return advise("main", last_used_at=used, saved_at=NOW - saved * DAY, now=NOW, **more).level


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (0, RECENT),
        (13.9, RECENT),
        (14, IDLE),
        (29.9, IDLE),
        (30, CONSIDER),
        (89.9, CONSIDER),
        (90, OVERDUE),
        (4000, OVERDUE),
    ],
)
def test_the_steps_are_14_30_and_90_days_without_use(days: float, level: str) -> None:
    assert _level(days) == level


def test_an_old_session_in_use_is_recent() -> None:
    """000-F15, 002-F12: age since creation ends nothing, and a file that every use touches tells nothing."""
    assert _level(0.1, saved=1000) == RECENT
    assert _level(60, saved=0.1) == CONSIDER, "writing to it is no authorized use"


def test_a_session_that_is_held_is_in_use() -> None:
    assert _level(400, held=True) == IN_USE


def test_a_session_never_used_counts_from_when_it_was_kept() -> None:
    assert _level(None, saved=1) == RECENT and _level(None, saved=31) == CONSIDER
    words = advise("main", last_used_at=None, saved_at=NOW - 5 * DAY, now=NOW).words
    assert "kept 5 days ago and not used since" in words and "`telekeep test main`" in words


def test_the_words_name_the_span_and_the_next_command() -> None:
    assert advise("main", last_used_at=NOW - 3 * 3600, saved_at=0, now=NOW).words == "used 3 h ago: nothing to do"
    words = advise("main", last_used_at=NOW - 31 * DAY, saved_at=0, now=NOW).words
    assert words.startswith("not used for 31 days: consider `telekeep test main`")
    assert "age ends no session" in words


def test_a_clock_that_was_set_back_is_no_negative_age() -> None:
    advice = advise("main", last_used_at=NOW + 50, saved_at=0, now=NOW)
    assert (advice.idle, advice.level) == (0.0, RECENT)


def test_the_steps_can_be_configured() -> None:
    assert settings.Settings().age_days == DEFAULT_DAYS
    assert _level(2, days=settings.parse_age_days("1,3,9")) == IDLE
