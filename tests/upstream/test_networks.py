"""Networks: each with addresses and keys of its own, several in one process, and no session on the wrong one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from telethon import functions

from telekeep.emulator import Emulator
from telekeep.errors import ConfigError
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.session.network import PRODUCTION, TEST, Address, Network
from telekeep.upstream import endpoints
from upstream.place import PHONE, Place

KEY = AuthKey(bytes(range(256)))


async def test_two_networks_in_one_process_keep_their_data_centers_apart(place: Place, tmp_path: Path) -> None:
    """Telethon caches the addresses on the class: the second network's files would be asked of the first."""
    async with Emulator(name="elsewhere") as elsewhere:
        (tmp_path / "other").mkdir(mode=0o700)
        eve = elsewhere.add_account("9996629999", first_name="Eve")
        other = Place(tmp_path / "other", elsewhere, elsewhere.network, eve)
        other.keep(elsewhere.mint(eve))
        async with place.client() as here, other.client() as there:
            for client, emulator in ((here, place.telegram), (there, elsewhere)):
                sender = await client._borrow_exported_sender(4)
                nearest = await client._call(sender, functions.help.GetNearestDcRequest())
                assert nearest.this_dc == 4
                assert emulator.stats.handshakes == 1, "asked of the other network"
            await asyncio.gather(here.get_me(), there.get_me())
        other.vault.close()
        other.ledger.close()
        assert elsewhere.stats.overlap == 0


async def test_a_session_of_another_network_is_refused_before_a_byte_is_sent(place: Place) -> None:
    with pytest.raises(ConfigError, match="belongs to the network 'emulator'"):
        place.client(terms={"network": replace(place.network, name="elsewhere")})
    assert place.telegram.stats.connections == 0 and place.is_free()


async def test_an_emulator_that_moved_to_other_ports_is_found_by_its_network(place: Place) -> None:
    session = place.vault.load("main")
    place.keep(replace(place.telegram.mint(place.ada), dc=replace(session.dc, port=1)), "moved")
    async with place.client("moved") as client:
        assert await client.get_me()
    assert place.telegram.send(PHONE) is None


@pytest.mark.parametrize(
    ("network", "stored", "expected"),
    [
        (PRODUCTION, DataCenter(2, "149.154.167.99", 443), PRODUCTION.dc(2)),
        (PRODUCTION, DataCenter(2, "2001:67c:4e8:f002::a", 443), DataCenter(2, "2001:67c:4e8:f002::a", 443)),
        (TEST, DataCenter(5, "149.154.175.5", 443), DataCenter(5, "149.154.175.5", 443)),
        (Network("file", (Address(2, "127.0.0.1", 7),)), DataCenter(2, "10.0.0.1", 443), DataCenter(2, "127.0.0.1", 7)),
    ],
)
def test_where_a_session_connects_to(network: Network, stored: DataCenter, expected: DataCenter) -> None:
    assert endpoints.home_of(Session(stored, KEY, network=network.name), network) == expected


def test_a_data_center_that_a_network_file_lacks_is_an_error_not_a_guess() -> None:
    network = Network("file", (Address(2, "127.0.0.1", 7), Address(3, "127.0.0.1", 8, media=True)))
    with pytest.raises(ConfigError):
        endpoints.home_of(Session(DataCenter(3, "149.154.175.100"), KEY, network="file"), network)


async def test_an_ipv6_session_is_not_moved_to_an_address_telethon_likes_better(place: Place) -> None:
    """With use_ipv6 the wrong way round Telethon puts Telegram's own address in place of ours, and keeps the key."""
    session = replace(place.vault.load("main"), dc=DataCenter(2, "::1", 9), network="test")
    place.keep(replace(session, auth_key=KEY), "six")
    client = place.client("six", terms={"network": TEST}, connection_retries=0, retry_delay=0)
    with pytest.raises(ConnectionError):
        await client.connect()
    assert (client.session.server_address, client.session.port) == ("::1", 9)
