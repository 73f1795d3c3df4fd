"""Where the gateway of a session listens: as it did before, or at a new address."""

from __future__ import annotations

import logging
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from telekeep.errors import GatewayError, SessionCorrupt
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.shelf import Shelf
from telekeep.mtproto import keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from telekeep.keeper.keeper import Keeper
    from telekeep.mtproto.rsa import ServerKey

_log = logging.getLogger(__name__)

TRIES = 20  # ports, for a gateway that never listened before


def stored(read: Callable[[], Endpoint | None], home: int) -> Endpoint | None:
    """Where the gateway has listened so far, as ``read`` tells; None if it has to begin anew: what is kept is damaged,
    or of another home data center than ``home``. Loans given before lead nowhere then.
    """
    try:
        endpoint = read()
    except SessionCorrupt as error:
        _log.error("%s The gateway gets another address.", error)
        return None
    return endpoint if endpoint is not None and endpoint.home.id == home else None


def fresh(keeper: Keeper, home: int, server_key: ServerKey) -> Endpoint:
    """A new one, for a session whose home data center is ``home``."""
    return Endpoint.fresh({each.dc_id for each in keeper.network.addresses}, home, server_key)


def settled(keeper: Keeper, shelf: Shelf, home: int) -> Endpoint:
    """The stored one, or a new one where nobody listens now, stored. Only for who holds the session's lease.

    Raises GatewayError if no port is free.
    """
    found = stored(shelf.endpoint, home)
    if found is not None:
        return found
    server_key = known_server_key(keeper) or keys.make()
    for _ in range(TRIES):
        found = fresh(keeper, home, server_key)
        if _is_free(found):
            shelf.keep_endpoint(found)
            return found
    raise GatewayError("No port was found that a gateway could listen on.", remedy="Try again.")


def known_server_key(keeper: Keeper) -> ServerKey | None:
    """The RSA key of this home's gateways: one for all, as clients keep keys in a table of the process. None if there
    is no gateway yet.
    """
    for entry in keeper.vault.entries():
        endpoint = Shelf(keeper.vault, entry.name, 0).endpoint()
        if endpoint is not None:
            return endpoint.server_key
    return None


def _is_free(endpoint: Endpoint) -> bool:
    with ExitStack() as sockets:
        for each in endpoint.addresses:
            line = sockets.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's servers do
            try:
                line.bind((each.host, each.port))
                line.listen(1)
            except OSError:
                return False
    return True
