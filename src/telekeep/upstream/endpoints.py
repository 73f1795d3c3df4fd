"""Which addresses and RSA keys a network has, as Telethon wants them."""

from __future__ import annotations

from functools import cache
from typing import Any

from telethon.crypto import rsa
from telethon.tl.types import DcOption

from telekeep.errors import ConfigError
from telekeep.session.model import DataCenter, Session
from telekeep.session.network import PRODUCTION, TEST, Network


@cache
def trust(network: Network) -> None:
    """Let key exchanges in this process accept the RSA keys of ``network``, as well as those that Telethon carries.

    Telethon has one list of keys per process. A foreign key on it is of use to nobody but its owner, and only to one
    who sits between this process and Telegram while it makes a new key.
    """
    for pem in network.keys:
        rsa.add_key(pem, old=False)


def is_telegrams(network: Network) -> bool:
    """Whether ``network`` is Telegram's own, of which it may know newer addresses than we do."""
    return network.name in (PRODUCTION.name, TEST.name)


def check_network(session: Session, network: Network) -> None:
    """Raise ConfigError if ``session`` belongs to another network: its key would be shown to strangers."""
    if session.network != network.name:
        raise ConfigError(
            f"This session belongs to the network {session.network!r}, not to {network.name!r}.",
            remedy=f"Name its network: {_named(session.network)}.",
        )


def _named(network: str) -> str:
    return (
        f"--network {network}"
        if network in (PRODUCTION.name, TEST.name)
        else "--network and the file that describes it"
    )


def home_of(session: Session, network: Network) -> DataCenter:
    """Where ``session`` connects to: its data center at the address that the network in force gives it.

    An emulator's ports change with every start, so its network decides. On Telegram's own networks the stored address
    stands in for a data center that the table lacks, and where it is an IPv6 one (the table has none).
    """
    check_network(session, network)
    if is_telegrams(network):
        known = any(address.dc_id == session.dc.id for address in network.addresses)
        if not known or is_ipv6(session.dc):
            return session.dc
    return network.dc(session.dc.id)


def is_ipv6(dc: DataCenter) -> bool:
    return ":" in dc.host


def option(network: Network, dc_id: int) -> Any:
    """Data center ``dc_id`` of ``network`` as Telethon's ``DcOption``. Raises ConfigError if there is none."""
    dc = network.dc(dc_id)
    return DcOption(id=dc.id, ip_address=dc.host, port=dc.port, ipv6=is_ipv6(dc))
