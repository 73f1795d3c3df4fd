"""Pyrogram's session string: base64 of data center, api id, test flag, auth key, user and bot flag; 362 characters.

Two older layouts have no api id, and 356 or 351 characters (pyrogram/storage/storage.py). None has an address: whoever
opens such a string connects to Telegram's own. So it can hold a session of Telegram's networks, but never a loan.
"""

from __future__ import annotations

import base64
import re
import struct

from telekeep.errors import FormatLoss, UnknownFormat
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import (
    DC_RULE,
    KEY_RULE,
    Findings,
    check_dc,
    check_key,
    network_name,
)
from telekeep.session.formats.home import away, home
from telekeep.session.formats.pyrogram_sqlite import NOBODY
from telekeep.session.formats.tables import INT64
from telekeep.session.formats.text import ALONE_RULE, LINE_RULE, bare, check_around, from_base64
from telekeep.session.model import AuthKey, DataCenter, Session, User
from telekeep.session.network import PRODUCTION, TEST, Network, telegrams_own

_NEWEST = struct.Struct(">BI?256sQ?")
# by characters, without the = at the end
_LAYOUTS = {362: _NEWEST, 356: struct.Struct(">B?256sQ?"), 351: struct.Struct(">B?256sI?")}
_LENGTHS = "362, 356 or 351"
_SOUND = re.compile(rb"[A-Za-z0-9_-]{361}[AQgw]")  # at its end: the four bits that no byte has are 0
_COPY_AGAIN = "Copy it again, whole, from `await app.export_session_string()`."


class PyrogramString(Form):
    """The string that ``Client.export_session_string()`` returns."""

    name = "pyrogram-string"
    is_text = True
    follows_address = False
    subject = "This Pyrogram string"
    loses_application = "the api hash"
    variants = tuple(_LAYOUTS)
    texts = (
        f"has {_LENGTHS} characters",
        "is URL-safe base64: A-Z a-z 0-9 - _",
        LINE_RULE,
        ALONE_RULE,
        "says who is logged in",
        DC_RULE,
        KEY_RULE,
    )

    def recognises(self, source: bytes) -> bool:
        core = bare(source).core.rstrip("=")
        raw = from_base64(core) if len(core) in _LAYOUTS else None
        if raw is None or len(raw) != _LAYOUTS[len(core)].size:
            return False
        test = raw[5] if len(core) == 362 else raw[1]
        return 1 <= raw[0] <= 5 and test <= 1 and raw[-1] <= 1

    def sound(self, source: bytes, network: Network | None) -> Session | None:
        if len(source) != 362 or not _SOUND.fullmatch(source):
            return None
        raw = base64.b64decode(source + b"==", b"-_")
        dc_id, _, test, key, user_id, is_bot = _NEWEST.unpack(raw)
        host, port = telegrams_own(dc_id, test=test, network=network)
        if not (1 <= dc_id <= 5 and raw[5] <= 1 and raw[-1] <= 1 and 1 <= user_id < INT64 and any(key)):
            return None
        if host is None or port is None:
            return None
        dc = DataCenter(dc_id, host, port)
        name = TEST.name if test and network is None else network_name(dc, network)
        return Session(dc, AuthKey(key), User(user_id, is_bot), network=name)

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        text = bare(source)
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
        check_around(findings, text)
        if layout is None or raw is None or not (measured and spelled):
            return None
        dc_id, *_, test, key, user_id, is_bot = layout.unpack(raw)
        nobody = "it names no user: nobody has logged in with it"
        findings.check(None if 1 <= user_id < INT64 else nobody, found=f"user {user_id}")
        host, port = telegrams_own(dc_id, test=test, network=network)
        check_dc(findings, dc_id if host else -1, network)
        check_key(findings, key)
        if findings.error or host is None or port is None:
            return None
        dc = DataCenter(dc_id, host, port)
        name = TEST.name if test and network is None else network_name(dc, network)
        return Session(dc, AuthKey(key), User(user_id, is_bot), network=name)

    def held(self, session: Session) -> Session:
        name = TEST.name if session.network == TEST.name else PRODUCTION.name
        return Session(home(session), session.auth_key, _owner(session), network=name)

    def refusal(self, session: Session) -> Refusal | None:
        if not 1 <= session.dc.id <= 255:
            return Refusal("A Pyrogram string holds data centers below 256.", "its data center")
        return away(session) or (NOBODY if _owner(session) is None else None)

    def encode(self, session: Session, variant: int | None) -> bytes:
        """With 362 characters, or in an older layout of 356 or 351; the last takes small user ids only."""
        user, test = _owner(session), session.network == TEST.name
        api_id = session.application.api_id if session.application else 0
        layout = _LAYOUTS[variant or 362]
        if user is None or (variant == 351 and user.id >= 1 << 32):
            raise FormatLoss(
                "This user id does not fit into a Pyrogram string of 351 characters.", losses=("its user",)
            )
        application = (api_id,) if layout is _NEWEST else ()
        packed = layout.pack(session.dc.id, *application, test, session.auth_key.reveal(), user.id, bool(user.is_bot))
        return base64.urlsafe_b64encode(packed).rstrip(b"=")


def _owner(session: Session) -> User | None:
    user = session.user
    return User(user.id, bool(user.is_bot)) if user and 1 <= user.id < INT64 else None


def _misspelt(core: str, raw: bytes | None, layout: struct.Struct | None) -> str | None:
    if not core:
        return "there is nothing to read"
    if raw is None or (layout is not None and len(raw) != layout.size):
        return "it holds letters that do not belong there"
    if layout is not None and base64.urlsafe_b64encode(raw).decode().rstrip("=") != core:
        return "its letters were changed: it does not end, or is not spelt, as Pyrogram does it"
    return None
