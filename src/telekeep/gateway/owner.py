"""The owner of one session: it has the lease and the only connection to Telegram, and lends both out.

Borrowers connect to its gateway on loopback. What they ask goes through `forwarding`, or is answered here (`answers`);
what happens goes into the `journal` first, and from there to each of them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from telekeep.clock import Clock
from telekeep.errors import GatewayError, TelekeepError
from telekeep.gateway.answers import ANSWERS, PASS_ON, WITHOUT_LOAN
from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.asked import asked as parsed
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.config import for_borrowers
from telekeep.gateway.crowd import Crowd
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.entries import Faces, entries_of, service_chat_ids
from telekeep.gateway.forwarding import Forwarding
from telekeep.gateway.grants import Grant
from telekeep.gateway.journal import Journal
from telekeep.gateway.loans import EXPIRED, OPEN, Loan
from telekeep.gateway.peer_process import peer_process
from telekeep.gateway.register import GatewayKey, Register
from telekeep.gateway.server import Front
from telekeep.gateway.verdict import Verdict, verdict
from telekeep.lease.lease import lease_name
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.schema import types
from telekeep.session.model import UpdateState
from telekeep.upstream.owned import OwnedClient

if TYPE_CHECKING:
    from telekeep.gateway.shelf import Shelf

_log = logging.getLogger(__name__)

_TICK = 1.0
_TOGETHER = 0.005  # seconds that updates wait at most for those that came in right behind them
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts to connect
_ENDED = {"expired": "LOAN_EXPIRED", "revoked": "LOAN_REVOKED", "logged out": "LOAN_LOGGED_OUT"}


class Owner:
    """One session and its borrowers. ``open`` and ``close``; ``name`` is that of the session.

    ``shelf``: where loans, doubts and the journal are kept. ``verdict``: why nothing is carried out any more, once the
    login is over.
    """

    def __init__(self, name: str, client: OwnedClient, endpoint: Endpoint, shelf: Shelf, *, clock: Clock) -> None:
        self.name = name
        self.endpoint = endpoint
        self.register = Register()
        self.journal = Journal()
        self._faces = Faces()
        self._hidden: set[int] = set()  # numbers of messages of the service chat, as far as they were seen
        self.me: Any = None
        self.verdict: Verdict | None = None
        self.since = clock.wall()
        self._client = client
        self._shelf = shelf
        self._clock = clock
        self._config: Any = None
        self._forwarding = Forwarding(client, self.journal, clock=clock, doubts=shelf, answer=self._answer)
        self._borrowers: dict[Conversation, Borrower] = {}
        self._listeners: dict[Borrower, None] = {}
        self._crowd = Crowd(clock)
        self._untold: asyncio.TimerHandle | None = None  # while more is coming in that can be told with it
        self._early: list[tuple[Borrower, int, Asked, int]] = []  # what came before Telegram was reached
        self._unwritten: dict[str, Loan] = {}  # loans that have ended, and the disk does not know
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._numbers = 0
        client.tap = self._tap
        client.save_progress = self._save_progress
        client.resumed = self.journal.resumed

    def __repr__(self) -> str:
        return f"<Owner of {self.name!r}: {len(self._borrowers)} borrowers>"

    # ---- life

    async def open(self, *, patient: bool = False) -> None:
        """Listen, and connect to Telegram. ``patient``: do not fail if it cannot be reached now, but go on trying.

        Raises what `HeldClient.connect` does, GatewayError if the gateway's port is taken; nothing is open then.
        """
        for loan in self._shelf.loans():
            self.register.add(loan.used(self._clock.wall()))  # its program may be about to come back
        self.journal.restore(self._shelf.journal(), self._client.kept_session.state)
        try:
            await self._listen()
            try:
                await self._connect()
            except TelekeepError as error:
                self.verdict = verdict(error)
                if not patient:
                    raise
                _log.warning("%r cannot be reached: %s", self.name, error)
        except BaseException:
            await self.close(0.0)
            raise
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._stay_connected()), loop.create_task(self._tick())]

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for address in self.endpoint.addresses:
            front = Front(self, address.dc_id, self.endpoint.server_key)
            try:
                server = await loop.create_server(partial(Connection, front), address.host, address.port, backlog=512)
            except OSError as error:
                raise GatewayError(
                    f"The gateway of {self.name!r} cannot listen on {address.host}:{address.port}: {error.strerror}.",
                    remedy="Stop the program that uses this port; loans name it.",
                ) from None
            self._servers.append(server)

    async def _connect(self) -> None:
        await self._client.connect()
        self._begin_journal()
        if self._config is None:
            self._config, self.me = await asyncio.gather(self._client.configuration(), self._client.own_user())
        self.verdict = None
        self._end_what_ended()
        self._forwarding.is_up = True
        self._go_on_early()
        self._forwarding.go()

    def _end_what_ended(self) -> None:
        """Loans that were revoked while the session was being opened, when nobody knew of this owner yet."""
        for stored in self._shelf.loans():
            if stored.ended_at is not None:
                self._cut_off(stored)

    def _go_on_early(self) -> None:
        early, self._early = self._early, []
        for borrower, message_id, asked, dc_id in early:
            if borrower.is_there:
                self._again(borrower, message_id, asked, dc_id)

    def _begin_journal(self) -> None:
        """What the message box begins with, if nothing was known before."""
        state = self._client.update_state()
        if state is not None:
            self.journal.seen(state)

    async def _stay_connected(self) -> None:
        """Connect again whenever the connection ends, for as long as the login stands."""
        pause = 0.0
        while True:
            error = await self._client.ended()
            self._forwarding.is_up = False
            self.verdict = verdict(error) or self.verdict
            if self.verdict is not None:
                _log.error("%r is over: %s", self.name, self.verdict.error)
                return self._pronounce()
            await asyncio.sleep(pause)
            try:
                await self._connect()
                pause = 0.0
            except TelekeepError as failed:
                self.verdict = verdict(failed)
                pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, pause * 2))
                _log.warning("%r: %s Trying again in %g s.", self.name, failed, pause)

    def _pronounce(self) -> None:
        """The login is over: whoever waits is told now."""
        self._go_on_early()
        for call in self._forwarding.give_up():
            self._again(call.borrower, call.message_id, call.asked, call.dc_id or self.endpoint.home.id)

    async def close(self, grace: float) -> None:
        """Take no new calls, let running ones end within ``grace`` seconds, and let the session go."""
        self._closing = True
        for server in self._servers:
            server.close()
        await self._quiet(grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._forwarding.abandon()
        for line in self._crowd.lines():
            line.close("the owner stops")
        with suppress(Exception):
            await self._client.disconnect()
        self._forwarding.tidy(final=True)
        for line in self._crowd.lines():
            line.close("the owner stops", abort=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def _quiet(self, grace: float) -> None:
        deadline = self._clock.boot() + grace
        while (self._forwarding.under_way or self._forwarding.waiting) and self._clock.boot() < deadline:
            if not self._forwarding.is_up:
                return
            await asyncio.sleep(0.02)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self._tidy(self._clock.wall())
            except TelekeepError as error:  # a disk that does not take it now may do so the next time
                _log.warning("%r: %s", self.name, error)
            except Exception:
                _log.exception("%r could not be looked after", self.name)

    async def _tidy(self, now: float) -> None:
        for loan in tuple(self.register.loans.values()):
            self._look_after(loan, now)
        self._forwarding.tidy()
        for borrower in self.borrowers():
            if borrower.conversation.running:
                borrower.conversation.acknowledge_running()
        for loan in tuple(self._unwritten.values()):
            self._write(loan)
        for borrower in self.borrowers():
            await self._look_at(borrower)

    def _look_after(self, loan: Loan, now: float) -> None:
        """End a loan whose time is over, and forget one that nobody will ask for any more."""
        if loan.ended_at is not None:
            if now - loan.ended_at > _REMEMBERED:
                self._drop(loan)
        elif loan.state(now) == EXPIRED:
            with suppress(TelekeepError):  # it is written the next time
                self.end_loan(loan.id, EXPIRED)
        elif not loan.lasting and now - loan.last_used > _UNUSED:
            if self.borrowers_of(loan):
                self.register.replace(loan.used(now))
            else:
                self._drop(loan)

    async def _look_at(self, borrower: Borrower) -> None:
        """Find out which process a borrower is, once for each of its connections."""
        line = borrower.line
        if borrower.looked_at is line or line.ends is None:
            return
        borrower.looked_at = line
        borrower.process = await asyncio.get_running_loop().run_in_executor(None, peer_process, *line.ends)

    @property
    def lease(self) -> str:
        """The name of the lease on the session's key."""
        return lease_name(self._client.kept_session.auth_key.id)

    async def ask_own_user(self) -> Any:
        """Ask Telegram who we are. Raises what it answers, by telekeep's names, and what ended the session."""
        if self.verdict is not None:
            raise self.verdict.error
        return await self._client.ask_own_user()

    @property
    def is_idle(self) -> bool:
        """Whether nobody is connected, and nothing is under way."""
        return not self.borrowers() and not self._forwarding.under_way

    # ---- loans

    @property
    def has_lasting_loans(self) -> bool:
        """Whether a program may come at any time with a loan it was given."""
        now = self._clock.wall()
        return any(loan.lasting and loan.state(now) == OPEN for loan in self.register.loans.values())

    def loans(self) -> list[Loan]:
        """Every loan, the oldest first."""
        return sorted(self.register.loans.values(), key=lambda loan: loan.made_at)

    def lend(self, label: str, grant: Grant, *, seconds: float | None = None, lasting: bool = True) -> Loan:
        """A new loan; on disk when this returns."""
        now = self._clock.wall()
        loan = Loan.mint(
            session=self.name,
            label=label,
            grant=str(grant),
            made_at=now,
            expires_at=now + seconds if seconds is not None else None,
            lasting=lasting,
            taken=self.register.loans,
        )
        self._shelf.keep(loan)
        self.register.add(loan)
        if lasting:
            _log.info("loan %s %s of %r: %s", loan.id, loan.label, self.name, loan.grant)
        return loan

    def end_loan(self, loan_id: str, why: str) -> Loan | None:
        """End a loan: revoked, expired or logged out. Its connections are closed; what they ask then is told why.

        It has ended whatever happens. Raises StorageUnavailable if the disk does not take it; it is tried again.
        """
        loan = self.register.loans.get(loan_id)
        if loan is None or loan.ended_at is not None:
            return loan
        ended = loan.ended(why, self._clock.wall())
        _log.info("loan %s %s of %r has ended: %s", loan.id, loan.label, self.name, why)
        self._cut_off(ended)
        self._write(ended)
        return ended

    def _write(self, ended: Loan) -> None:
        self._unwritten[ended.id] = ended
        self._shelf.keep(ended)
        del self._unwritten[ended.id]

    def _cut_off(self, ended: Loan) -> None:
        """From now on this loan opens nothing. Its connections are closed at the end of this turn of the event loop."""
        self.register.replace(ended)
        gone = [each for each in self._borrowers.values() if each.loan is not None and each.loan.id == ended.id]
        for borrower in gone:
            borrower.deafen()
            borrower.forget_waiting()
            self._listeners.pop(borrower, None)
            self._forwarding.left(borrower)
        asyncio.get_running_loop().call_soon(self._close_lines, gone, f"the loan is {ended.ended_why}")

    def _close_lines(self, borrowers: list[Borrower], reason: str) -> None:
        for borrower in borrowers:
            if borrower.is_there:
                borrower.line.close(reason)
            borrower.key.forget_conversations()
            self._forget(borrower)

    def _drop(self, loan: Loan) -> None:
        self._shelf.drop(loan)
        self.register.forget(loan)

    def borrowers_of(self, loan: Loan) -> list[Borrower]:
        """The programs that are connected on a loan."""
        return [
            each
            for each in self._borrowers.values()
            if each.is_there and each.loan is not None and each.loan.id == loan.id
        ]

    def borrowers(self) -> list[Borrower]:
        """The programs that are connected on an open loan, files and media connections included."""
        return [
            each
            for each in self._borrowers.values()
            if each.is_there and each.loan is not None and each.loan.ended_at is None
        ]

    # ---- connections

    def opened(self, line: Connection) -> None:
        self._crowd.opened(line)
        if self._closing:
            line.close("the owner stops")

    def closed(self, line: Connection) -> None:
        self._crowd.closed(line)
        for borrower in [each for each in self._borrowers.values() if each.line is line]:
            if borrower.conversation.line not in (None, line):
                continue  # it is back on another already
            self._forwarding.left(borrower)
            borrower.forget_waiting()
            if borrower.conversation.id not in borrower.key.conversations:
                self._forget(borrower)
        self._forget_old()

    def _forget_old(self) -> None:
        for borrower in [each for each in self._borrowers.values() if not each.is_there][:-_ABSENT]:
            self._forget(borrower)

    def _forget(self, borrower: Borrower) -> None:
        self._borrowers.pop(borrower.conversation, None)
        self._listeners.pop(borrower, None)

    def drained(self, line: Connection) -> None:
        for borrower in self._borrowers.values():
            if borrower.line is line:
                borrower.follow(self.journal)

    def used(self, dc_id: int, line: Connection, key: GatewayKey, conversation: Conversation) -> None:
        """A connection carries this conversation from now on."""
        borrower = self._borrowers.get(conversation)
        if borrower is not None:
            borrower.line = line
            borrower.catch_up()
            return
        self._numbers += 1
        is_home = dc_id == self.endpoint.home.id
        borrower = Borrower(self._numbers, key, conversation, line, is_home=is_home, since=self._clock.wall())
        self._borrowers[conversation] = borrower
        self._crowd.proven(line, key)
        asyncio.get_running_loop().call_soon(self._is_it_old, borrower)

    def _is_it_old(self, borrower: Borrower) -> None:
        """If a new conversation did not begin with initConnection, it goes on where another was lost."""
        loan = borrower.loan
        if borrower.calls or loan is None or loan.state(self._clock.wall()) != "open":
            return
        if _grant(loan.grant).hears_updates:
            self._listen_in(borrower)
            borrower.catch_up()

    def _listen_in(self, borrower: Borrower) -> None:
        borrower.listen(self.journal)
        if borrower.listens:
            self._listeners[borrower] = None

    # ---- requests

    def request(
        self, dc_id: int, line: Connection, key: GatewayKey, conversation: Conversation, message_id: int, body: bytes
    ) -> None:
        """A request came: refuse it, answer it, or send it on."""
        borrower = self._borrowers.get(conversation)
        if borrower is None or conversation.line is not line:
            conversation.withdraw(message_id)
            return  # it had to wait, and its connection or its loan has ended meanwhile
        pause = self._crowd.pause(line)
        if pause:
            late = partial(self.request, dc_id, line, key, conversation, message_id, body)
            asyncio.get_running_loop().call_later(pause, late)
            return
        if len(body) > _LARGE:
            borrower.large[message_id] = len(body)
        try:
            asked = parsed(body)
        except Refused as refused:
            self._refuse(borrower, message_id, refused)
        else:
            self._again(borrower, message_id, asked, dc_id)
        self._crowd.asks(borrower)

    def _take(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        anew = borrower.calls == 0 and not asked.initial
        borrower.calls += 1
        if self._client_unready(borrower, message_id, asked, dc_id):
            return
        loan = borrower.loan
        if loan is None:
            if asked.method not in WITHOUT_LOAN:
                raise Refused(400, "LOAN_NEEDED")
        else:
            self._judge(borrower, loan, asked)
        if asked.initial:
            borrower.application = asked.application
        if asked.wants_updates and not borrower.listens and loan is not None and _grant(loan.grant).hears_updates:
            self._listen_in(borrower)
            if anew:
                borrower.catch_up()
        for earlier in asked.after:
            if earlier in borrower.conversation.running:
                borrower.park(earlier, message_id, asked, dc_id)
                return
        self._carry_out(borrower, message_id, asked, dc_id)

    def _client_unready(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> bool:
        """Whether a request has to wait until Telegram was reached for the first time."""
        if self.verdict is not None:
            if self.verdict.forgotten:
                borrower.line.deny()
                return True
            raise self.verdict.answer(asked)
        if self._config is None:
            borrower.calls -= 1
            self._early.append((borrower, message_id, asked, dc_id))
            return True
        return False

    def _again(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        """Take a request, for the first time or after it has waited: much may have changed meanwhile."""
        try:
            self._take(borrower, message_id, asked, dc_id)
        except Refused as refused:
            self._refuse(borrower, message_id, refused)
        except TelekeepError as error:
            _log.warning("%r: %s was not sent on: %s", self.name, asked.method, error)
            self._refuse(borrower, message_id, Refused(400, f"TELEKEEP_{type(error).__name__.upper()}"))
        except Exception:
            _log.exception("%r: %s could not be handled", self.name, asked.method)
            self._refuse(borrower, message_id, Refused(500, "TELEKEEP_BROKEN"))

    def _judge(self, borrower: Borrower, loan: Loan, asked: Asked) -> None:
        state = loan.state(self._clock.wall())
        if state != "open":
            # Telethon's update loop ends its client on a 401, and goes on for ever after anything else
            raise Refused(401 if asked.method.startswith("updates.") else 400, _ENDED[state])
        _grant(loan.grant).judge(asked)
        if asked.method == "messages.forwardMessages" and not self._hidden.isdisjoint(asked.request.id):
            raise Refused(403, "NOT_GRANTED_SERVICE_CHAT_messages.forwardMessages")

    def _carry_out(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        local = ANSWERS.get(asked.method)
        if local is not None:
            result = local(self, borrower, asked, dc_id)
            if result is not PASS_ON:
                self._answer(borrower, message_id, result)
                return
        if self._closing:
            return  # whoever asked hears it from the next owner
        home = dc_id == self.endpoint.home.id
        self._forwarding.forward(borrower, message_id, asked, None if home else dc_id)

    def _answer(self, borrower: Borrower, message_id: int, result: bytes) -> None:
        if self._untold is not None:
            self._tell()  # what happened before it
        if not self._forwarding.under_way and borrower.is_there:
            borrower.line.at_once(partial(borrower.conversation.answer, message_id, result))  # nothing could go along
        else:
            borrower.conversation.answer(message_id, result)
        borrower.large.pop(message_id, None)
        self._crowd.answered(borrower)
        parked = borrower.waiting.pop(message_id, None)
        if parked:
            asyncio.get_running_loop().call_soon(self._go_on, borrower, parked)

    def _go_on(self, borrower: Borrower, parked: list[tuple[int, Asked, int]]) -> None:
        for message_id, asked, dc_id in parked:
            if borrower.is_reachable:
                self._again(borrower, message_id, asked, dc_id)
            else:
                borrower.conversation.withdraw(message_id)

    def _refuse(self, borrower: Borrower, message_id: int, refused: Refused) -> None:
        self._answer(
            borrower, message_id, bytes(types.RpcError(error_code=refused.code, error_message=refused.message))
        )

    def config(self, dc_id: int) -> bytes:
        """What help.getConfig says at this data center."""
        return for_borrowers(self._config, self.endpoint.addresses, dc_id)

    # ---- updates

    def _tap(self, updates: list[Any], users: list[Any], chats: list[Any]) -> None:
        for hole in self._client.box.take_holes():
            self.journal.leap(hole.line, hole.end)
        self._hidden.update(service_chat_ids(updates))
        for entry in entries_of(updates, users, chats, int(self._clock.wall()), faces=self._faces):
            self.journal.append(entry)
        if not self._client.has_more:
            self._tell()
        elif self._untold is None:
            self._untold = asyncio.get_running_loop().call_later(_TOGETHER, self._tell)
        self._forwarding.release()

    def _tell(self) -> None:
        """Tell those who listen what they have not heard yet."""
        untold, self._untold = self._untold, None
        if untold is not None:
            untold.cancel()
        for borrower in tuple(self._listeners):
            borrower.line.at_once(partial(borrower.follow, self.journal))

    def follow_soon(self, borrower: Borrower) -> None:
        """After the answer that is being given, tell ``borrower`` what it has not heard."""
        asyncio.get_running_loop().call_soon(borrower.follow, self.journal)

    def _save_progress(self, state: UpdateState | None, fence: int) -> None:
        """Write the update state, and the journal up to it: the one is never newer than the other."""
        unsaved = self.journal.unsaved()
        self._shelf.save_progress(state, unsaved, keep_from=self.journal.oldest, fence=fence)
        self.journal.saved(self.journal.head)

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
            "floods": self._forwarding.floods.deadlines(self._clock.boot()),
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


_LARGE = 64 << 10  # bytes of a request that is counted by its size
_UNUSED = 600.0  # seconds after which a loan that a program fetched for itself is forgotten
_REMEMBERED = 30 * 86_400.0  # seconds for which an ended loan is answered by name
_ABSENT = 64  # conversations without a connection that are remembered


@lru_cache(maxsize=256)
def _grant(text: str) -> Grant:
    return Grant.parse(text)
