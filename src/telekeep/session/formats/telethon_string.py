"""Telethon's session string: the digit 1 and URL-safe base64 of data center, address, port and auth key.

``>B4sH256s`` makes 353 characters (IPv4), ``>B16sH256s`` 369 (IPv6); telethon/sessions/string.py, unchanged from 1.40
to 1.45. Telethon itself hardly looks at it: short input is a struct.error, data center 255 is accepted, a key of zeros
loads as "not logged in".
"""

from __future__ import annotations

import base64
import ipaddress
import re
import struct
from functools import lru_cache

from telekeep.errors import UnknownFormat
from telekeep.session.formats import gramjs_string
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
    network_name,
)
from telekeep.session.formats.text import ALONE_RULE, LINE_RULE, bare, check_around, from_base64
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.session.network import Network

VERSION = "1"
_LAYOUTS = {353: (struct.Struct(">B4sH256s"), "IPv4"), 369: (struct.Struct(">B16sH256s"), "IPv6")}
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9_=-]|=(?!=?\Z)")
_STRANGE = re.compile(r"[^A-Za-z0-9_=+/-]")
_SHORTEST_RUN = 40  # letters of base64 without a blank; no language has such a word
_LONG_RUN = re.compile(rb"[A-Za-z0-9_=+/-]{%d}" % _SHORTEST_RUN)
_MOST_STRANGE = 0.02  # of all its letters
_NEAR = 16  # letters lost or added
_SOUND = re.compile(rb"1[A-Za-z0-9_-]{351}=")
_LAST = frozenset(b"AEIMQUYcgkosw048")  # before one =: the two bits that no byte has are 0
_COPY_AGAIN = "Copy it again, whole; `telekeep generate` makes a new one."


class TelethonString(Form):
    """The string that ``StringSession.save()`` returns."""

    name = "telethon-string"
    is_text = True
    subject = "This Telethon string"
    texts = (
        f"starts with the version, {VERSION}",
        "has 353 characters (IPv4) or 369 (IPv6)",
        "is URL-safe base64: A-Z a-z 0-9 - _ and = at its end",
        LINE_RULE,
        ALONE_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
    )

    def recognises(self, source: bytes) -> bool:
        core = bare(source).core
        return core.startswith(VERSION) and 100 <= len(core) <= 1000 and not gramjs_string.is_gramjs(core)

    def resembles(self, source: bytes) -> bool:
        """Whether ``source`` was such a string once, before it was cut off, spoiled or added to. Never raises."""
        core = bare(source).core
        if not (_SHORTEST_RUN <= len(core) <= 1000 and _LONG_RUN.search(source)):
            return False
        strange = len(_STRANGE.findall(core))
        near = any(abs(len(core) - length) <= _NEAR for length in _LAYOUTS)
        return strange <= len(core) * _MOST_STRANGE and (core.startswith(VERSION) or near)

    def sound(self, source: bytes, network: Network | None) -> Session | None:
        if len(source) != 353 or not _SOUND.fullmatch(source):
            return None
        raw = base64.b64decode(source[1:], b"-_")
        dc_id, address, port, key = _LAYOUTS[353][0].unpack(raw)
        if not (1 <= dc_id <= 5 and port and any(key) and 0 < address[0] < 224) or source[-2] not in _LAST:
            return None
        dc = DataCenter(dc_id, "%d.%d.%d.%d" % tuple(address), port)  # noqa: UP031  # three times as quick
        return Session(dc, AuthKey(key), network=network_name(dc, network))

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        text = bare(source)
        core = text.core
        other = gramjs_string.is_gramjs(core)
        versioned = findings.check(
            None if core.startswith(VERSION) else "it does not start with 1, as every Telethon string does",
            found="version 1",
            remedy="This is a GramJS string." if other else _COPY_AGAIN,
            error=UnknownFormat,
        )
        layout = _LAYOUTS.get(len(core))
        measured = findings.check(
            None if layout else f"it has {len(core)} characters, not 353 or 369: {_how_far(len(core))}",
            found=f"{len(core)} characters ({layout[1]})" if layout else "",
            remedy=_COPY_AGAIN,
        )
        raw = from_base64(core[1:])
        spelled = findings.check(_misspelt(core, raw), found="yes", remedy=_COPY_AGAIN)
        check_around(findings, text)
        if layout is None or raw is None or not (versioned and measured and spelled):
            return None
        dc_id, address, port, key = layout[0].unpack(raw)
        dc = DataCenter(dc_id, ipaddress.ip_address(address).compressed, port)
        check_dc(findings, dc.id, network)
        check_address(findings, dc.host, dc.port)
        check_key(findings, key)
        return None if findings.error else Session(dc, AuthKey(key), network=network_name(dc, network))

    def held(self, session: Session) -> Session:
        return Session(session.dc, session.auth_key, network=network_name(session.dc, None))

    def refusal(self, session: Session) -> Refusal | None:
        dc = session.dc
        if _packed(dc) is not None:
            return None
        return Refusal(
            f"A Telethon string holds an IP address and a port; {dc.host!r} port {dc.port} of data center {dc.id} does "
            "not fit.",
            "its address: only an IP address, a port and a data center below 256 fit",
            "Export it as telethon-sqlite, which takes host names.",
        )

    def encode(self, session: Session, variant: int | None) -> bytes:
        packed = _packed(session.dc) or b""
        return VERSION.encode() + base64.urlsafe_b64encode(packed + session.auth_key.reveal())


@lru_cache(256)  # data centers are few, and no secret
def _packed(dc: DataCenter) -> bytes | None:
    try:
        address = ipaddress.ip_address(dc.host)
        return struct.pack(">B", dc.id) + address.packed + struct.pack(">H", dc.port) if "%" not in dc.host else None
    except (ValueError, struct.error):
        return None


def _how_far(length: int) -> str:
    return "it is cut off" if length < 353 else "something was added, or it is cut off"


def _misspelt(core: str, raw: bytes | None) -> str | None:
    if not core:
        return "there is nothing to read"
    if strange := _NOT_BASE64.search(core):
        return f"character {strange.start() + 1} is none that belongs there"
    sizes = [layout.size for length, (layout, _) in _LAYOUTS.items() if length == len(core)]
    if sizes and (raw is None or len(raw) not in sizes or base64.urlsafe_b64encode(raw).decode() != core[1:]):
        return "it does not end as base64 does: its last characters were changed"
    return None
