"""Sessions in and out: keep one that another program made, write one for another program, set one aside.

A key that leaves or comes in exists twice from then on, and Telegram ends a key that two connections use at once. So
every verb here asks the lease first: nothing is taken in, and nothing set aside, while somebody speaks with it.
"""

from __future__ import annotations

import ipaddress
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionBusy, SessionCorrupt, VaultRolledBack
from telekeep.keeper.backup import back_up_first
from telekeep.keeper.handover import hand_over
from telekeep.keeper.loaned import loan_of, refused, revoked
from telekeep.lease.busy import busy
from telekeep.lease.lease import Lease, lease_name
from telekeep.session import formats
from telekeep.session.model import Application, Session
from telekeep.session.network import PRODUCTION, TEST, Network
from telekeep.settings import require_application
from telekeep.vault.record import REMOVED, Entry, check_name

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.lease.holder import Holder
    from telekeep.secret import Secret
    from telekeep.vault.vault import Vault


def read_foreign(keeper: Keeper, source: bytes) -> Session:
    """The session in ``source``, as one of the keeper's network.

    Raises UnknownFormat or SessionCorrupt for what cannot be read, ConfigError for a session of another network or a
    loan.
    """
    return ours(keeper, formats.read(source, network=keeper.network))


def ours(keeper: Keeper, session: Session) -> Session:
    """``session``, as one of the keeper's network. Raises ConfigError for one of another network, and for a loan."""
    if loan := loan_of(keeper, session):
        raise refused(loan)
    if reason := misplaced(session, keeper.network):
        raise ConfigError(reason, remedy="Name the network it belongs to with --network NAME|FILE.")
    return replace(session, network=keeper.network.name)


def misplaced(session: Session, network: Network) -> str | None:
    """Why ``session`` cannot belong to ``network``, judged by the address it was made at; None if it may."""
    for known in (PRODUCTION, TEST):
        if known.name != network.name and any(session.dc.host == each.host for each in known.addresses):
            return f"This session was made on the network {known.name!r}, not on {network.name!r}."
    if network.name not in (PRODUCTION.name, TEST.name):
        return None
    try:
        public = ipaddress.ip_address(session.dc.host).is_global
    except ValueError:
        return None  # a host name: nothing to tell from
    if public:
        return None
    return f"This session was made at {session.dc.host}, which is no address of Telegram's."


def missing(session: Session) -> tuple[str, ...]:
    """What ``session`` does not say, in words; none of it stops it from working."""
    return tuple(
        words
        for lacking, words in (
            (session.user is None, "whose account it is (known after the first use)"),
            (session.state is None, "how far updates were seen (what came before the first use is not fetched)"),
            (not session.peers, "the people and chats it has met (look them up again by user name)"),
            (session.application is None, "api id and hash (taken from the settings)"),
        )
        if lacking
    )


def import_session(keeper: Keeper, source: bytes | Session, *, name: str, replace: bool = False) -> Entry:
    """Keep the session in ``source`` (the bytes of a file or string, or what `read_foreign` made of them) as ``name``.

    Nothing is overwritten unless ``replace``; then the session that was there stays as an older generation. Raises
    ConfigError for what is no name, a name that is taken or a key that is already kept under another, SessionBusy if
    somebody speaks with either key.
    """
    check_name(name)
    session = with_application(keeper, source if isinstance(source, Session) else read_foreign(keeper, source))
    vault = keeper.vault_for_writing()
    key_id = session.auth_key.id
    before = next((entry for entry in vault.entries() if entry.name == name and entry.state != REMOVED), None)
    if before and not replace:
        raise ConfigError(
            f"A session called {name!r} is already kept.",
            remedy="Choose another name with --as NAME, or add --replace to put it in its place.",
        )
    with ExitStack() as held:
        lease = take(keeper, key_id, held, floor=before.fence if before else 0, purpose=f"import of {name}")
        _refuse_twin(vault, name, lease_name(key_id))  # under the lease: nobody can bring it in meanwhile
        if before:
            old_id = _key_id(vault, name)
            if old_id is not None and old_id != key_id:
                take(keeper, old_id, held, floor=before.fence, purpose=f"replacement of {name}")
            back_up_first(keeper, [name], step="before import")
        return vault.keep(name, session, fence=lease.fence, expected=before.generation if before else None)


def with_application(keeper: Keeper, session: Session) -> Session:
    """``session``, with the settings' api id and hash if it has none: a daemon does not see the settings of whoever
    imports, and Telegram asks for them at every connection.
    """
    if session.application is not None:
        return session
    with suppress(ConfigError):
        return replace(session, application=Application(*require_application(keeper.settings)))
    return session


def _refuse_twin(vault: Vault, name: str, lease: str) -> None:
    """Raise ConfigError if the key of ``lease`` is kept under another name already: two names would be one session."""
    for entry in vault.entries():
        if entry.lease == lease and entry.name != name and entry.state != REMOVED:
            raise ConfigError(
                f"This very key is already kept as {entry.name!r}.", remedy=f"Use it: telekeep test {entry.name}"
            )


@dataclass(frozen=True)
class Export:
    """A kept session about to leave: what the format loses of it, and who speaks with it now."""

    session: Session
    format: str
    losses: tuple[str, ...]
    holder: Holder | None

    def write(self, *, variant: int | None = None, name: str = "session", passcode: Secret | None = None) -> bytes:
        """The session in its format: whoever has these bytes has the account. See `formats.write`."""
        return formats.write(self.session, self.format, variant=variant, name=name, passcode=passcode)


def prepare_export(keeper: Keeper, name: str, format: str, *, even_if_held: bool = False) -> Export:
    """Read what is needed to write ``name`` as ``format``. Nothing leaves before `Export.write`.

    Raises SessionNotFound, ConfigError for an unknown format, SessionBusy while it is held unless ``even_if_held``.
    """
    if format not in formats.FORMATS:
        raise ConfigError(f"There is no format {format!r}.", remedy=f"Choose one of: {', '.join(formats.FORMATS)}.")
    entry = keeper.vault.entry(name)
    holder = keeper.leases.holder(entry.lease)
    if holder and not even_if_held:
        error = busy(holder, clock=keeper.clock)
        error.remedy = (
            f"Two copies must never speak at once. Lend it instead (`telekeep lend {name}`), make a login of its own "
            f"(`telekeep fork {name}`), or stop the other one first. --yes exports it anyway."
        )
        raise error
    session = keeper.vault.load(name)
    return Export(session, format, formats.FORMATS[format].losses(session), holder)


def export_session(keeper: Keeper, name: str, format: str, *, even_if_held: bool = False) -> bytes:
    """The kept session ``name`` as ``format``, in one step; see `prepare_export`."""
    return prepare_export(keeper, name, format, even_if_held=even_if_held).write()


def remove(keeper: Keeper, name: str) -> int:
    """Set the kept session ``name`` aside: its sealed generations stay, `restore` brings it back.

    Its open loans are revoked with it, for good; how many they were is returned. The authorization at Telegram is not
    ended by this. Raises SessionNotFound, SessionBusy while somebody speaks with it.
    """
    vault = keeper.vault_for_writing()
    entry = vault.entry(name)
    key_id = _key_id(vault, name)
    with ExitStack() as held:
        if key_id is not None:
            fence = take(keeper, key_id, held, floor=entry.fence, purpose=f"removal of {name}").fence
        elif holder := keeper.leases.holder(entry.lease):
            raise busy(holder, clock=keeper.clock)
        else:  # it cannot be read, so its lease cannot be taken; the kernel says that nobody has it
            fence = entry.fence
        back_up_first(keeper, [name], step="before remove")
        loans = revoked(keeper, name)
        vault.remove(name, fence=fence, loans=loans)
    return len(loans)


def restore(keeper: Keeper, name: str) -> Entry:
    """Bring back what `remove` set aside.

    Raises SessionNotFound if there is nothing of that name, ConfigError if it is kept, or its key under another name.
    """
    vault = keeper.vault_for_writing()
    for aside in vault.entries():
        if aside.name == name:
            _refuse_twin(vault, name, aside.lease)
    return vault.restore_removed(name)


def put_back(keeper: Keeper, name: str, generation: int) -> Entry:
    """Put an older ``generation`` of ``name`` in force again, as a new generation on top: nothing is lost by it.

    Works where the newest one is damaged. Raises SessionNotFound if that generation is not stored, SessionBusy while
    somebody speaks with its key or with the one in force.
    """
    vault = keeper.vault_for_writing()
    history = vault.history(name)
    session = vault.load(name, generation=generation)
    floor = max(each.fence for each in history)
    keys = {session.auth_key.id: None, _key_id(vault, name): None}  # in order, each once
    with ExitStack() as held:
        leases = [take(keeper, key, held, floor=floor, purpose=f"restoring {name}") for key in keys if key is not None]
        back_up_first(keeper, [name], step="before restore")
        return vault.keep(name, session, fence=leases[0].fence, expected=history[0].generation)


def take(keeper: Keeper, key_id: int, held: ExitStack, *, floor: int, purpose: str, durable: bool = True) -> Lease:
    """Take the lease on a key until ``held`` is closed; a daemon that lends it to nobody just now gives it.

    ``floor``: the newest fence the vault knows; ``durable`` as in `Leases.try_acquire`. Raises SessionBusy.
    """
    try:
        lease = keeper.leases.try_acquire(key_id, floor=floor, purpose=purpose, durable=durable)
    except SessionBusy:
        if refused := hand_over(keeper, lease_name(key_id)):
            raise refused from None
        lease = keeper.leases.try_acquire(key_id, floor=floor, purpose=purpose, durable=durable)
    held.callback(lease.release)
    return lease


def _key_id(vault: Vault, name: str) -> int | None:
    """The id of a kept session's key; None if the record is damaged."""
    try:
        return vault.load(name).auth_key.id
    except VaultRolledBack:
        raise
    except SessionCorrupt:
        return None
