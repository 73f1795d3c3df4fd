"""An archive as markdown, csv or json, part by part."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from telekeep.work.archive.rows import Found, Message
from telekeep.work.archive.stores.store import Store


def export(store: Store, form: str, chat_ids: Sequence[int] = (), *, deleted: bool = False) -> Iterator[str]:
    """The messages of an archive as text, in parts. ``form``: markdown, csv or json."""
    forms = {"markdown": _markdown, "csv": _csv, "json": _json}
    people = {number: each.name for number, each in store.people().items()}
    titles = {each.id: each.title for each in store.standing().chats.values()}
    found = (
        Found(each, titles.get(each.chat_id, str(each.chat_id)), people.get(each.sender_id or 0))
        for each in store.messages(chat_ids, deleted=deleted)
    )
    return forms[form](found)


def line(found: Found) -> str:
    """A message on one line."""
    chat, sender, text = (" ".join(each.split()) for each in (found.chat, _sender(found), found.message.text))
    return f"{_moment(found.message.date)}  {chat}  {sender}: {text or _instead(found.message)}"


def _markdown(found: Iterator[Found]) -> Iterator[str]:
    chat = day = None
    for each in found:
        message = each.message
        if message.chat_id != chat:
            yield f"{'' if chat is None else chr(10)}# {_escaped(each.chat)}\n"
            chat, day = message.chat_id, None
        today = _moment(message.date)[:10]
        if today != day:
            yield f"\n## {today}\n\n"
            day = today
        marks = [word for word, so in (("edited", message.edited_at), ("deleted", message.deleted_at)) if so]
        after = f" *({', '.join(marks)})*" if marks else ""
        text = _escaped(message.text) if message.text else f"*{_instead(message)}*"
        text = text.replace("\n", "  \n  ")
        yield f"- {_moment(message.date)[11:]} **{_escaped(_sender(each))}**: {text}{after}\n"


def _csv(found: Iterator[Found]) -> Iterator[str]:
    yield _row(["chat", "sender", "time", *Message._fields])
    for each in found:
        yield _row([each.chat, each.sender, _moment(each.message.date), *each.message])


def _json(found: Iterator[Found]) -> Iterator[str]:
    yield "["
    comma = "\n"
    for each in found:
        told: dict[str, Any] = {**each.message._asdict(), "chat": each.chat, "sender": each.sender}
        if told["entities"]:
            told["entities"] = json.loads(told["entities"])
        yield comma + json.dumps(told, ensure_ascii=False)
        comma = ",\n"
    yield "\n]\n"


def _row(values: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([int(each) if isinstance(each, bool) else each for each in values])
    return out.getvalue()


def _sender(found: Found) -> str:
    return found.sender or str(found.message.sender_id or "?")


def _instead(message: Message) -> str:
    """What a message without text is."""
    return (message.action or message.media or "empty").replace("_", " ")


def _escaped(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`*_[]<>#" else each for each in text)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
