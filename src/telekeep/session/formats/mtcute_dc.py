"""How mtcute writes down where a data center is, in strings and databases (packages/core/src/utils/dcs.ts)."""

from __future__ import annotations

import struct

from telekeep.session.formats.form import Refusal
from telekeep.session.formats.format import is_host, network_name
from telekeep.session.formats.packed import Ended, Packed, tl_bytes
from telekeep.session.model import DataCenter, Session
from telekeep.session.network import TEST, Network

_IPV6, _TEST = 1, 4
_LONGEST = 253  # of a host name


def write_dc(session: Session) -> bytes:
    """Version, number and flags; then address and port."""
    dc = session.dc
    flags = (_IPV6 if ":" in dc.host else 0) | (_TEST if session.network == TEST.name else 0)
    return bytes([2, dc.id, flags]) + tl_bytes(dc.host.encode("ascii")) + struct.pack("<i", dc.port)


def read_dc(data: bytes) -> tuple[DataCenter, bool] | None:
    """The data center, and whether it is of the test network; None if it is not that."""
    reader = Packed(data, "<")
    try:
        version, dc_id, flags = reader.take(3)
        host = reader.tl_bytes()
        port = reader.number("i")
    except Ended:
        return None
    if version not in (1, 2) or reader.left or not host.isascii() or len(host) > _LONGEST:
        return None
    return DataCenter(dc_id, host.decode("ascii"), port), version == 2 and bool(flags & _TEST)


def no_place(dc: DataCenter) -> Refusal | None:
    """Why mtcute cannot hold where this is, if it cannot."""
    if 1 <= dc.id <= 255 and is_host(dc.host) and dc.host.isascii() and 1 <= dc.port <= 65535:
        return None
    return Refusal(f"{dc.host!r} port {dc.port} of data center {dc.id} is no address for mtcute.", "its address")


def mtcute_network(dc: DataCenter, is_test: bool, network: Network | None) -> str:
    return TEST.name if is_test and network is None else network_name(dc, network)


def held_network(session: Session) -> str:
    """The network that is read back."""
    return mtcute_network(session.dc, session.network == TEST.name, None)
