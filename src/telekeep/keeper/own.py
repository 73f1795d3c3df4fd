"""Owning a session: holding it in this process, and lending it to others through a gateway."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telekeep.errors import GatewayError, SessionCorrupt
from telekeep.keeper.client import hold
from telekeep.lease.busy import busy
from telekeep.lease.lease import lease_name
from telekeep.mtproto import keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from telekeep.gateway.endpoint import Endpoint
    from telekeep.gateway.owner import Owner
    from telekeep.gateway.shelf import Shelf
    from telekeep.keeper.keeper import Keeper
    from telekeep.mtproto.rsa import ServerKey

_log = logging.getLogger(__name__)

_TRIES = 20  # ports, for a gateway that never listened before


async def own(
    keeper: Keeper,
    name: str,
    *,
    timeout: float = 0.0,
    patient: bool = False,
    server_key: Callable[[], ServerKey] = keys.make,
) -> Owner:
    """Take the session ``name``, connect, and listen for borrowers.

    ``timeout``: seconds to wait for the lease; ``patient``: go on trying if Telegram cannot be reached now;
    ``server_key``: the RSA key of a gateway that is new. Raises what the vault says, SessionBusy, what
    `HeldClient.connect` raises, GatewayError if the gateway's port is taken.
    """
    from telekeep.gateway.endpoint import Endpoint
    from telekeep.gateway.owner import Owner
    from telekeep.gateway.shelf import Shelf
    from telekeep.upstream.owned import OwnedClient

    for left in reversed(range(_TRIES)):
        client = hold(
            keeper, name, timeout=timeout, purpose="daemon", kind=OwnedClient, connection_retries=None, retry_delay=1
        )
        session = client.kept_session
        shelf = Shelf(keeper.vault, name, session.auth_key.id)
        stored = endpoint = _stored(shelf, session.dc.id)
        if endpoint is None:
            dcs = {each.dc_id for each in keeper.network.addresses}
            endpoint = Endpoint.fresh(dcs, session.dc.id, server_key())
        owner = Owner(name, client, endpoint, shelf, clock=keeper.clock)
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


def _stored(shelf: Shelf, home: int) -> Endpoint | None:
    """Where the gateway has listened so far; None if it has to begin anew: what is kept is damaged, or of another home
    data center. Loans given before lead nowhere then.
    """
    try:
        endpoint = shelf.endpoint()
    except SessionCorrupt as error:
        _log.error("%s The gateway gets another address.", error)
        return None
    return endpoint if endpoint is not None and endpoint.home.id == home else None
