"""mtcute's session string, version 3: URL-safe base64 of version, flags, data center, user and auth key.

Flags: 1 a user follows, 2 test network (before version 3), 4 a data center for files follows
(packages/core/src/highlevel/utils/string-session.ts). Versions 1 and 2, which had TL objects in them, are not read.
"""

from __future__ import annotations

import base64
import struct

from telekeep.errors import UnknownFormat
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
)
from telekeep.session.formats.mtcute_dc import held_network, mtcute_network, no_place, read_dc, write_dc
from telekeep.session.formats.packed import Ended, Packed, tl_bytes
from telekeep.session.formats.text import ALONE_RULE, LINE_RULE, bare, check_around, from_base64
from telekeep.session.model import KEY_BYTES, AuthKey, DataCenter, Session, User
from telekeep.session.network import Network

_VERSION = 3
_USER, _MEDIA = 1, 4
_TRUE, _FALSE = struct.pack("<I", 0x997275B5), struct.pack("<I", 0xBC799737)
_INT53 = 1 << 53  # JavaScript's numbers are whole below it
_HEAD = 5  # bytes: version and flags
_COPY_AGAIN = "Copy it again, whole, from `await client.exportSession()`."


class MtcuteString(Form):
    """The string that ``TelegramClient.exportSession()`` of mtcute returns."""

    name = "mtcute-string"
    is_text = True
    subject = "This mtcute string"
    texts = (
        "is URL-safe base64 of version 3: data center, user and key",
        LINE_RULE,
        ALONE_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
    )

    def recognises(self, source: bytes) -> bool:
        core = bare(source).core
        if not core.startswith("Aw") or not 300 <= len(core) <= 1000:  # 3, in base64
            return False
        raw = from_base64(core)
        return raw is not None and len(raw) > _HEAD + KEY_BYTES and raw[0] == _VERSION and not any(raw[2:_HEAD])

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        text = bare(source)
        raw = from_base64(text.core) or b""
        parts = _parts(raw)
        again = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        sound = parts is not None and again == text.core.rstrip("=")
        problem = None if sound else "it is cut off, or its letters were changed"
        findings.check(problem, found="yes", remedy=_COPY_AGAIN, error=UnknownFormat)
        check_around(findings, text)
        if parts is None:
            return None
        dc, is_test, user, key = parts
        check_dc(findings, dc.id, network)
        check_address(findings, dc.host, dc.port)
        check_key(findings, key)
        if findings.error:
            return None
        return Session(dc, AuthKey(key), user, network=mtcute_network(dc, is_test, network))

    def held(self, session: Session) -> Session:
        user = session.user
        kept = User(user.id, bool(user.is_bot)) if user and 1 <= user.id < _INT53 else None
        return Session(session.dc, session.auth_key, kept, network=held_network(session))

    def refusal(self, session: Session) -> Refusal | None:
        return no_place(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        user = self.held(session).user
        raw = struct.pack("<BI", _VERSION, _USER if user else 0) + tl_bytes(write_dc(session))
        if user:
            raw += struct.pack("<q", user.id) + (_TRUE if user.is_bot else _FALSE)
        return base64.urlsafe_b64encode(raw + tl_bytes(session.auth_key.reveal())).rstrip(b"=")


def _parts(raw: bytes) -> tuple[DataCenter, bool, User | None, bytes] | None:
    reader = Packed(raw, "<")
    try:
        version, flags = reader.number("B"), reader.number("I")
        place = read_dc(reader.tl_bytes())
        if flags & _MEDIA:
            reader.tl_bytes()
        user_id = reader.number("q") if flags & _USER else None
        is_bot = reader.take(4) == _TRUE if flags & _USER else None
        key = reader.tl_bytes()
    except Ended:
        return None
    if version != _VERSION or flags & ~(_USER | _MEDIA) or place is None or reader.left:
        return None
    user = User(user_id, is_bot) if user_id and 0 < user_id < _INT53 else None
    return *place, user, key
