"""What Telegram limits a request by: its method, and for slow mode its chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telekeep.mtproto.schema import method_name


def leaves(request: Any) -> Iterator[Any]:
    """The requests inside lists and wrappers (invokeWithLayer and its kin): those that are limited."""
    for each in request if isinstance(request, (list, tuple)) else (request,):
        while getattr(each, "query", None) is not None:
            each = each.query
        yield each


def method_of(request: Any) -> str:
    """The TL method of one request, whatever it is wrapped in."""
    return method_name(type(next(leaves(request))))


def chat_of(request: Any) -> str:
    """The chat that a request is sent to, as ``channel 5``; "" if it goes to none, or names it by a word."""
    peer = getattr(request, "peer", None) or getattr(request, "to_peer", None)
    for kind in ("channel", "chat", "user"):
        number = getattr(peer, f"{kind}_id", None)
        if isinstance(number, int):
            return f"{kind} {number}"
    return "me" if type(peer).__name__ == "InputPeerSelf" else ""
