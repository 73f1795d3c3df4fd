"""``telekeep.client``: a Telegram client that holds its session."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep.errors import ConfigError
from telekeep.keeper.handover import hand_over_async
from telekeep.keeper.keeper import Keeper
from telekeep.loading import settled
from telekeep.upstream.record import Kept

if TYPE_CHECKING:
    from telekeep.lease.lease import Lease
    from telekeep.session.model import Session
    from telekeep.session.network import Network
    from telekeep.upstream.admission import Admission
    from telekeep.upstream.held import HeldClient


def client(
    name: str,
    *,
    timeout: float = 30.0,
    home: Path | str | None = None,
    network: Network | str | None = None,
    api_id: int | None = None,
    api_hash: str | None = None,
    **options: Any,
) -> HeldClient:
    """A stock `telethon.TelegramClient` that holds the session kept as ``name`` in this process, not connected yet.

    The session is held from before the first byte to after the last. ``timeout``: seconds to wait for it while another
    process holds it; a daemon that lends it to nobody just now hands it over. ``home`` and ``network`` as in
    `Keeper.open`. ``api_id`` and ``api_hash``: those the login was made with, else the settings', unless given.
    ``options`` go to TelegramClient.

    Raises SessionNotFound, SessionSealed and what else the vault says, ConfigError for missing settings or another
    network. Connecting (`async with`, or connect()) raises what `HeldClient.connect` says.
    """
    keeper = Keeper.open(home=home, network=network)
    return hold(keeper, name, timeout=timeout, asks=True, api_id=api_id, api_hash=api_hash, **options)


def hold(
    keeper: Keeper,
    name: str,
    *,
    timeout: float = 30.0,
    connect_seconds: float = 60.0,
    purpose: str | None = None,
    asks: bool = False,
    admission: Admission | None = None,
    brief: bool = False,
    probing: bool = False,
    given: Lease | None = None,
    kept: Kept | None = None,
    api_id: int | None = None,
    api_hash: str | None = None,
    **options: Any,
) -> HeldClient:
    """The client that holds ``name`` of ``keeper``; see `client`.

    ``connect_seconds``: from the lease to a proven login; ``purpose``: a word or two that others are shown.
    ``asks``: ask a daemon that holds the session, and lends it to nobody just now, to hand it over; ``admission`` as in
    `Terms`.
    ``brief``: to ask a question or two; the caller writes down that it was used (`Vault.note_uses`).
    ``probing``: ask Telegram even if the key is set aside as dead; only for a person who wants to know.
    ``given``: the lease, if it was taken before. ``kept``: the record, if it was just read.
    """
    with settled():
        vault = keeper.vault
        kept = kept or Kept.read(vault, name)
        if vault.moved:
            raise ConfigError(
                "This vault was on another machine before. If its keys are still used there, Telegram ends them all.",
                remedy="When nothing there uses them any more, run: telekeep vault accept --move",
            )
        api_id, api_hash = _application(keeper, kept.session, api_id, api_hash)
        from telekeep.upstream.held import held_client
        from telekeep.upstream.holding import Terms

    terms = Terms(
        name, vault, keeper.leases, keeper.network, keeper.clock, keeper.ledger, keeper.events,
        timeout=timeout, connect_seconds=connect_seconds, purpose=purpose, patience=keeper.patience, probing=probing,
        hand_over=partial(hand_over_async, keeper) if asks else None, admission=admission, brief=brief, given=given,
        company=partial(_connected, keeper, kept.session.dc.id),
    )  # fmt: skip
    client: HeldClient = held_client(terms, kept, api_id=api_id, api_hash=api_hash, **options)
    return client


def _application(keeper: Keeper, session: Session, api_id: int | None, api_hash: str | None) -> tuple[int, str]:
    """Api id and hash: both as given, else both as the login was made with, else both from the settings."""
    if (api_id is None) != (api_hash is None):
        raise ConfigError("Give api_id and api_hash together: they are a pair.")
    if api_id is not None and api_hash is not None:
        return api_id, api_hash
    if session.application is not None:
        return session.application.api_id, session.application.api_hash.reveal().decode()
    from telekeep.settings import require_application

    number, secret = require_application(keeper.settings)
    return number, secret.reveal().decode()


def _connected(keeper: Keeper, dc_id: int) -> list[str]:
    from telekeep.keeper.adopt.users import connected

    return connected(keeper, dc_id)
