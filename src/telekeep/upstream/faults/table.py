"""docs/errors.md: every error, what it is and what to do. ``python -m telekeep.upstream.faults.table > docs/errors.md``

Made from `entries` and `requests` alone, so that it is the same with every release of Telethon.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from telekeep.upstream.faults.entries import ENTRIES, Entry
from telekeep.upstream.faults.kinds import Kind
from telekeep.upstream.faults.requests import REQUESTS

_HEAD = """# Every error, and what to do

Made by `python -m telekeep.upstream.faults.table > docs/errors.md`; a test compares it with the code, and the code with
the list of every Telethon release that telekeep works with. Errors are matched by their exact class. The first column
is Telethon's name (`FLOOD_WAIT_X` is `FloodWaitError`), the second what telekeep raises, with its exit code.
"""

_SAID = {
    Kind.DEAD: "This key, or this account, is over. Nothing is sent with it any more; the session is set aside.",
    Kind.WAIT: "Not before a certain time. It is noted on disk, and no process asks again before.",
    Kind.TRANSIENT: "The line, or Telegram's own trouble. What may be repeated is, with growing pauses.",
    Kind.CONFIG: "A setting is wrong. Trying again changes nothing.",
    Kind.LOCAL: "This machine: its files, its disk, another process.",
    Kind.REQUEST: "An ordinary answer about the request. It is passed on, as it is, to whoever asked.",
}

_OTHERS: dict[Kind, tuple[tuple[str, str, str], ...]] = {
    Kind.DEAD: (("transport error -404", "AuthKeyRevoked (1)", "Log in again in a terminal."),),
    Kind.WAIT: (
        ("transport error -429", "TelegramRateLimitError (4)", "Wait: connections are made with growing pauses."),
    ),
    Kind.TRANSIENT: (
        ("any other transport error", "TelegramNetworkError (5)", "Try again in some minutes."),
        (
            "ConnectionError and its kin, TimeoutError, socket.gaierror, ssl.SSLError, EOFError, OSError",
            "TelegramNetworkError (5)",
            "Check the connection, try another network.",
        ),
        ("a line lost after sending", "MaybeDone (5)", "Look whether it was done before you do it again."),
    ),
    Kind.LOCAL: (
        ("SQLITE_FULL; ENOSPC, EDQUOT", "DiskFull (7)", "Free some space."),
        ("SQLITE_READONLY; EROFS", "DiskReadOnly (7)", "Make it writable again."),
        ("SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL", "StorageUnavailable (7)", "Try again in a moment."),
        (
            "SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_NOLFS; EMFILE, ENFILE, ENOMEM, EIO",
            "StorageUnavailable (7)",
            "Mend what the message names.",
        ),
        ("every other error of SQLite", "SessionCorrupt (7)", "`telekeep history NAME`, then `telekeep restore`."),
    ),
}


def table() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for kind in Kind:
        yield f"## {kind}\n\n{_SAID[kind]}\n"
        rows = [(name, _becomes(each), _advice(each)) for name, each in ENTRIES.items() if each.kind is kind]
        rows += _OTHERS.get(kind, ())
        if rows:
            yield "| error | becomes | remedy |\n| --- | --- | --- |"
            yield "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    yield "The rest, each without `Error`:\n"
    yield textwrap.fill(" ".join(f"`{name}`" for name in sorted(REQUESTS)), 120, break_long_words=False)
    yield ""


def _becomes(entry: Entry) -> str:
    return f"{entry.ours.__name__} ({entry.ours.exit_code})"


def _advice(entry: Entry) -> str:
    waits = f" A day is assumed: {entry.message}" if entry.guess else ""
    return (entry.remedy or entry.ours.default_remedy or "Give what it asks for.") + waits


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
