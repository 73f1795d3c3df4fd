"""The owner of one session: it has the lease and the only connection to Telegram, and lends both out.

Borrowers connect to its gateway on loopback. What they ask comes to the `desk`, and goes on through `forwarding`; what
happens goes through the `news` into the `journal` first, and from there to each of the `borrowers`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from telekeep.clock import Clock
from telekeep.errors import TelegramRateLimitError, TelekeepError
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.borrowers import Borrowers
from telekeep.gateway.desk import Desk
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.forwarding import Forwarding
from telekeep.gateway.grants import Grant
from telekeep.gateway.journal import Journal
from telekeep.gateway.lending import Lending
from telekeep.gateway.listening import Listening
from telekeep.gateway.loans import Loan
from telekeep.gateway.news import News
from telekeep.gateway.register import Register
from telekeep.gateway.server import Front
from telekeep.gateway.succession import Pause, Prepare
from telekeep.gateway.verdict import Verdict, verdict
from telekeep.lease.lease import lease_name
from telekeep.pace.backoff import Backoff
from telekeep.session.model import UpdateState
from telekeep.session.network import Address
from telekeep.upstream.devices import Devices
from telekeep.upstream.owned import OwnedClient

if TYPE_CHECKING:
    from telekeep.gateway.shelf import Found, Shelf

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

_TICK = 1.0
_WRITTEN = 0.5
"""Seconds after which what happened is written down. What an owner that is killed has not written its successor has to
ask for, and of what was deleted since it cannot tell at which pts it stood: a borrower may hear of a message again."""
_LOOK_SECONDS = 5.0  # between looks at a flood wait: this machine may sleep meanwhile
_BACKOFF = Backoff(attempts=None, first=0.5, cap=30.0)  # between attempts to connect


class Owner:
    """One session and its borrowers. ``restore``, ``open`` and ``close``; ``name`` is that of the session.

    ``shelf``: where loans, doubts and the journal are kept.
    """

    def __init__(self, name: str, client: OwnedClient, endpoint: Endpoint, shelf: Shelf, *, clock: Clock) -> None:
        self.name = name
        self.endpoint = endpoint
        self.register = Register()
        self.journal = Journal()
        self.since = clock.wall()
        self._client = client
        self._shelf = shelf
        self._clock = clock
        self._borrowers = Borrowers(self.journal, endpoint.home.id, clock=clock)
        self._lending = Lending(name, self.register, shelf, self._borrowers, clock=clock)
        self._news = News(client, self.journal, self._borrowers, clock=clock)
        self._forwarding = Forwarding(client, self.journal, clock=clock, doubts=shelf, answer=self._answer)
        self._desk = Desk(
            name,
            endpoint,
            self.register,
            self.journal,
            self._borrowers,
            self._lending,
            self._forwarding,
            self._news,
            clock=clock,
        )
        self._borrowers.left = self._forwarding.left
        self._listening = Listening(name, self._front)
        self._reaching: frozenset[str] = frozenset()  # addresses for which a loan is about to be made
        self._unwritten: asyncio.TimerHandle | None = None  # until what has happened is written down
        self._timer: asyncio.TimerHandle | None = None
        self._coming_back: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._attach(client)

    def __repr__(self) -> str:
        return f"<Owner of {self.name!r}: {len(self._borrowers)} borrowers>"

    def _answer(self, borrower: Borrower, message_id: int, result: bytes) -> None:
        self._desk.answer(borrower, message_id, result)

    @property
    def client(self) -> OwnedClient:
        """The connection to Telegram."""
        return self._client

    @property
    def verdict(self) -> Verdict | None:
        """Why nothing is carried out any more, once the login is over."""
        return self._desk.verdict

    @property
    def me(self) -> Any:
        """The session's own user, None before Telegram was reached."""
        return self._desk.me

    # ---- life

    def restore(self, found: Found) -> None:
        """Know what was lent, and what has happened, before."""
        self._lending.restore(found.loans, found.looked.loans_mark)
        self.journal.restore(found.journal(), self._client.kept_session.state)

    async def open(self, *, patient: bool = False) -> None:
        """Listen, and connect to Telegram. ``patient``: do not fail if it cannot be reached now, but go on trying.

        Raises what `HeldClient.connect` does, GatewayError if the gateway's port is taken; nothing is open then.
        """
        try:
            await self._listening.open(self.endpoint.loopback)
            await self._mind_containers()
            try:
                await self._connect()
            except TelekeepError as error:
                self._desk.verdict = verdict(error)
                if not patient:
                    raise
                _log.warning("%r cannot be reached: %s", self.name, error)
        except BaseException:
            await self.close(0.0)
            raise
        self._client.ended = self._come_back
        if not self._client.is_held:
            self._come_back()
        self._tick_later()

    def _front(self, address: Address, told: tuple[Address, ...]) -> Front:
        return Front(self.register, self._borrowers, self._desk, address, told, self.endpoint.server_key)

    async def reach(self, host: str) -> None:
        """Listen at ``host`` too, an address of this machine that its containers reach, for as long as a loan is open
        that was made for it. Raises ConfigError if it is no such address, GatewayError if it is not of this machine.
        """
        before = self.endpoint
        self.endpoint = before.reaching(host)
        self._reaching |= {host}
        try:
            await self._listening.open(self.endpoint.told(host))
            self._shelf.keep_endpoint(self.endpoint)
        except BaseException:
            self.endpoint = before  # other ports may do the next time
            raise
        finally:
            self._reaching -= {host}

    async def _mind_containers(self) -> None:
        hosts = self._lending.hosts | self._reaching
        groups = [group for group in self.endpoint.outside if group[0].host in hosts]
        await self._listening.keep_open(groups, besides=self.endpoint.loopback)

    async def _connect(self) -> None:
        await self._client.connect()
        state = self._client.update_state()
        if state is not None:
            self.journal.seen(state)  # what the message box begins with, if nothing was known before
        desk = self._desk
        if desk.telegram is None:
            desk.me = await self._client.own_user()
            desk.telegram = await self._client.configuration()
        desk.verdict = None
        self._lending.end_what_ended()
        self._forwarding.is_up = True
        desk.go_on_early()
        self._forwarding.go()

    async def caught_up(self, seconds: float) -> None:
        """Wait until it is known what happened before the connection was made, for ``seconds`` at most."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._client.is_held and self._client.box.is_unsure:
            if loop.time() > deadline:
                return
            await asyncio.sleep(0.01)

    def _come_back(self) -> None:
        """The connection has ended."""
        if self._coming_back is None or self._coming_back.done():
            self._coming_back = asyncio.get_running_loop().create_task(self._connect_again())

    async def _connect_again(self) -> None:
        """Until it holds, for as long as the login stands."""
        desk, pause, failures = self._desk, 0.0, 0
        while not self._client.is_held:
            self._forwarding.is_up = False
            desk.verdict = verdict(self._client.last_error) or desk.verdict
            if desk.verdict is not None:
                _log.error("%r is over: %s", self.name, desk.verdict.error)
                desk.pronounce()
                return
            await asyncio.sleep(pause)
            try:
                await self._connect()
                pause, failures = 0.0, 0
            except TelekeepError as failed:
                desk.verdict = verdict(failed)
                failures += 1
                pause = _BACKOFF.pause(failures) or 0.0
                if isinstance(failed, TelegramRateLimitError):  # the ledger knows until when; nobody is asked before
                    pause = max(pause, min(failed.seconds, _LOOK_SECONDS))
                _log.warning("%r: %s Trying again in %.1f s.", self.name, failed, pause)

    async def succeed(self, prepare: Prepare, undo: Callable[[], None]) -> OwnedClient:
        """Go on with another client of the same account; only meanwhile do borrowers wait.

        ``prepare`` is given the session as it stands when nothing is under way, and returns the other client, whose
        key is kept by then; ``undo`` takes that back. Returns the client from before, which is still connected, and of
        which nothing is heard any more. Raises SessionBusy if calls do not end, and what ``prepare`` and connecting
        raise; everything is as before then.
        """
        before = self._client
        try:
            before.ended = None  # whoever goes on comes back by itself
            await self._succeed(before, prepare, undo)
        finally:
            self._client.ended = self._come_back
            if not self._client.is_held:
                self._come_back()
        return before

    async def _succeed(self, before: OwnedClient, prepare: Prepare, undo: Callable[[], None]) -> None:
        async with Pause(before, self._forwarding, self._tap) as pause:
            now = before.session_now()
            after = await prepare(replace(now, state=self.journal.standing(now.state) if now.state else None))
            self._attach(after)
            pause.keep_back(after)
            try:
                await after.connect()
                me = await after.own_user()
            except BaseException:
                if after.is_held:
                    after.hand_on()
                undo()
                await after.disconnect()
                raise
            self._take_over(after, me)
            pause.over(after)

    def _take_over(self, client: OwnedClient, me: Any) -> None:
        session = client.kept_session
        self._client, self._shelf = client, self._shelf.of_key(session.auth_key.id)
        self.journal.change_key(session.state.qts if session.state else 0)
        self._news.take_over(client)
        self._forwarding.take_over(client)
        self._desk.me = me

    def _attach(self, client: OwnedClient) -> None:
        """Let ``client`` tell what happens; and write it down, once it is the one in force."""

        def save(state: UpdateState | None, fence: int) -> None:
            if client is self._client:
                self._save_progress(state, fence)

        client.tap = self._tap
        client.save_progress = save
        client.resumed = self.journal.resumed

    async def close(self, grace: float) -> None:
        """Take no new calls, let running ones end within ``grace`` seconds, and let the session go."""
        self._desk.is_closing = self._borrowers.is_closing = True
        await self._listening.stop()
        await self._quiet(grace)
        self._client.ended = None
        for timer in (self._timer, self._unwritten):
            if timer is not None:
                timer.cancel()
        running = [task for task in (self._coming_back, self._looking) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._forwarding.abandon()
        self._borrowers.close_all()
        with suppress(Exception):
            await self._client.disconnect()
        self._forwarding.tidy(final=True)
        self._borrowers.close_all(abort=True)
        await self._listening.ended()

    async def _quiet(self, grace: float) -> None:
        deadline = self._clock.boot() + grace
        while (self._forwarding.waiting or not self._forwarding.is_at_rest) and self._clock.boot() < deadline:
            if not self._forwarding.is_up:
                return
            await asyncio.sleep(0.02)

    def _tick_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK, self._tick)

    def _tick(self) -> None:
        self._looking = asyncio.get_running_loop().create_task(self._look_after())

    async def _look_after(self) -> None:
        try:
            self._forwarding.tidy()
            self._lending.look_after()
            await self._mind_containers()
            await self._borrowers.look_after()
        except TelekeepError as error:  # a disk that does not take it now may do so the next time
            _log.warning("%r: %s", self.name, error)
        except Exception:
            _log.exception("%r could not be looked after", self.name)
        self._looking = None
        self._tick_later()

    # ---- updates

    def _tap(self, updates: list[Any], users: list[Any], chats: list[Any]) -> None:
        self._news.take(updates, users, chats)
        self._forwarding.release()
        if self._unwritten is None and updates:
            self._unwritten = asyncio.get_running_loop().call_later(_WRITTEN, self._write)

    def _write(self) -> None:
        self._unwritten = None
        self._client.write_back()

    def _save_progress(self, state: UpdateState | None, fence: int) -> None:
        """Write the update state, and the journal up to it: the one is never newer than the other."""
        unsaved = self.journal.unsaved()
        self._shelf.save_progress(state, unsaved, keep_from=self.journal.oldest, fence=fence)
        self.journal.saved(self.journal.head)

    # ---- loans, and who uses them

    def lend(
        self, label: str, grant: Grant, *, seconds: float | None = None, lasting: bool = True, host: str | None = None
    ) -> Loan:
        """A new loan, that lasts ``seconds``; on disk when this returns. ``lasting`` and ``host`` as in `Loan`."""
        return self._lending.lend(label, grant, seconds=seconds, lasting=lasting, host=host)

    def end_loan(self, loan_id: str, why: str) -> Loan | None:
        """End a loan: see `Lending.end`."""
        return self._lending.end(loan_id, why)

    def loans(self) -> list[Loan]:
        """Every loan, the oldest first."""
        return self._lending.all()

    @property
    def has_lasting_loans(self) -> bool:
        """Whether a program may come at any time with a loan it was given."""
        return self._lending.has_lasting

    def borrowers_of(self, loan: Loan) -> list[Borrower]:
        """The programs that are connected on a loan."""
        return self._borrowers.of(loan)

    def borrowers(self) -> list[Borrower]:
        """The programs that are connected on an open loan, files and media connections included."""
        return self._borrowers.on_open_loans()

    @property
    def is_idle(self) -> bool:
        """Whether nobody is connected, and nothing is under way."""
        return not self.borrowers() and not self._forwarding.under_way

    # ---- the session itself

    @property
    def lease(self) -> str:
        """The name of the lease on the session's key."""
        return lease_name(self._client.kept_session.auth_key.id)

    async def ask_own_user(self) -> Any:
        """Ask Telegram who we are. Raises what it answers, by telekeep's names, and what ended the session."""
        if self.verdict is not None:
            raise self.verdict.error
        return await self._client.ask_own_user()

    async def ask_devices(self) -> Devices:
        """Ask Telegram who is logged in to this account. Raises as `ask_own_user`."""
        if self.verdict is not None:
            raise self.verdict.error
        return await self._client.ask_devices()

    async def through(self, work: Callable[[OwnedClient], Awaitable[_T]]) -> _T:
        """What ``work`` makes of the client that is connected. Raises as `ask_own_user`, and what ``work`` does."""
        if self.verdict is not None:
            raise self.verdict.error
        return await work(self._client)

    # ---- for people

    def status(self) -> dict[str, Any]:
        """What `telekeep status --json` shows of this owner."""
        now = self._clock.wall()
        return {
            "name": self.name,
            "since": self.since,
            "state": self.verdict.text if self.verdict else "connected" if self._client.is_on_line else "connecting",
            "calls": self._forwarding.calls,
            "under_way": self._forwarding.under_way,
            "floods": self._forwarding.floods.deadlines(),
            "intervals": self._forwarding.floods.intervals(),
            "journal": self.journal.head,
            "addresses": [[each.dc_id, each.host, each.port] for each in self.endpoint.addresses],
            "loans": [self.loan_status(loan, now) for loan in self.loans()],
        }

    def loan_status(self, loan: Loan, now: float) -> dict[str, Any]:
        """A loan and who uses it."""
        return {**loan.facts(now), "borrowers": [self._borrower_status(each) for each in self.borrowers_of(loan)]}

    def _borrower_status(self, borrower: Borrower) -> dict[str, Any]:
        process = borrower.process
        return {
            "pid": process.pid if process else None,
            "command": process.command if process else None,
            "application": borrower.application.device_model if borrower.application else None,
            "since": borrower.since,
            "calls": borrower.calls,
            "lag": borrower.lag(self.journal),
            "home": borrower.is_home,
        }
