"""How a person names a chat: by user name, link, title or marked id. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from telekeep.errors import ConfigError
from telekeep.work.archive.rows import CHANNELS_BELOW

_USERNAME = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{1,31})")
_HOSTS = ("t.me", "telegram.me", "telegram.dog", "www.t.me")


class Named(NamedTuple):
    """What was typed: ``id`` (marked), ``username`` or ``title``; a word may be a user name as well as a title."""

    typed: str
    id: int | None = None
    username: str | None = None
    title: str | None = None


def read(typed: str) -> Named:
    """Understand what was ``typed``. Raises ConfigError for an invitation, and for nothing at all."""
    text = typed.strip()
    if not text:
        raise ConfigError("A chat has a name.", remedy="Write a user name, a link, a title or a marked id.")
    if re.fullmatch(r"-?[0-9]{1,19}", text):
        return Named(typed, id=int(text))
    if text.lower() in ("me", "self"):
        return Named(typed, username="me")
    if "://" in text or text.lower().startswith(tuple(f"{host}/" for host in _HOSTS)):
        return _link(typed, text)
    found = _USERNAME.fullmatch(text)
    if found:
        return Named(typed, username=found[1], title=None if text.startswith("@") else text)
    return Named(typed, title=text)


def kind_of(chat_id: int) -> str:
    """What a marked id is of, as far as it says: user, group or channel."""
    return "user" if chat_id > 0 else "channel" if chat_id < CHANNELS_BELOW else "group"


def bare(chat_id: int) -> int:
    """The id as Telegram itself writes it."""
    return chat_id if chat_id > 0 else CHANNELS_BELOW - chat_id if chat_id < CHANNELS_BELOW else -chat_id


def _link(typed: str, text: str) -> Named:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme == "tg":
        domain = parse_qs(parts.query).get("domain", [""])[0]
        path = [domain] if domain else []
    elif parts.netloc.lower() in _HOSTS:
        path = [each for each in parts.path.split("/") if each]
    else:
        path = []
    if path[:1] == ["s"]:
        path = path[1:]
    if len(path) >= 2 and path[0] == "c" and path[1].isdecimal():
        return Named(typed, id=CHANNELS_BELOW - int(path[1]))
    found = _USERNAME.fullmatch(path[0]) if path else None
    if found is None or path[0] == "joinchat":
        raise ConfigError(
            f"{typed!r} is no link to a chat that can be read.",
            remedy="Join it first if it is an invitation; then name the chat by its title or its marked id.",
        )
    return Named(typed, username=found[1])
