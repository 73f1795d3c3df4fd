"""Formats without an address: whoever opens such a session connects to Telegram's own.

So they can hold a session of Telegram's networks, but never a loan, and none of a network of one's own.
"""

from __future__ import annotations

from telekeep.session.formats.form import Refusal
from telekeep.session.model import DataCenter, Session
from telekeep.session.network import TEST, telegrams_own


def home(session: Session) -> DataCenter:
    """Where a program would look for this session: Telegram's own address of its data center, if there is one."""
    host, port = telegrams_own(session.dc.id, test=session.network == TEST.name)
    return DataCenter(session.dc.id, host, port) if host and port else session.dc


def away(session: Session, remedy: str = "Take a format that has one, such as pyrogram-sqlite.") -> Refusal | None:
    """Why a format without an address cannot hold ``session``, if it cannot."""
    host, port = telegrams_own(session.dc.id, test=session.network == TEST.name)
    if (host, port) == (session.dc.host, session.dc.port):
        return None
    return Refusal(
        f"This format has no place for an address, and would lead away from {session.dc.host}.",
        "its address: this format has none, and goes to Telegram's own",
        remedy,
    )
