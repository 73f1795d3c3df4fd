"""Owning a session: holding it in this process, and lending it to others through a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telekeep.errors import GatewayError
from telekeep.keeper.client import hold
from telekeep.lease.busy import busy
from telekeep.lease.holder import DAEMON
from telekeep.lease.lease import lease_name
from telekeep.mtproto import keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from telekeep.gateway.owner import Owner
    from telekeep.keeper.keeper import Keeper
    from telekeep.mtproto.rsa import ServerKey
    from telekeep.upstream.admission import Admission
    from telekeep.upstream.owned import OwnedClient


def owning(keeper: Keeper, name: str, **terms: Any) -> OwnedClient:
    """The client of an owner of ``name``, not connected. ``terms`` as in `telekeep.keeper.client.hold`."""
    from telekeep.upstream.owned import OwnedClient

    client = hold(keeper, name, purpose=DAEMON, kind=OwnedClient, connection_retries=None, retry_delay=1, **terms)
    assert isinstance(client, OwnedClient)
    return client


async def own(
    keeper: Keeper,
    name: str,
    *,
    timeout: float = 0.0,
    patient: bool = False,
    server_key: Callable[[], ServerKey] = keys.make,
    admission: Admission | None = None,
) -> Owner:
    """Take the session ``name``, connect, and listen for borrowers.

    ``timeout``: seconds to wait for the lease; ``patient``: go on trying if Telegram cannot be reached now;
    ``server_key``: the RSA key of a gateway that is new; ``admission``: puts fences on disk for many at once. Raises
    what the vault says, SessionBusy, what `HeldClient.connect` raises, GatewayError if the gateway's port is taken.
    """
    from telekeep.gateway.owner import Owner
    from telekeep.gateway.shelf import Shelf
    from telekeep.keeper import endpoint as endpoints

    for left in reversed(range(endpoints.TRIES)):
        with keeper.vault.view():
            client = owning(keeper, name, timeout=timeout, admission=admission)
            session = client.kept_session
            shelf = Shelf(keeper.vault, name, session.auth_key.id)
            stored = endpoints.stored(shelf, session.dc.id)
        endpoint = stored or endpoints.fresh(keeper, session.dc.id, server_key())
        with keeper.vault.view():
            owner = Owner(name, client, endpoint, shelf, clock=keeper.clock)
            owner.restore()
        try:
            await owner.open(patient=patient)
        except GatewayError:
            holder = keeper.leases.holder(lease_name(session.auth_key.id))
            if holder is not None:  # a copy of this home, most likely: it is its owner that listens there
                raise busy(holder, clock=keeper.clock) from None
            if stored is not None or not left:
                raise
            continue
        if stored is None:
            shelf.keep_endpoint(endpoint)
        return owner
    raise AssertionError("unreachable")
