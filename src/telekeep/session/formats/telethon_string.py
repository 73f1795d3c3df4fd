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

from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session.formats import foreign
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    Rule,
    check_address,
    check_dc,
    check_key,
    network_name,
)
from telekeep.session.formats.text import Bare, bare, from_base64
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
_COPY_AGAIN = "Copy it again, whole; `telekeep generate` makes a new one."
_ALONE = "Keep nothing but the string itself, in one line."


class TelethonString:
    """The string that ``StringSession.save()`` returns."""

    name = "telethon-string"
    is_text = True

    def recognises(self, source: bytes) -> bool:
        core = bare(source).core
        return core.startswith(VERSION) and 100 <= len(core) <= 1000 and not foreign.is_gramjs(core)

    def resembles(self, source: bytes) -> bool:
        """Whether ``source`` was such a string once, before it was cut off, spoiled or added to. Never raises."""
        core = bare(source).core
        if not (_SHORTEST_RUN <= len(core) <= 1000 and _LONG_RUN.search(source)):
            return False
        strange = len(_STRANGE.findall(core))
        near = any(abs(len(core) - length) <= _NEAR for length in _LAYOUTS)
        return strange <= len(core) * _MOST_STRANGE and (core.startswith(VERSION) or near)

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
        if session.network != network_name(session.dc, None):
            lost.append(f"the name of its network, {session.network}")
        if session.user is not None:
            lost.append("whom it is logged in as")
        if session.state is not None:
            lost.append("the update state: updates missed meanwhile are not caught up")
        if session.peers:
            lost.append(f"the peers it has met ({len(session.peers)})")
        if session.application is not None:
            lost.append("the api id and hash")
        if _packed(session.dc) is None:
            lost.append("its address: only an IP address, a port and a data center below 256 fit")
        return tuple(lost)

    def write(self, session: Session) -> bytes:
        packed = _packed(session.dc)
        if packed is None:
            raise FormatLoss(
                f"A Telethon string holds an IP address and a port; {session.dc.host!r} port {session.dc.port} of data "
                f"center {session.dc.id} does not fit.",
                losses=self.losses(session),
                remedy="Export it as telethon-sqlite, which takes host names.",
            )
        return VERSION.encode() + base64.urlsafe_b64encode(packed + session.auth_key.reveal())


def _packed(dc: DataCenter) -> bytes | None:
    try:
        address = ipaddress.ip_address(dc.host)
        return struct.pack(">B", dc.id) + address.packed + struct.pack(">H", dc.port) if "%" not in dc.host else None
    except (ValueError, struct.error):
        return None


def _examine(text: Bare, network: Network | None) -> tuple[Findings, Session | None]:
    """Look at every rule; the session only if all are kept."""
    findings = Findings(
        "This Telethon string",
        f"starts with the version, {VERSION}",
        "has 353 characters (IPv4) or 369 (IPv6)",
        "is URL-safe base64: A-Z a-z 0-9 - _ and = at its end",
        "is one line, with no line break after it",
        "stands alone: no quotation marks, blanks or names",
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
    )
    core = text.core
    other = foreign.string_name(core)
    versioned = findings.check(
        None if core.startswith(VERSION) else "it does not start with 1, as every Telethon string does",
        found="version 1",
        remedy=f"This is {other}." if other else _COPY_AGAIN,
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
    findings.check(text.lines, found="yes", remedy=_ALONE)
    findings.check(text.around, found="yes", remedy=_ALONE)
    if layout is None or raw is None or not (versioned and measured and spelled):
        return findings, None
    dc_id, address, port, key = layout[0].unpack(raw)
    dc = DataCenter(dc_id, ipaddress.ip_address(address).compressed, port)
    check_dc(findings, dc.id, network)
    check_address(findings, dc.host, dc.port)
    check_key(findings, key)
    if findings.error:
        return findings, None
    return findings, Session(dc, AuthKey(key), network=network_name(dc, network))


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
