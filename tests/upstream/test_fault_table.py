"""No release of Telethon brings an error that nobody has looked at, and the page that lists them tells the truth."""

from __future__ import annotations

import errno
import sqlite3
import ssl
from pathlib import Path
from typing import Any

import pytest
from telethon import errors, functions
from telethon.errors import common, rpcerrorlist

from telekeep import errors as ours
from telekeep.testing.fakes import ManualClock
from telekeep.upstream.faults import DEAD, Kind, judge, named
from telekeep.upstream.faults.entries import ENTRIES
from telekeep.upstream.faults.requests import REQUESTS
from telekeep.upstream.faults.table import table

CLOCK = ManualClock()
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
MOVES = {"FileMigrate", "NetworkMigrate", "PhoneMigrate", "StatsMigrate", "UserMigrate"}
LISTED: list[Any] = [
    each for each in vars(rpcerrorlist).values() if isinstance(each, type) and each.__module__ == rpcerrorlist.__name__
]
OWN: list[Any] = [
    each
    for each in vars(common).values()
    if isinstance(each, type) and issubclass(each, Exception) and each.__module__ == common.__name__
]


def sample(kind: Any, capture: int = 7) -> BaseException:
    """One error of this class, as Telethon makes it."""
    asked = functions.messages.GetHistoryRequest(None, 0, None, 0, 0, 0, 0, 0)
    try:
        error: BaseException = kind(request=asked, capture=capture)
    except TypeError:
        error = kind(request=asked)
    return error


def test_every_error_of_telethons_list_was_looked_at_once() -> None:
    names = {each.__name__ for each in LISTED}
    assert len(names) > 500
    assert {name for name in names if name not in ENTRIES and name.removesuffix("Error") not in REQUESTS} == set()
    assert {f"{name}Error" for name in REQUESTS} & set(ENTRIES) == set()


def test_every_error_of_telethons_own_was_looked_at_too() -> None:
    apart = {
        "InvalidBufferError",
        "MultiError",
        "AlreadyInConversationError",
    }  # by code; the first of them; a program's
    assert {each.__name__ for each in OWN} - set(ENTRIES) == apart


@pytest.mark.parametrize("kind", LISTED, ids=lambda each: each.__name__)
def test_each_becomes_what_the_table_says_of_it(kind: Any) -> None:
    fault = judge(sample(kind), clock=CLOCK)
    entry = ENTRIES.get(kind.__name__)
    assert fault.kind is (entry.kind if entry else Kind.REQUEST)
    assert type(fault.error) is (entry.ours if entry else ours.TelekeepError)
    assert fault.method == "messages.getHistory"
    assert fault.remedy == (entry.remedy if entry and entry.remedy else type(fault.error).default_remedy)
    assert (kind in DEAD) == (fault.kind is Kind.DEAD and kind is not errors.PhoneNumberBannedError)
    if fault.kind is Kind.WAIT:
        assert fault.seconds in (7, 7 * 60, 86_400)
        assert isinstance(fault.error, ours.TelegramRateLimitError)
        assert fault.error.until == CLOCK.wall() + fault.seconds
    else:
        assert fault.seconds == 0
    if kind.__name__.removesuffix("Error") in MOVES or kind.__name__.startswith("Interdc"):
        assert fault.dc == 7


def test_an_error_with_minutes_is_counted_in_minutes() -> None:
    assert judge(sample(errors.PreviousChatImportActiveWaitMinError, 3), clock=CLOCK).seconds == 180


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (sqlite3.DatabaseError("file is not a database"), ours.SessionCorrupt, Kind.LOCAL),
        (OSError(errno.ENOSPC, "No space left on device"), ours.DiskFull, Kind.LOCAL),
        (OSError(errno.EROFS, "Read-only file system"), ours.DiskReadOnly, Kind.LOCAL),
        (OSError(errno.EMFILE, "Too many open files"), ours.StorageUnavailable, Kind.LOCAL),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), ours.TelegramNetworkError, Kind.TRANSIENT),
        (ssl.SSLError(5, "eof"), ours.TelegramNetworkError, Kind.TRANSIENT),
        (TimeoutError(), ours.TelegramNetworkError, Kind.TRANSIENT),
        (ours.SessionBusy(), ours.SessionBusy, Kind.LOCAL),
        (ours.LoginBudgetSpent(), ours.LoginBudgetSpent, Kind.WAIT),
        (ours.MaybeDone(), ours.MaybeDone, Kind.REQUEST),
        (ours.AuthKeyDuplicated(), ours.AuthKeyDuplicated, Kind.DEAD),
    ],
    ids=lambda each: str(each) if isinstance(each, str) else getattr(each, "__name__", type(each).__name__),
)
def test_errors_of_the_machine_are_told_from_errors_of_the_line(
    error: BaseException, expected: type[ours.TelekeepError], kind: Kind
) -> None:
    fault = judge(error, clock=CLOCK)
    assert (type(fault.error), fault.kind) == (expected, kind)


def test_a_busy_file_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    """003-F1: corruption is what SQLite says it is, nothing else."""
    path = tmp_path / "x.session"
    with sqlite3.connect(path) as one:
        one.execute("CREATE TABLE t (x)")
        one.commit()
        one.execute("BEGIN EXCLUSIVE")
        other = sqlite3.connect(path, timeout=0)
        with pytest.raises(sqlite3.OperationalError) as raised:
            other.execute("SELECT * FROM t")
        other.close()
    one.close()
    found = named(raised.value, clock=CLOCK)
    assert type(found) is ours.StorageUnavailable
    assert found.remedy == "Try again in a moment."


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == table(), "run: python -m telekeep.upstream.faults.table > docs/errors.md"
    for name in (*ENTRIES, *REQUESTS):
        assert name in PAGE.read_text()
