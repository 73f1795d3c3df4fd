"""Where a manager's session is: in a file of the program's own, or in the vault, on a loan or held."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from telekeep.errors import ConfigError, SessionCorrupt, TelekeepError
from telekeep.guard import places
from telekeep.guard.hold import FileLeases
from telekeep.loading import settled
from telekeep.manager import damage
from telekeep.manager.dead import DeadKeys
from telekeep.manager.file import SessionFile
from telekeep.upstream.subject import subject_of
from telekeep.vault.vault import Vault

if TYPE_CHECKING:
    from telekeep.gateway.loans import Loan
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import Session


class Source(Protocol):
    """Where a session is, and how to get a client of it."""

    def client(self) -> Any:
        """A client, not connected yet. Raises what stands in the way."""

    def subjects(self) -> tuple[str, ...]:
        """What the ledger knows this account by."""

    def close(self) -> None: ...


def source(
    keeper: Keeper, name: places.Name, *, direct: bool, network: str | None, timeout: float, options: dict[str, Any]
) -> Source:
    """The session that ``name`` means: a kept one of that name, else the file that a client opens under it.

    ``options`` are those of `telethon.TelegramClient`, api id and hash among them.

    Raises ConfigError where both are there and are not the same login.
    """
    said = os.fspath(name)
    path = places.database(said)
    is_path = os.sep in said or said.endswith(places.SUFFIX)
    if not is_path and Vault.exists(keeper.home.vault):
        kept = next((each for each in keeper.vault.entries() if each.name == said and each.state != "removed"), None)
        if kept is not None:
            _refuse_two(said, path, kept.lease)
            if direct:
                return HeldSource(keeper, said, timeout, options)
            return LentSource(keeper, said, network, options)
    loan = _loan_in(keeper, path)
    if loan is not None:
        return LentSource(keeper, loan.session, network, options, grant=loan.grant)
    return FileSource(keeper, path, timeout, options)


def _loan_in(keeper: Keeper, path: Path) -> Loan | None:
    """The loan of this home that stands in the file (`telekeep adopt`): what it is a loan of is meant."""
    if not (Vault.exists(keeper.home.vault) and path.exists()):
        return None
    from telekeep.keeper.adopt.ledger import loans

    try:
        known = loans(keeper)
    except TelekeepError:
        return None  # a sealed vault: a loan's address is none of Telegram's, and is refused as such
    return next((known[each] for each in places.key_ids(path) if each in known), None)


def _refuse_two(name: str, path: Path, lease: str) -> None:
    from telekeep.lease.lease import lease_name

    keys = places.key_ids(path) if path.exists() else frozenset()
    if keys and lease not in map(lease_name, keys):
        raise ConfigError(
            f"{name!r} is both a kept session and the file {path}, and they are not the same login.",
            remedy=f"Say {path.name} if you mean the file; otherwise move the file away.",
        )


class FileSource:
    """A session file: held by its lease, spoken for by a direct client, whose update state stays in the file."""

    def __init__(self, keeper: Keeper, path: Path, timeout: float, options: dict[str, Any]) -> None:
        self.path = path
        self._keeper = keeper
        self._options = options
        self._timeout = timeout
        self._dead = DeadKeys(keeper)
        self._file = SessionFile(path, keeper, self._dead)
        self._known: Session | None = None

    def client(self) -> Any:
        """Raises SessionNotFound, NeedsLogin, UnknownFormat, and SessionCorrupt when the file was set aside."""
        with settled():
            from telekeep.upstream.held import held_client
            from telekeep.upstream.holding import Terms
            from telekeep.upstream.record import Kept

        keeper, name = self._keeper, self.path.name
        try:
            kept = Kept(*self._file.read(name))
        except SessionCorrupt as error:
            raise self._set_aside(error) from None
        self._known = kept.session
        terms = Terms(
            name, cast("Vault", self._file), FileLeases(self.path, clock=keeper.clock, speaks=True),
            keeper.network, keeper.clock, keeper.ledger, keeper.events,
            timeout=self._timeout, purpose="manager", patience=keeper.patience,
        )  # fmt: skip
        return held_client(terms, kept, **self._options)

    def _set_aside(self, error: SessionCorrupt) -> TelekeepError:
        """What to raise for a file that cannot be read: set aside, under its lease, if SQLite finds it damaged."""
        if not damage.is_damaged(self.path):
            return error
        lease = FileLeases(self.path, clock=self._keeper.clock).try_acquire(purpose="setting aside")
        try:
            if not damage.is_damaged(self.path):
                return error  # somebody has put another one there
            aside = damage.set_aside(self.path, now=self._keeper.clock.wall())
        finally:
            lease.release()
        return SessionCorrupt(
            f"{self.path.name} is damaged (SQLite says so), and was set aside as {aside.name}.",
            remedy="Put a backup in its place, or log in with `telekeep auth NAME`; nothing was deleted.",
        )

    def subjects(self) -> tuple[str, ...]:
        if self._known is None or self._known.user is None:
            try:
                self._known = self._file.session()
            except TelekeepError:
                return ()
        return _subjects(self._keeper, self._known)

    def close(self) -> None:
        self._dead.close()


class _KeptSource:
    """A session of the vault."""

    def __init__(self, keeper: Keeper, name: str) -> None:
        self.name = name
        self._keeper = keeper
        self._known: Session | None = None

    def subjects(self) -> tuple[str, ...]:
        if self._known is None:
            try:
                self._known = self._keeper.vault.load(self.name)
            except TelekeepError:
                return ()
        return _subjects(self._keeper, self._known)

    def close(self) -> None:
        pass


class LentSource(_KeptSource):
    """On a loan from the daemon, which is started if none runs: many programs can have one at once."""

    def __init__(
        self, keeper: Keeper, name: str, network: str | None, options: dict[str, Any], *, grant: str = "full"
    ) -> None:
        super().__init__(keeper, name)
        self._grant = grant
        self._network = network
        self._options = options

    def client(self) -> Any:
        from telekeep.borrow.borrow import client

        return client(
            self.name,
            home=self._keeper.home.root,
            network=self._network,
            label="manager",
            grant=self._grant,
            **self._options,
        )


class HeldSource(_KeptSource):
    """Held by this process."""

    def __init__(self, keeper: Keeper, name: str, timeout: float, options: dict[str, Any]) -> None:
        super().__init__(keeper, name)
        self._timeout = timeout
        self._options = options

    def client(self) -> Any:
        from telekeep.keeper.client import hold

        return hold(self._keeper, self.name, timeout=self._timeout, asks=True, purpose="manager", **self._options)


def _subjects(keeper: Keeper, session: Session) -> tuple[str, ...]:
    """Before Telegram said who we are, deadlines were noted against the key."""
    both = (session, replace(session, user=None))
    return tuple(dict.fromkeys(subject_of(keeper.network, each) for each in both))
