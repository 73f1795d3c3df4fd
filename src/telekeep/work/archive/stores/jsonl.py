"""An archive in one file of JSON lines, to which only is added.

A line is an object with a ``type``: ``message`` (the last one with its chat_id and id counts), ``deleted``, ``person``,
``file``, ``chat``, or ``commit``, which ends a batch and holds the cursor. What stands behind the last ``commit`` was
never finished: the next process that writes cuts it off, and fetches it again. So rows and cursor are one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from telekeep.database import border
from telekeep.errors import ConfigError, SessionCorrupt, UnknownFormat
from telekeep.work.archive.pacing import DAY, day_of
from telekeep.work.archive.rows import (
    CHANNELS_BELOW,
    Batch,
    Chat,
    Cursor,
    File,
    Found,
    Gone,
    Message,
    Person,
    Progress,
    Put,
    Span,
    Standing,
)
from telekeep.work.archive.stores.store import busy, check_account

FORMAT = "telekeep archive 1"
_DELETED = -1  # in the place of a message's checksum


class JsonlStore:
    """See the module and `telekeep.work.archive.stores.store.Store`. Made if it is not there, unless ``reading``.

    Who writes keeps a checksum of each message in memory, about 100 bytes.
    """

    at_once = True

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._path = path.absolute()
        self._known: dict[int, dict[int, int]] = {}  # chat -> message -> checksum
        self._people: dict[int, Person] = {}
        self._files: dict[int, File] = {}
        self._standing = Standing()
        self._fetched: Counter[int] = Counter()
        self._claimed = False
        if reading and not path.exists():
            raise ConfigError(f"There is no archive {path}.", remedy="Name it with --in FILE.")
        with border(path):
            flags = os.O_RDONLY if reading else os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._file = os.open(path, flags | os.O_CLOEXEC, 0o600)
        self._end = self._read_lines = 0  # bytes and lines that were committed, as far as they were read
        try:
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    # ---- what lies there

    def _read(self) -> None:
        """Take in what was committed since this was last done."""
        pending: list[dict[str, Any]] = []
        at, is_whole = self._end, True
        for number, line in enumerate(self._lines(self._end), self._read_lines + 1):
            at += len(line)
            if not line.endswith(b"\n"):
                break  # torn, or somebody is writing it
            row = _row(line)
            is_commit = row is not None and row.get("type") == "commit"
            is_whole = is_whole and row is not None
            if is_commit and not is_whole:  # no torn end: what was committed later stands behind it
                raise self._damaged(self._read_lines + len(pending) + 1)
            if not is_whole or row is None:
                continue
            pending.append(row)
            if is_commit:
                self._take_all(pending)
                pending, self._end, self._read_lines = [], at, number
        if self._end == 0 and os.fstat(self._file).st_size and not self._is_torn_beginning():
            raise self._foreign()

    def _take_all(self, rows: list[dict[str, Any]]) -> None:
        for number, row in enumerate(rows, self._read_lines + 1):
            try:
                self._take(row)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise self._damaged(number) from None

    def _foreign(self) -> UnknownFormat:
        return UnknownFormat(f"{self._path} is no archive of telekeep.", remedy="Name another file with --to.")

    def _damaged(self, line: int) -> SessionCorrupt | UnknownFormat:
        if self._end == 0 and not self._is_torn_beginning():
            return self._foreign()
        return SessionCorrupt(
            f"{self._path} is damaged in line {line}, and goes on behind it. Nothing was changed.",
            remedy="Put a copy of the file back, mend that line, or archive into another file.",
        )

    def _is_torn_beginning(self) -> bool:
        head = os.pread(self._file, 64, 0)
        ours = json.dumps({"type": "archive", "format": FORMAT}).encode()
        return head.startswith(ours) or ours.startswith(head)

    def _lines(self, start: int) -> Iterator[bytes]:
        with border(self._path), self._path.open("rb") as file:
            file.seek(start)
            yield from file

    def _take(self, row: dict[str, Any]) -> None:
        kind = row.pop("type")
        if kind == "message":
            found = Message(**row)
            self._known.setdefault(found.chat_id, {})[found.id] = _checksum(found)
        elif kind == "deleted":
            self._known.setdefault(row["chat_id"], {}).update(dict.fromkeys(row["ids"], _DELETED))
        elif kind == "person":
            self._people[row["id"]] = Person(**row)
        elif kind == "file":
            self._files[row["id"]] = File(**row)
        elif kind == "chat":
            self._standing.chats[row["id"]] = _chat(row)
        elif kind == "commit":
            if row.get("account") is not None:
                self._standing.account_id = row["account"]
            if row.get("cursor") is not None:
                self._standing.cursor = Cursor(*row["cursor"])
            self._fetched[day_of(row["at"])] += row.get("fetched", 0)

    # ---- writing

    def claim(self) -> None:
        if not self._claimed:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise busy(str(self._path)) from None
            self._claimed = True
            self._read()
            with border(self._path):
                os.ftruncate(self._file, self._end)  # a batch that was never finished

    def keep_for(self, account_id: int, name: str) -> None:
        owner = self._standing.account_id
        check_account(account_id if owner is None else owner, account_id, str(self._path), name)
        if owner is None:
            head = {"type": "archive", "format": FORMAT}
            self._append([head, {"type": "commit", "at": 0, "account": account_id}])
            self._standing.account_id = account_id

    def commit(self, batch: Batch) -> None:
        rows: list[dict[str, Any]] = []
        news: dict[tuple[int, int], int] = {}

        def known(chat_id: int, message_id: int) -> int | None:
            found = news.get((chat_id, message_id))
            return self._known.get(chat_id, {}).get(message_id) if found is None else found

        def delete(chat_id: int, ids: Iterable[int]) -> None:
            alive = [each for each in ids if known(chat_id, each) not in (None, _DELETED)]
            if alive:
                rows.append({"type": "deleted", "chat_id": chat_id, "ids": alive, "at": batch.at})
                news.update(((chat_id, each), _DELETED) for each in alive)

        for change in batch.changes:
            if isinstance(change, Put):
                for each in change.messages:
                    before, now = known(each.chat_id, each.id), _checksum(each)
                    if before != now and (change.shown or before != _DELETED):
                        rows.append({"type": "message", **_without_nothing(each._asdict())})
                        news[each.chat_id, each.id] = now
            elif isinstance(change, Gone):
                if change.chat_id is not None:
                    delete(change.chat_id, change.ids)
                    continue
                chats = {each for each in (*self._known, *(chat for chat, _ in news)) if each > CHANNELS_BELOW}
                for chat in sorted(chats):
                    delete(chat, change.ids)
            elif isinstance(change, Span):
                there = {*self._between(change), *(number for chat, number in news if chat == change.chat_id)}
                inside = {each for each in there if change.low <= each <= change.high}
                delete(change.chat_id, sorted(inside - change.present - change.spared))
        rows += [
            {"type": "person", **each._asdict()} for each in batch.people.values() if self._people.get(each.id) != each
        ]
        files = [_with_path(each, self._files.get(each.id)) for each in batch.files.values()]
        rows += [{"type": "file", **each._asdict()} for each in files if self._files.get(each.id) != each]
        rows += [{"type": "chat", **_chat_row(each)} for each in batch.chats.values()]
        end: dict[str, Any] = {"type": "commit", "at": batch.at}
        if batch.cursor is not None:
            end["cursor"] = list(batch.cursor)
        if batch.fetched:
            end["fetched"] = batch.fetched
        self._append([*rows, end])
        for (chat_id, message_id), checksum in news.items():
            self._known.setdefault(chat_id, {})[message_id] = checksum
        self._people.update(batch.people)
        self._files.update((each.id, each) for each in files)
        self._standing.chats.update(batch.chats)
        self._standing.cursor = batch.cursor or self._standing.cursor
        self._fetched[day_of(batch.at)] += batch.fetched

    def _between(self, span: Span) -> Iterable[int]:
        """The messages that are known in a span."""
        known = self._known.get(span.chat_id, {})
        if span.high - span.low < len(known):
            return (each for each in range(span.low, span.high + 1) if each in known)
        return (each for each in known if span.low <= each <= span.high)

    def _append(self, rows: list[dict[str, Any]]) -> None:
        """One batch behind the last. What the disk takes of it only in part is cut off again."""
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")
        with border(self._path):
            try:
                written = 0
                while written < len(data):
                    written += os.write(self._file, data[written:])
            except OSError:
                os.ftruncate(self._file, self._end)
                raise
        self._end += len(data)

    # ---- reading

    def standing(self, day: int = 0) -> Standing:
        self._standing.fetched = self._fetched[day]
        return self._standing

    def count(self, chat_id: int | None = None) -> int:
        chats = self._known.values() if chat_id is None else [self._known.get(chat_id, {})]
        return sum(checksum != _DELETED for chat in chats for checksum in chat.values())

    def messages(self, chat_ids: Sequence[int] = (), *, deleted: bool = False) -> Iterator[Message]:
        found: dict[tuple[int, int], Message] = {}
        for row in self._committed():
            kind = row.pop("type")
            if kind == "message":
                each = Message(**row)
                found[each.chat_id, each.id] = each
            elif kind == "deleted":
                for number in row["ids"]:
                    where = (row["chat_id"], number)
                    if where in found:
                        found[where] = found[where]._replace(deleted_at=row["at"])
        for where in sorted(found):
            each = found[where]
            if (deleted or each.deleted_at is None) and (not chat_ids or each.chat_id in chat_ids):
                yield each

    def _committed(self) -> Iterator[dict[str, Any]]:
        at = 0
        for line in self._lines(0):
            at += len(line)
            if at > self._end:
                return
            yield json.loads(line)

    def people(self) -> dict[int, Person]:
        return dict(self._people)

    def files(self, *, missing: bool = False) -> Iterable[File]:
        found = [each for each in self._files.values() if not (missing and each.path)]
        return sorted(found, key=lambda each: (each.chat_id, each.message_id, each.id))

    def search(self, words: str, chat_ids: Sequence[int] = (), limit: int = 50) -> list[Found]:
        wanted = words.casefold().split()
        chats = self._standing.chats
        hits = [
            each for each in self.messages(chat_ids) if wanted and all(word in each.text.casefold() for word in wanted)
        ]
        hits.sort(key=lambda each: (each.date, each.id), reverse=True)
        return [Found(each, self._title(chats, each.chat_id), self._name(each.sender_id)) for each in hits[:limit]]

    def _title(self, chats: dict[int, Chat], chat_id: int) -> str:
        return chats[chat_id].title if chat_id in chats else str(chat_id)

    def _name(self, sender_id: int | None) -> str | None:
        found = self._people.get(sender_id or 0)
        return found.name if found else None

    def per_day(self, chat_ids: Sequence[int] = ()) -> list[tuple[int, int]]:
        return sorted(Counter(each.date // DAY for each in self.messages(chat_ids)).items())

    def close(self) -> None:
        os.close(self._file)  # and with it the claim


def _row(line: bytes) -> dict[str, Any] | None:
    """The object that a line is; None for all else."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _checksum(message: Message) -> int:
    return crc32(repr(message._replace(deleted_at=None)).encode("utf-8", "replace"))


def _without_nothing(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _with_path(file: File, before: File | None) -> File:
    """The file as it was seen first; with its path, if one of them has it."""
    return file if before is None else before._replace(path=file.path or before.path)


def _chat_row(chat: Chat) -> dict[str, Any]:
    return {**chat._asdict(), "progress": list(chat.progress)}


def _chat(row: dict[str, Any]) -> Chat:
    return Chat(**{**row, "progress": Progress(*row["progress"])})
