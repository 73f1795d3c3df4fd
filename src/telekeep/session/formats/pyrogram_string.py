"""Pyrogram's session string: base64 of data center, api id, test flag, auth key, user and bot flag; 362 characters.

Two older layouts have no api id, and 356 or 351 characters (pyrogram/storage/storage.py). None has an address: whoever
opens such a string connects to Telegram's own. So it can hold a session of Telegram's networks, but never a loan.
"""

from __future__ import annotations

import base64
import struct

from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session.formats import foreign
from telekeep.session.formats.format import (
    DC_RULE,
    KEY_RULE,
    Findings,
    Rule,
    check_dc,
    check_key,
    network_name,
)
from telekeep.session.formats.text import Bare, bare, from_base64
from telekeep.session.model import AuthKey, DataCenter, Session, User
from telekeep.session.network import PRODUCTION, TEST, Network, telegrams_own

_NEWEST = struct.Struct(">BI?256sQ?")
# by characters, without the = at the end
_LAYOUTS = {362: _NEWEST, 356: struct.Struct(">B?256sQ?"), 351: struct.Struct(">B?256sI?")}
_LENGTHS = "362, 356 or 351"
_COPY_AGAIN = "Copy it again, whole, from `await app.export_session_string()`."
_ALONE = "Keep nothing but the string itself, in one line."


class PyrogramString:
    """The string that ``Client.export_session_string()`` returns."""

    name = "pyrogram-string"
    is_text = True

    def recognises(self, source: bytes) -> bool:
        core = bare(source).core.rstrip("=")
        raw = from_base64(core) if len(core) in _LAYOUTS else None
        if raw is None or len(raw) != _LAYOUTS[len(core)].size:
            return False
        test = raw[5] if len(core) == 362 else raw[1]
        return 1 <= raw[0] <= 5 and test <= 1 and raw[-1] <= 1

    def rules(self, source: bytes, *, network: Network | None = None) -> tuple[Rule, ...]:
        return _examine(bare(source), network)[0].rules

    def read(self, source: bytes, *, network: Network | None = None) -> Session:
        if not self.recognises(source):
            raise foreign.unknown(source)
        findings, session = _examine(bare(source), network)
        if session is None:
            raise findings.error or SessionCorrupt()
        return session

    def losses(self, session: Session) -> tuple[str, ...]:
        lost = []
        if session.network != _own_name(session):
            lost.append(f"the name of its network, {session.network}")
        if _whose(session) is None:
            lost.append("everything: it does not say whose session it is")
        elif session.user is not None:
            if session.user.is_bot is None:
                lost.append("that it is not known whether it is a bot: it is written as a person's")
            if session.user.username:
                lost.append("its own username")
        if session.state is not None:
            lost.append("the update state: updates missed meanwhile are not caught up")
        if session.peers:
            lost.append(f"the peers it has met ({len(session.peers)})")
        if session.application is not None:
            lost.append("the api hash")
        if not _is_at_home(session):
            lost.append("its address: a Pyrogram string has none, and goes to Telegram's own")
        return tuple(lost)

    def write(self, session: Session) -> bytes:
        user = _whose(session)
        if user is None or not _is_at_home(session):
            raise FormatLoss(
                "A Pyrogram string has to say whose it is, and this session does not know."
                if user is None
                else f"A Pyrogram string has no place for an address, and would lead away from {session.dc.host}.",
                losses=self.losses(session),
                remedy="Use it once, so that it is known: telekeep test NAME"
                if user is None
                else "Take pyrogram-sqlite, which has one.",
            )
        packed = _NEWEST.pack(
            session.dc.id,
            session.application.api_id if session.application else 0,
            session.network == TEST.name,
            session.auth_key.reveal(),
            user.id,
            bool(user.is_bot),
        )
        return base64.urlsafe_b64encode(packed).rstrip(b"=")


def _whose(session: Session) -> User | None:
    user = session.user
    return user if user and 1 <= user.id < 1 << 63 else None


def _own_name(session: Session) -> str:
    return TEST.name if session.network == TEST.name else PRODUCTION.name


def _is_at_home(session: Session) -> bool:
    """Whether it lies where a Pyrogram will look for it."""
    here = session.dc.host, session.dc.port
    return session.dc.id <= 255 and here == telegrams_own(session.dc.id, test=session.network == TEST.name)


def _examine(text: Bare, network: Network | None) -> tuple[Findings, Session | None]:
    """Look at every rule; the session only if all are kept."""
    findings = Findings(
        "This Pyrogram string",
        f"has {_LENGTHS} characters",
        "is URL-safe base64: A-Z a-z 0-9 - _",
        "is one line, with no line break after it",
        "stands alone: no quotation marks, blanks or names",
        "says who is logged in",
        DC_RULE,
        KEY_RULE,
    )
    core = text.core.rstrip("=")
    layout = _LAYOUTS.get(len(core))
    measured = findings.check(
        None if layout else f"it has {len(core)} characters, not {_LENGTHS}",
        found=f"{len(core)} characters",
        remedy=_COPY_AGAIN,
        error=UnknownFormat,
    )
    raw = from_base64(core)
    spelled = findings.check(_misspelt(core, raw, layout), found="yes", remedy=_COPY_AGAIN)
    findings.check(text.lines, found="yes", remedy=_ALONE)
    findings.check(text.around, found="yes", remedy=_ALONE)
    if layout is None or raw is None or not (measured and spelled):
        return findings, None
    dc_id, *_, test, key, user_id, is_bot = layout.unpack(raw)
    nobody = "it names no user: nobody has logged in with it"
    findings.check(None if 1 <= user_id < 1 << 63 else nobody, found=f"user {user_id}")
    host, port = telegrams_own(dc_id, test=test, network=network)
    check_dc(findings, dc_id if host else -1, network)
    check_key(findings, key)
    if findings.error or host is None or port is None:
        return findings, None
    dc = DataCenter(dc_id, host, port)
    name = TEST.name if test and network is None else network_name(dc, network)
    return findings, Session(dc, AuthKey(key), User(user_id, is_bot), network=name)


def _misspelt(core: str, raw: bytes | None, layout: struct.Struct | None) -> str | None:
    if not core:
        return "there is nothing to read"
    if raw is None or (layout is not None and len(raw) != layout.size):
        return "it holds letters that do not belong there"
    if layout is not None and base64.urlsafe_b64encode(raw).decode().rstrip("=") != core:
        return "its letters were changed: it does not end, or is not spelt, as Pyrogram does it"
    return None
