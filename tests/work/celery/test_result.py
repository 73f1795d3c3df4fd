from __future__ import annotations

import pytest

from telekeep.errors import (
    AccountBanned,
    AuthKeyRevoked,
    FloodWait,
    MaybeDone,
    NotGranted,
    SessionBusy,
    SessionCorrupt,
    SessionNotFound,
    TelegramNetworkError,
    TelekeepError,
)
from telekeep.work.celery import result


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (AuthKeyRevoked(), result.AUTH_ERROR, False),
        (AccountBanned(), result.AUTH_ERROR, False),
        (SessionBusy(), result.SKIPPED, False),
        (SessionNotFound(), result.SESSION_ERROR, False),
        (SessionCorrupt(), result.SESSION_ERROR, False),
        (NotGranted(), result.SESSION_ERROR, False),
        (MaybeDone(), result.TIMEOUT, False),
        (TelegramNetworkError(), result.TIMEOUT, True),
        (FloodWait(seconds=5, until=5.0), result.RATE_LIMITED, True),
    ],
)
def test_only_what_may_be_over_by_itself_is_tried_again(error: TelekeepError, status: str, again: bool) -> None:
    found = result.verdict(error, failed=1, visibility=3600)
    assert (found.status, found.again is not None) == (status, again)


def test_a_line_that_stays_broken_is_an_answer_in_the_end() -> None:
    ends = [
        result.verdict(TelegramNetworkError(), failed=count, visibility=3600).again is None for count in (1, 2, 3, 4)
    ]
    assert ends == [False, False, False, True]


@pytest.mark.parametrize(("seconds", "visibility", "most"), [(79_200, 3600, 300), (79_200, 40, 10), (2, 3600, 2)])
def test_no_task_is_put_off_beyond_what_the_broker_remembers(seconds: float, visibility: float, most: float) -> None:
    """facts: with a countdown of 25 s and a visibility timeout of 5 s a task ran five times."""
    again = result.verdict(FloodWait(seconds=seconds, until=0.0), failed=9, visibility=visibility).again
    assert again == most


def test_an_answer_says_when_and_why_and_what_to_do() -> None:
    told = result.told(result.AUTH_ERROR, 0.0, error=AuthKeyRevoked())
    assert told["status"] == "auth_error" and told["timestamp"] == "1970-01-01T00:00:00+00:00"
    assert told["error"].startswith("AuthKeyRevoked: ") and told["remedy"]
