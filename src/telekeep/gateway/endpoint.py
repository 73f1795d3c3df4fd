"""Where the gateway of a session listens, and the RSA key it is known by. Both stay as they are for good.

Each data center has a loopback address of its own, all on one port, the home data center first: programs that look for
a data center by its address would otherwise find the wrong one. Containers reach the machine at one address only: there
each data center has a port of its own.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from weakref import WeakValueDictionary

from telekeep.errors import ConfigError, SessionCorrupt
from telekeep.mtproto.rsa import ServerKey
from telekeep.session.model import DataCenter
from telekeep.session.network import Address

_PORTS = range(20_000, 30_000)  # below those that systems give to outgoing connections
_VERSION = 1


@dataclass(frozen=True)
class Endpoint:
    """``addresses``, the home data center's first, and the ``server_key``. ``outside``: the same for each address that
    loans for containers were ever made for.
    """

    addresses: tuple[Address, ...]
    server_key: ServerKey
    outside: tuple[tuple[Address, ...], ...] = ()

    @property
    def home(self) -> DataCenter:
        first = self.addresses[0]
        return DataCenter(first.dc_id, first.host, first.port)

    @property
    def loopback(self) -> tuple[Address, ...]:
        """``addresses``, and on Linux one more of the home data center, for files alone: nobody is told updates there.

        kurigram goes there with its connection for files, and would hear everything twice on two at one address.
        """
        if sys.platform != "linux":
            return self.addresses
        home = self.home
        return (*self.addresses, Address(home.id, f"127.0.0.{200 + home.id % 50}", home.port, media=True))

    @classmethod
    def fresh(cls, dcs: Iterable[int], home: int, server_key: ServerKey) -> Endpoint:
        """A new one, on a port by chance, for these data centers."""
        port = random.choice(_PORTS)
        all_of_them = [home, *sorted(set(dcs) - {home})]
        return cls(tuple(_address(dc, n, port) for n, dc in enumerate(all_of_them)), server_key)

    def told(self, host: str | None) -> tuple[Address, ...]:
        """The addresses that somebody who comes to ``host`` is told of; None is loopback."""
        if host is None:
            return self.addresses
        return next(group for group in self.outside if group[0].host == host)

    def reaching(self, host: str) -> Endpoint:
        """This endpoint, with addresses at ``host``. Raises ConfigError if that is no private address."""
        host = _private(host)
        if any(group[0].host == host for group in self.outside):
            return self
        first = random.choice(_PORTS)
        group = tuple(Address(each.dc_id, host, first + number) for number, each in enumerate(self.addresses))
        return replace(self, outside=(*self.outside, group))

    def to_payload(self) -> bytes:
        """What the vault keeps of it."""
        key = self.server_key
        return json.dumps(
            {
                "version": _VERSION,
                "addresses": _listed(self.addresses),
                "outside": [_listed(group) for group in self.outside],
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
            outside = tuple(_addresses(group) for group in found.get("outside", ()))
            return cls(_addresses(found["addresses"]), _server_key(found["pem"], *found["key"]), outside)
        except (ValueError, KeyError, TypeError):
            raise SessionCorrupt("What the vault keeps of the gateway's address cannot be read.") from None


_server_keys: WeakValueDictionary[tuple[str, ...], ServerKey] = WeakValueDictionary()


def _server_key(pem: str, *numbers: str) -> ServerKey:
    """One object for all the gateways of a home: they have the same key."""
    known = _server_keys.get((pem, *numbers))
    if known is None:
        n, e, d, p, q = map(int, numbers)
        known = _server_keys[pem, *numbers] = ServerKey(n=n, e=e, d=d, p=p, q=q, pem=pem)
    return known


def _listed(addresses: Iterable[Address]) -> list[list[int | str]]:
    return [[each.dc_id, each.host, each.port] for each in addresses]


def _addresses(listed: Iterable[tuple[int, str, int]]) -> tuple[Address, ...]:
    return tuple(Address(dc, host, port) for dc, host, port in listed)


def _private(host: str) -> str:
    """An address that only this machine and its containers have business with: nothing else is ever listened at."""
    try:
        address = IPv4Address(host)
    except ValueError:
        raise ConfigError(f"{host!r} is no IPv4 address.", remedy=_WHICH) from None
    if not address.is_private or address.is_loopback or address.is_unspecified or address.is_link_local:
        raise ConfigError(f"{host} is not the address of a network of containers.", remedy=_WHICH)
    return str(address)


_WHICH = "Name the address of this machine on the containers' network, such as 172.17.0.1; `ip address` lists them."


def _address(dc: int, number: int, port: int) -> Address:
    """Elsewhere than on Linux only the first loopback address is there: there the port tells data centers apart."""
    if sys.platform == "linux":
        return Address(dc, "127.0.0.1" if number == 0 else f"127.0.0.{100 + dc}", port)
    return Address(dc, "127.0.0.1", port + number)
