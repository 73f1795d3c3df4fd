"""Where the gateway of a session listens, and the RSA key it is known by. Both stay as they are for good.

Each data center has a loopback address of its own, all on one port, the home data center first: programs that look for
a data center by its address would otherwise find the wrong one.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from telekeep.errors import SessionCorrupt
from telekeep.mtproto.rsa import ServerKey
from telekeep.session.model import DataCenter
from telekeep.session.network import Address

_PORTS = range(20_000, 30_000)  # below those that systems give to outgoing connections
_VERSION = 1


@dataclass(frozen=True)
class Endpoint:
    """``addresses``, the home data center's first, and the ``server_key``."""

    addresses: tuple[Address, ...]
    server_key: ServerKey

    @property
    def home(self) -> DataCenter:
        first = self.addresses[0]
        return DataCenter(first.dc_id, first.host, first.port)

    @classmethod
    def fresh(cls, dcs: Iterable[int], home: int, server_key: ServerKey) -> Endpoint:
        """A new one, on a port by chance, for these data centers."""
        port = random.choice(_PORTS)
        all_of_them = [home, *sorted(set(dcs) - {home})]
        return cls(tuple(_address(dc, n, port) for n, dc in enumerate(all_of_them)), server_key)

    def to_payload(self) -> bytes:
        """What the vault keeps of it."""
        key = self.server_key
        return json.dumps(
            {
                "version": _VERSION,
                "addresses": [[each.dc_id, each.host, each.port] for each in self.addresses],
                "key": [str(number) for number in (key.n, key.e, key.d, key.p, key.q)],
                "pem": key.pem,
            }
        ).encode()

    @classmethod
    def from_payload(cls, payload: bytes) -> Endpoint:
        """Raises SessionCorrupt if this is none."""
        try:
            found = json.loads(payload)
            if found["version"] != _VERSION:
                raise ValueError(found["version"])
            addresses = tuple(Address(dc, host, port) for dc, host, port in found["addresses"])
            n, e, d, p, q = map(int, found["key"])
            return cls(addresses, ServerKey(n=n, e=e, d=d, p=p, q=q, pem=found["pem"]))
        except (ValueError, KeyError, TypeError):
            raise SessionCorrupt("What the vault keeps of the gateway's address cannot be read.") from None


def _address(dc: int, number: int, port: int) -> Address:
    """Elsewhere than on Linux only the first loopback address is there: there the port tells data centers apart."""
    if sys.platform == "linux":
        return Address(dc, "127.0.0.1" if number == 0 else f"127.0.0.{100 + dc}", port)
    return Address(dc, "127.0.0.1", port + number)
