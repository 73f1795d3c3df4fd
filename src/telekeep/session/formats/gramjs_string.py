"""GramJS' session string: the digit 1 and base64 of data center, address as text, port and auth key.

``B``, ``H`` for the length of the address, the address, ``h``, 256 bytes (gramjs/sessions/StringSession.ts). The port
is signed there, so only ports up to 32767 can be said. With an address of 14 characters it has 369 characters, as a
Telethon string for IPv6 has. There, the length would be the first group of the IPv6 address: 000e, where no public
address lies.
"""

from __future__ import annotations

import base64
import re
import struct

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
    is_host,
    network_name,
)
from telekeep.session.formats.text import ALONE_RULE, LINE_RULE, bare, check_around, from_base64
from telekeep.session.model import KEY_BYTES, AuthKey, DataCenter, Session
from telekeep.session.network import Network

_FIXED = 261  # bytes around the address
_LARGEST_PORT = 32767
_SOUND = re.compile(rb"1[A-Za-z0-9+/]{352,1000}={0,2}")
_COPY_AGAIN = "Copy it again, whole, from `client.session.save()`."


def is_gramjs(core: str) -> bool:
    """Whether the bare string ``core`` is GramJS', in either base64 alphabet."""
    return _parts(core) is not None


def _parts(core: str) -> tuple[int, str, int, bytes] | None:
    # three bytes are four characters: with a key, lengths of 353 and less leave no room for an address
    raw = from_base64(core[1:]) if core.startswith("1") and len(core) > 353 else None
    return _of_bytes(raw) if raw and len(raw) > _FIXED else None


def _of_bytes(raw: bytes) -> tuple[int, str, int, bytes] | None:
    length = int.from_bytes(raw[1:3], "big")
    text = raw[3 : 3 + length]
    if length < 4 or len(raw) != _FIXED + length or not text.isascii() or not is_host(host := text.decode("ascii")):
        return None
    port = int.from_bytes(raw[-KEY_BYTES - 2 : -KEY_BYTES], "big", signed=True)
    return raw[0], host, port, raw[-KEY_BYTES:]


class GramjsString(Form):
    """The string that ``StringSession.save()`` of GramJS returns."""

    name = "gramjs-string"
    is_text = True
    subject = "This GramJS string"
    texts = (
        "is base64 of data center, address, port and key after the version, 1",
        LINE_RULE,
        ALONE_RULE,
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
    )

    def recognises(self, source: bytes) -> bool:
        return is_gramjs(bare(source).core)

    def sound(self, source: bytes, network: Network | None) -> Session | None:
        if len(source) % 4 != 1 or not _SOUND.fullmatch(source):
            return None
        parts = _of_bytes(base64.b64decode(source[1:]))
        if parts is None or not (1 <= parts[0] <= 5 and parts[2] > 0 and any(parts[3])):
            return None
        dc = DataCenter(*parts[:3])
        found = Session(dc, AuthKey(parts[3]), network=network_name(dc, network))
        return found if self.encode(found, None) == source else None  # spelt as GramJS does it

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        text = bare(source)
        parts = _parts(text.core)
        sound = parts is not None and _spelt(text.core) == text.core
        problem = None if sound else "it is cut off, or its letters were changed"
        findings.check(problem, found="yes", remedy=_COPY_AGAIN, error=SessionCorrupt if parts else UnknownFormat)
        check_around(findings, text)
        if parts is None:
            return None
        dc_id, host, port, key = parts
        check_dc(findings, dc_id, network)
        check_address(findings, host, port)
        check_key(findings, key)
        dc = DataCenter(dc_id, host, port)
        return None if findings.error else Session(dc, AuthKey(key), network=network_name(dc, network))

    def held(self, session: Session) -> Session:
        return Session(session.dc, session.auth_key, network=network_name(session.dc, None))

    def refusal(self, session: Session) -> Refusal | None:
        dc = session.dc
        if (
            is_host(dc.host)
            and dc.host.isascii()
            and len(dc.host) >= 4
            and 1 <= dc.port <= _LARGEST_PORT
            and dc.id <= 255
        ):
            return None
        return Refusal(
            f"A GramJS string cannot hold {dc.host!r} port {dc.port}: ports end at {_LARGEST_PORT} there.",
            f"its address: no port beyond {_LARGEST_PORT} fits",
            "Take gramjs-store, the folder that StoreSession keeps: it takes any port.",
        )

    def encode(self, session: Session, variant: int | None) -> bytes:
        dc, host = session.dc, session.dc.host.encode("ascii")
        raw = struct.pack(">BH", dc.id, len(host)) + host + struct.pack(">h", dc.port) + session.auth_key.reveal()
        return b"1" + base64.b64encode(raw)


def _spelt(core: str) -> str:
    """``core`` written anew, in its own alphabet: base64 hides changes in the bits at its end."""
    again = base64.b64encode(from_base64(core[1:]) or b"").decode()
    if "-" in core or "_" in core:
        again = again.translate(str.maketrans("+/", "-_"))
    return f"1{again}"
