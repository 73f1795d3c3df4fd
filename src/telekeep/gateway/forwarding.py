"""The way of a request from a borrower to Telegram, and of its answer back.

Here it is decided what goes next, what is not asked because Telegram has said "not before", what may be sent twice,
and that no answer arrives before the journal knows what it says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from telekeep.clock import Clock
from telekeep.errors import MaybeDone, TelekeepError
from telekeep.gateway import peers
from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.beyond import as_news
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.call import Call
from telekeep.gateway.echo import carries_updates, echo, echo_of_true, pts_of
from telekeep.gateway.floods import Floods
from telekeep.gateway.journal import Journal
from telekeep.gateway.noted import is_worth_noting, noted, page_of
from telekeep.gateway.once import MAYBE_DONE, Doubts, Once
from telekeep.gateway.redact import without_service_chat
from telekeep.gateway.repeat import is_repeatable
from telekeep.gateway.turns import Turns
from telekeep.mtproto.schema import SchemaError, read, types
from telekeep.upstream.owned import OwnedClient
from telekeep.upstream.relay import RpcFailure

_log = logging.getLogger(__name__)

WINDOW = 256  # requests under way at Telegram; the rest wait their turn
_DIFFERENCE = types.updates.ChannelDifference.CONSTRUCTOR_ID.to_bytes(4, "little")
_LEARNT = 256
_HELD_BACK = 2.0  # seconds an answer waits for the journal at most


class Forwarding:
    """See the module. ``answer(borrower, message_id, result)`` delivers."""

    def __init__(
        self,
        client: OwnedClient,
        journal: Journal,
        *,
        clock: Clock,
        doubts: Doubts,
        answer: Callable[[Borrower, int, bytes], None],
    ) -> None:
        self.floods = Floods(client.gate)
        self.calls = 0  # answered by Telegram
        self.is_up = False  # whether requests go out now
        self._client = client
        self._journal = journal
        self._clock = clock
        self._answer = answer
        self._once = Once(doubts, clock.wall())
        self._turns: Turns[Call] = Turns(WINDOW)
        self._slowed: dict[Call, asyncio.TimerHandle] = {}  # not in turn yet: a flood has slowed their method down
        self._held: list[tuple[list[tuple[int | None, int]], Call, bytes]] = []
        self._learnt: dict[int, None] = {}  # answers that were noted lately, by their hash
        self._strange: set[int] = set()  # channels that are read without being in them
        self._tasks: set[asyncio.Task[None]] = set()
        self._rested: asyncio.Event | None = None  # while somebody waits for it

    # ---- out

    def forward(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int | None) -> None:
        """Send a request on in its turn. Raises Refused if it is not sent."""
        wait = self.floods.answer(asked.method, asked.request)
        if wait is not None:
            raise Refused(420, wait)
        call = Call(borrower, message_id, asked, dc_id, borrower)
        if not is_repeatable(asked):
            loan = borrower.loan
            assert loan is not None
            mark = Once.mark(loan.id, asked.body)
            orphan = self._once.orphan(mark)
            if orphan is not None:
                orphan.borrower, orphan.message_id = borrower, message_id
                if orphan.result is not None:
                    self._deliver(orphan, orphan.result)
                return
            self._once.begin(call, mark, self._clock.wall())
        if peers.rewrite(asked.request, self._client.hash_of):
            asked.repack()
        pause = self.floods.pause(asked.method)
        if pause:
            self._slowed[call] = asyncio.get_running_loop().call_later(pause, self._queue, call)
        else:
            self._queue(call)

    def _queue(self, call: Call) -> None:
        self._slowed.pop(call, None)
        self._turns.add(call.turn, call)
        self.go()

    def go(self) -> None:
        """Send what may go now."""
        while self.is_up and (call := self._turns.next()) is not None:
            repeatable = call.name is None
            on_end = partial(self.done, call)
            try:
                if call.dc_id is None:
                    alone = self._turns.running == 1  # nothing else is on its way that it could go with
                    self._client.carry(call.asked.body, on_end, repeatable=repeatable, at_once=alone)
                else:
                    self._elsewhere(self._client.carry_to(call.dc_id, call.asked.body, on_end, repeatable=repeatable))
            except (OSError, TelekeepError):  # the line has just ended: it waits for the next
                self._turns.done(call.turn)
                self._turns.add(call.turn, call)
                return

    def _elsewhere(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- another client takes over

    async def rest(self) -> None:
        """Wait until the session is at rest."""
        rested = self._rested = asyncio.Event()
        self._look_whether_at_rest()
        await rested.wait()

    @property
    def is_at_rest(self) -> bool:
        """Nothing is under way, and no answer waits for the journal."""
        return not (self._turns.running or self._held)

    def _look_whether_at_rest(self) -> None:
        if self._rested is not None and self.is_at_rest:
            self._rested.set()

    def take_over(self, client: OwnedClient) -> None:
        """Send by ``client`` from now on. What waits was addressed by the access hashes of the one before."""
        self._client = client
        for call in (*self._turns, *self._slowed):
            if peers.rewrite(call.asked.request, client.hash_of):
                call.asked.repack()

    # ---- back

    def done(self, call: Call, result: bytes | None, error: BaseException | None) -> None:
        """Telegram has answered, or will not."""
        self._turns.done(call.turn)
        if call.result is not None:
            return  # it was given up, and whoever asked was told
        if result is not None:
            self.calls += 1
            self._client.answered()
            constructor = int.from_bytes(result[:4], "little")
            if carries_updates(constructor):
                self._hold_back(call, result)
            else:
                page = page_of(call.asked.request, constructor)
                if is_worth_noting(constructor) or (page is not None and self._is_new(page)):
                    self._note(call, result)
                elif told := echo_of_true(call.asked.request, result):
                    told.update._origin = call.borrower
                    self._client.feed(told)
                self._finish(call, result)
        elif isinstance(error, RpcFailure):
            self.calls += 1
            self.floods.note(call.asked.method, call.asked.request, error.text)
            code, text = error.code, error.text
            if code == 401 and call.asked.method == "users.getUsers":
                code, text = 400, f"UPSTREAM_{text}"  # or a stock start() would ask a person for a code
            self._finish(call, _packed(code, text))
        elif isinstance(error, MaybeDone):
            self._finish(call, _packed(400, MAYBE_DONE))
        elif isinstance(error, (OSError, asyncio.CancelledError)):
            if call.name is None:
                self._turns.add(call.turn, call)  # it only reads, or Telegram knows it by its random id
            else:
                self._finish(call, _packed(400, MAYBE_DONE))
        else:
            _log.warning("%s could not be sent on: %s", call.asked.method, type(error).__name__)
            self._finish(call, _packed(500, f"UPSTREAM_{type(error).__name__.upper()}"))
        self._look_whether_at_rest()
        self.go()

    def _hold_back(self, call: Call, result: bytes) -> None:
        """An answer that says what happened: the journal first."""
        try:
            found = read(result)
            told = echo(call.asked.request, found, self_id=self._client.self_id)
        except SchemaError as error:
            _log.warning("the answer to %s cannot be read: %s", call.asked.method, error)
            return self._finish(call, result)
        if told is not None:
            for update in getattr(told, "updates", None) or [getattr(told, "update", told)]:
                update._origin = call.borrower
            self._client.feed(told)
        wanted = [
            each
            for each in pts_of(found, call.asked.request)
            if not self._journal.covers(*each) and not self._client.box.must_wait(each[0])
        ]
        if not wanted:
            return self._finish(call, result)
        held = (wanted, call, result)
        self._held.append(held)
        asyncio.get_running_loop().call_later(_HELD_BACK, self._let_go, held)
        return None

    def _note(self, call: Call, result: bytes) -> None:
        """Learn from an answer where channels stand and who there is, before whoever asked does. Reading a page of
        dialogs takes milliseconds: of the same answer to several borrowers nothing more is learnt."""
        sign = hash(result)
        if sign in self._learnt:
            return
        self._learnt[sign] = None
        if len(self._learnt) > _LEARNT:
            del self._learnt[next(iter(self._learnt))]
        try:
            answer = read(result)
        except SchemaError as error:
            _log.warning("the answer to %s cannot be read: %s", call.asked.method, error)
            return
        found = noted(call.asked.request, answer)
        self._client.note(*found)
        self._journal.follow(found.channels)
        self._strange.difference_update(found.channels)
        page = page_of(call.asked.request, answer.CONSTRUCTOR_ID)
        if page is not None and page not in found.channels:
            self._strange.add(page)

    def _is_new(self, channel: int) -> bool:
        """Whether a page of a channel's messages may be the first that is heard of it."""
        return channel not in self._strange and self._journal.now(channel) is None

    def release(self) -> None:
        """The journal has grown: answers that waited for it may go."""
        for held in tuple(self._held):
            if all(self._journal.covers(*each) for each in held[0]):
                self._let_go(held)

    def _let_go(self, held: tuple[list[tuple[int | None, int]], Call, bytes]) -> None:
        if held in self._held:
            self._held.remove(held)
            self._finish(held[1], held[2])
            self._look_whether_at_rest()

    def _finish(self, call: Call, result: bytes) -> None:
        if not call.asked.method.startswith("upload."):
            try:
                result = without_service_chat(result)
                if call.asked.method == "updates.getChannelDifference":
                    result = self._told_as_news(call, result)
            except Refused as refused:
                result = _packed(refused.code, refused.message)
        self._deliver(call, result)

    def _told_as_news(self, call: Call, result: bytes) -> bytes:
        """The answer to a difference that the journal could not answer; what it holds is told after it. Of a channel
        that the account is not in nothing is told live, and so all of it is the answer."""
        borrower, channel = call.borrower, getattr(call.asked.request.channel, "channel_id", 0)
        if not borrower.listens or result[:4] != _DIFFERENCE or self._journal.now(channel) is None:
            return result
        try:
            told = as_news(call.asked.request, read(result), int(self._clock.wall()))
        except SchemaError:
            told = None
        if told is None:
            return result
        answer, bodies = told
        borrower.prelude += bodies
        asyncio.get_running_loop().call_soon(borrower.follow, self._journal)
        return bytes(answer)

    def _deliver(self, call: Call, result: bytes) -> None:
        if call.name is not None:
            self._once.answered(call, result, self._clock.wall())
        self._answer(call.borrower, call.message_id, result)

    # ---- now and then

    def tidy(self, *, final: bool = False) -> None:
        """Once a second, and at the end: note what is in doubt no more."""
        self._once.tidy(self._clock.wall(), final=final)

    def left(self, borrower: Borrower) -> None:
        """A borrower is gone: what it asked and was not sent yet is not sent."""
        self._withdraw(self._turns.drop(borrower) + self._take_slowed(borrower))

    def give_up(self) -> list[Call]:
        """Nothing is sent any more: what waits, to be answered by whoever knows why."""
        waiting = self._turns.clear() + self._take_slowed()
        for call in waiting:
            if call.name is not None:
                self._once.withdrawn(call)
        return waiting

    def abandon(self) -> None:
        """The owner ends: what was sent and has no answer may have been carried out, and whoever is there is told."""
        self._withdraw(self._turns.clear() + self._take_slowed())
        for call in self._once.unanswered():
            self._deliver(call, _packed(400, MAYBE_DONE))

    def _take_slowed(self, borrower: Borrower | None = None) -> list[Call]:
        """Those that are not in turn yet, of ``borrower`` or of all; they will not be."""
        taken = [call for call in self._slowed if borrower in (None, call.turn)]
        for call in taken:
            self._slowed.pop(call).cancel()
        return taken

    def _withdraw(self, calls: list[Call]) -> None:
        """Act as if these had never been asked: whoever still wants them asks again."""
        for call in calls:
            call.borrower.conversation.withdraw(call.message_id)
            if call.name is not None:
                self._once.withdrawn(call)

    @property
    def under_way(self) -> int:
        """Requests that Telegram has not answered yet."""
        return self._turns.running

    @property
    def waiting(self) -> int:
        """Requests that were not sent yet."""
        return len(self._turns) + len(self._slowed)


def _packed(code: int, text: str) -> bytes:
    return bytes(types.RpcError(error_code=code, error_message=text))
