"""Whose question a session answers: its client's, or that of somebody it does not know.

Telethon and kurigram tell a session nothing of its client, and nothing of the two is changed here but that client. So
it is looked for in the frame that asks. Nothing is taken for granted where there is none (a compiled library, a session
around ours, a program that asks by itself): the client could send without the lease, so it does not get the key.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from telekeep.errors import ConfigError


def asker(session: object, frame: FrameType | None) -> tuple[Any, str]:
    """Who asks ``session`` in ``frame``, and in which method; a subclass of the session's only asks on.

    (None, "") if that cannot be told.
    """
    while frame is not None and frame.f_locals.get("self") is session:
        frame = frame.f_back
    return (None, "") if frame is None else (frame.f_locals.get("self"), frame.f_code.co_name)


def unknown(session: object, name: str, *, given: str) -> ConfigError:
    """What to raise where the client must be known, and is not. ``given``: how a client is given its session."""
    kind = type(session).__name__
    return ConfigError(
        f"This {kind} of {name!r} cannot tell which client asks for its key: that client would send without asking for "
        "the lease.",
        remedy=f"Give it to the client itself, and nothing around it: {given}. Or borrow: telekeep.client({name!r}). "
        f"For a session to take elsewhere: telekeep export {name}",
    )
