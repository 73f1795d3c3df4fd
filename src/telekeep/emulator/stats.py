"""What the emulator counts, so that a claim about a client can be checked by number."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Stats:
    """Counters since the start.

    ``rpc``: requests, without pings, acks and other service messages · ``handshakes``: auth keys agreed on and used ·
    ``logins``: sign-ins of any kind, not imports of an exported authorization · ``codes_sent`` · ``connections``:
    TCP connections accepted · ``duplicated``: authorizations ended by the rule about parallel connections ·
    ``overlap``: pairs of main connections of one authorization that were open and used at once.
    """

    rpc: int = 0
    handshakes: int = 0
    logins: int = 0
    codes_sent: int = 0
    connections: int = 0
    duplicated: int = 0
    overlap: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
