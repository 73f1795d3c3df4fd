"""The pure rules: what Telegram's words mean, and how long to wait before the same is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.pace import policy
from telekeep.pace.backoff import Backoff
from telekeep.pace.policy import Wait


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("FLOOD_WAIT_79200", Wait("FLOOD_WAIT", 79_200)),
        ("FLOOD_PREMIUM_WAIT_3", Wait("FLOOD_PREMIUM_WAIT", 3)),
        ("FLOOD_WAIT_0", Wait("FLOOD_WAIT", 1)),
        ("SLOWMODE_WAIT_10", Wait("SLOWMODE_WAIT", 10)),
        ("TAKEOUT_INIT_DELAY_86400", Wait("TAKEOUT_INIT_DELAY", 86_400)),
        ("2FA_CONFIRM_WAIT_5", Wait("2FA_CONFIRM_WAIT", 5)),
        ("FLOOD_WAIT", None),
        ("FLOOD_WAIT_3X", None),
        ("XFLOOD_WAIT_3", None),
        ("PEER_FLOOD", None),
        ("", None),
    ],
)
def test_a_wait_is_told_from_everything_else(text: str, wait: Wait | None) -> None:
    assert policy.parse(text) == wait


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_quiet_minute_never_makes_a_method_slower_nor_a_flood_quicker(interval: float, quiet: float) -> None:
    assert 0 <= policy.decayed(interval, quiet) <= interval
    assert policy.FIRST_INTERVAL < policy.doubled(interval) <= policy.LONGEST_INTERVAL


@given(st.integers(1, 10_000), st.floats(0, 0.999), st.floats(0, 1e6))
def test_a_pause_is_between_what_was_said_and_the_cap(failed: int, chance: float, said: float) -> None:
    pause = Backoff(attempts=None, first=0.5, cap=30, jitter=lambda: chance).pause(failed, said=said)
    assert pause is not None
    assert said <= pause <= said + 30


def test_the_limit_doubles_until_the_cap_and_the_attempts_end() -> None:
    """003-F3: no backoff existed, and the limit was never used."""
    backoff = Backoff(attempts=6, first=1, cap=5, jitter=lambda: 1.0)
    assert [backoff.pause(failed) for failed in range(1, 8)] == [1, 2, 4, 5, 5, None, None]
    assert Backoff(attempts=1).pause(1) is None


def test_many_who_failed_together_do_not_come_back_together() -> None:
    pauses = {Backoff(first=10).pause(1) for _ in range(50)}
    assert len(pauses) == 50
    assert min(each for each in pauses if each is not None) < 5 < max(each for each in pauses if each is not None)
