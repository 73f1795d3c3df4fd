"""Owning a session: holding it in this process, and lending it to others through a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.errors import GatewayError, TelekeepError
from telekeep.keeper.client import hold
from telekeep.lease.busy import busy
from telekeep.lease.holder import DAEMON
from telekeep.mtproto import keys
from telekeep.upstream.record import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from telekeep.gateway.owner import Owner
    from telekeep.gateway.shelf import Found, Shelf
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


class Ready(NamedTuple):
    """An owner that is made and knows what the vault keeps of its session, and has not begun. ``is_new``: its gateway
    never listened before.
    """

    owner: Owner
    shelf: Shelf
    is_new: bool

    @property
    def name(self) -> str:
        return self.owner.name


def ready(
    keeper: Keeper,
    name: str,
    *,
    timeout: float = 0.0,
    server_key: Callable[[], ServerKey] = keys.make,
    admission: Admission | None = None,
    found: Found | None = None,
) -> Ready:
    """What an owner of ``name`` needs, as in `own`. Nothing is held or open then.

    ``found``: what the vault keeps of it, if it was just looked at, with others (`Vault.look`). Raises what the vault
    says, ConfigError.
    """
    from telekeep.gateway.owner import Owner
    from telekeep.gateway.shelf import Shelf
    from telekeep.keeper import endpoint as endpoints

    found = found or _found(keeper, name)
    session = found.looked.session
    kept = Kept(found.looked.entry, session)
    client = owning(keeper, name, timeout=timeout, admission=admission, kept=kept)
    shelf = Shelf(keeper.vault, name, session.auth_key.id)
    stored = endpoints.stored(found.endpoint, session.dc.id)
    endpoint = stored or endpoints.fresh(keeper, session.dc.id, server_key())
    owner = Owner(name, client, endpoint, shelf, clock=keeper.clock)
    owner.restore(found)
    return Ready(owner, shelf, stored is None)


def _found(keeper: Keeper, name: str) -> Found:
    from telekeep.gateway.shelf import Found

    looked = keeper.vault.look([name])[name]
    if isinstance(looked, TelekeepError):
        raise looked
    return Found.of(name, looked)


async def own(
    keeper: Keeper,
    name: str,
    *,
    timeout: float = 0.0,
    patient: bool = False,
    server_key: Callable[[], ServerKey] = keys.make,
    made: Ready | None = None,
) -> Owner:
    """Take the session ``name``, connect, and listen for borrowers.

    ``timeout``: seconds to wait for the lease; ``patient``: go on trying if Telegram cannot be reached now;
    ``server_key``: the RSA key of a gateway that is new; ``made``: what `ready` has just made, which says the rest.
    Raises what the vault says, SessionBusy, what `HeldClient.connect` raises, GatewayError if the gateway's port is
    taken.
    """
    from telekeep.keeper import endpoint as endpoints

    for left in reversed(range(endpoints.TRIES)):
        made = made or ready(keeper, name, timeout=timeout, server_key=server_key)
        try:
            return await _begin(keeper, made, patient=patient)
        except GatewayError:
            if not made.is_new or not left:
                raise
            made = None  # another port may do
    raise AssertionError("unreachable")


async def _begin(keeper: Keeper, made: Ready, *, patient: bool = False) -> Owner:
    owner = made.owner
    try:
        await owner.open(patient=patient)
    except GatewayError:
        holder = keeper.leases.holder(owner.lease)
        if holder is not None:  # a copy of this home, most likely: it is its owner that listens there
            raise busy(holder, clock=keeper.clock) from None
        raise
    if made.is_new:
        made.shelf.keep_endpoint(owner.endpoint)
    return owner
