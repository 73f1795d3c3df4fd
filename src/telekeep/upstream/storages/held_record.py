"""A kept session, held by this process from `open` to `close`, for a client that is not ours."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from telethon import errors, functions, types

from telekeep import paths
from telekeep.borrow import asking
from telekeep.clock import system_clock
from telekeep.errors import ConfigError, NeedsLogin, SessionBusy, TelegramNetworkError, TelekeepError
from telekeep.lease.local import LocalLeases
from telekeep.pace.gate import Gate
from telekeep.pace.stores.local import LocalLedger
from telekeep.session import network as networks
from telekeep.session.network import PRODUCTION, Network
from telekeep.upstream import circuit
from telekeep.upstream.faults import DEAD, named
from telekeep.upstream.holding import Holding, Terms, take
from telekeep.upstream.line import Line
from telekeep.upstream.patience import Patience
from telekeep.upstream.record import Kept, Record
from telekeep.upstream.subject import subject_of
from telekeep.vault.vault import Vault

WATCH_SECONDS = 3.0
_FIRST_ASKED = functions.users.GetUsersRequest([types.InputUserSelf()])  # what every client asks first

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class HeldRecord:
    """The session kept as ``name``: nobody else may have it while this is open.

    ``home``, ``network``: as in `telekeep.client`. ``on_end``: called with the error when it must be given up while it
    is in use; everything of it is cut off then, and it is closed. ``on_close``: called whenever it is closed.
    """

    def __init__(
        self,
        name: str,
        *,
        home: Path | str | None = None,
        network: Network | str | None = None,
        on_end: Callable[[Exception], None] = lambda error: None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        if not isinstance(network, Network):
            network = networks.load(network or os.environ.get("TELEKEEP_NETWORK") or PRODUCTION.name)
        self.network = network
        self.name = name
        self._on_end = on_end
        self._on_close = on_close
        self._home = paths.home(Path(home).expanduser() if home else None)
        self._clock = system_clock(test_allowed=self.network.is_emulator)
        self._vault: Vault | None = None
        self._hold: Holding | None = None
        self._key_id: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {'open' if self._hold else 'closed'})"

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    @property
    def record(self) -> Record | None:
        """What is held; None while it is closed."""
        return self._hold.record if self._hold else None

    @property
    def line(self) -> Line:
        """The right to send. Raises TelegramNetworkError while this is closed."""
        if self._hold is None:
            raise TelegramNetworkError(f"{self.name!r} is not held.", remedy="Connect the client first.")
        return self._hold.line

    @property
    def was_used(self) -> bool:
        """Whether a client has connected through it since it was opened."""
        return self._loop is not None

    def open(self) -> Record:
        """Take the lease and read the session under it; nothing happens if it is held already.

        Raises SessionBusy if another has it, SessionNotFound and what else the vault says, an error of its own for a
        key that Telegram has ended, FloodWait and its kin if Telegram has said not to ask before some time,
        ConfigError for another network, NeedsLogin if the kept key has become another one.
        """
        if self._hold is not None:
            return self._hold.record
        _close_left_behind()
        vault = self._vault = Vault.open(self._home.vault, clock=self._clock, marks=self._home.state)
        try:
            self._hold = self._held(vault)
        except BaseException:
            self.close()
            raise
        return self._hold.record

    def _held(self, vault: Vault) -> Holding:
        kept = Kept.read(vault, self.name)
        if kept.session.network != self.network.name:
            raise ConfigError(
                f"{self.name!r} belongs to the network {kept.session.network!r}, not to {self.network.name!r}.",
                remedy="Give network=NAME or FILE.",
            )
        if vault.moved:
            raise ConfigError(
                "This vault was on another machine before. If its keys are still used there, Telegram ends them all.",
                remedy="When nothing there uses them any more, run: telekeep vault accept --move",
            )
        leases = LocalLeases(clock=self._clock)
        ledger = LocalLedger(self._home.root, clock=self._clock)
        terms = Terms(self.name, vault, leases, self.network, self._clock, ledger, timeout=0.0, purpose="a storage")
        try:
            self._ask_ledger(terms, kept)
            circuit.check(terms, kept.session.auth_key.id)
            lease, kept = _at_once(take(terms, kept))
        except SessionBusy as busy:
            raise self._named(busy) from None
        finally:
            ledger.close()
        key_id = kept.session.auth_key.id
        try:
            circuit.check(terms, key_id)
            if self._key_id not in (None, key_id):
                raise NeedsLogin(f"{self.name!r} has another key now.", remedy="Make a new client: it reads it.")
        except BaseException:
            lease.release()
            raise
        self._key_id = key_id
        record = Record(self.name, kept, vault=vault, lease=lease, clock=self._clock, events=terms.events)
        return Holding(terms, lease, Line(lease, self._ended), record)

    def _ask_ledger(self, terms: Terms, kept: Kept) -> None:
        gate = Gate(terms.ledger, subject_of(self.network, kept.session), who=self.name, clock=self._clock)
        _at_once(Patience(gate, name=self.name, clock=self._clock, events=terms.events).obey(_FIRST_ASKED, 0.0))

    def _named(self, busy: SessionBusy) -> SessionBusy:
        """Who has it, if that is the daemon, and how to come to it nevertheless."""
        daemon = None
        with suppress(TelekeepError):
            daemon = asking.hail(self._home)
        if daemon is None or busy.holder is None or busy.holder.pid != daemon.get("pid"):
            return busy
        return SessionBusy(
            f"The daemon owns {self.name!r} (process {busy.holder.pid}): it has the key and the one connection.",
            holder=busy.holder,
            since=busy.since,
            remedy=f"Borrow it: telekeep.client({self.name!r}) is a client like yours, or `telekeep run {self.name} -- "
            "CMD`. Or stop the daemon first: telekeep daemon stop",
        )

    # ---- while a client uses it

    def watch(self) -> None:
        """A client connects, in the running event loop: from now on look every three seconds whether it may go on, and
        write what is new.
        """
        if self._watching is None:
            self._loop = asyncio.get_running_loop()
            self._watching = self._loop.call_later(WATCH_SECONDS, self._look)
            _in_use.add(self)
            _mind_the_exit()

    def write(self) -> None:
        """Write what is new. A lease that is found to be lost ends everything; a disk that refuses ends nothing."""
        if self._hold is not None and not self._hold.line.is_inherited():
            self._hold.write()

    def condemn(self, error: Exception) -> None:
        """Telegram has answered the client with ``error``, and it has stopped. If that ends a login, the key is set
        aside: for good after 406 AUTH_KEY_DUPLICATED, else whoever connects next asks once more.
        """
        if self._hold is None or type(error) not in DEAD:
            return
        name = type(named(error, clock=self._clock)).__name__
        is_duplicated = type(error) is errors.AuthKeyDuplicatedError
        try:
            self._hold.terms.vault.quarantine(self._hold.record.session.auth_key.id, name, checked=is_duplicated)
        except TelekeepError as failed:
            _log.error("%r is over (%s), and could not be set aside: %s", self.name, name, failed)

    def _look(self) -> None:
        hold, loop = self._hold, self._loop
        if hold is None or loop is None or hold.line.is_inherited():
            return
        self._watching = loop.call_later(WATCH_SECONDS, self._look)
        hold.write()  # which needs the lease, too
        if self._hold is not hold:
            return
        try:
            found = hold.terms.vault.quarantined(hold.record.session.auth_key.id)
            if found is not None and found.checked:
                hold.line.end(partial(circuit.verdict, self.name, found))
        except TelekeepError as error:
            _log.warning("It could not be read whether %r is set aside: %s", self.name, error)

    def _ended(self, error: Exception) -> None:
        """Nothing may be sent any more. In the middle of whatever noticed."""
        _log.error("%r is given up: %s", self.name, error)
        if self._hold is not None:
            self._hold.line.abort()
        self._on_end(error)
        self.close()

    # ---- the end

    def close(self) -> None:
        """Cut off what is still connected, write what is not on disk yet, and give the lease back.

        It may be opened again. In a forked child it is only forgotten: it is the parent's.
        """
        hold, self._hold = self._hold, None
        vault, self._vault = self._vault, None
        watching, self._watching, self._loop = self._watching, None, None
        _in_use.discard(self)
        if hold is not None and hold.line.is_inherited():
            return
        try:
            if watching is not None:
                watching.cancel()
            if hold is not None:
                hold.line.seal(_closed)
                hold.line.abort()
                self._on_close()
                hold.give_back()
        finally:
            if vault is not None:
                vault.close()

    def set_aside(self) -> None:
        """The login was ended on purpose: the record is set aside, not destroyed."""
        try:
            self.open()
        except TelekeepError as error:  # the login is over either way, and Telegram says so at the next use
            _log.warning("%r was logged out, and could not be set aside: %s", self.name, error)
            return
        assert self._hold is not None
        self._hold.logged_out = True
        self.close()

    def left_behind(self) -> bool:
        """Whether its event loop was closed before it: nothing of it can speak any more."""
        return self._loop is not None and self._loop.is_closed()


def refuse_copy(thing: object) -> NoReturn:
    raise TypeError(f"{type(thing).__name__} cannot be copied or pickled: it holds a key that one client alone may use")


def _closed() -> TelegramNetworkError:
    return TelegramNetworkError("Disconnected.")


_in_use: set[HeldRecord] = set()


def _close_left_behind() -> None:
    for each in tuple(_in_use):
        if each.left_behind():
            each.close()


@cache
def _mind_the_exit() -> None:
    atexit.register(_at_exit)


def _at_exit() -> None:
    """Write what clients know that nobody disconnected, and give their leases back, their connections first."""
    for each in tuple(_in_use):
        with suppress(Exception):
            each.close()


def _at_once(waiting: Coroutine[Any, Any, _T]) -> _T:
    """What ``waiting`` returns, which waits for nothing as it was given no time to."""
    try:
        waiting.send(None)
    except StopIteration as done:
        result: _T = done.value
        return result
    waiting.close()
    raise RuntimeError("it waits, although it was told not to")
