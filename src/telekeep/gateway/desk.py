"""Where the requests of borrowers arrive: each is refused, answered here, or sent on."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

from telekeep.clock import Clock
from telekeep.errors import TelekeepError
from telekeep.gateway.answers import ANSWERS, PASS_ON, WITHOUT_LOAN
from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.asked import asked as parsed
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.borrowers import Borrowers
from telekeep.gateway.config import for_borrowers
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.forwarding import Forwarding
from telekeep.gateway.grants import granted
from telekeep.gateway.interpreter import interpreter, layer_of
from telekeep.gateway.journal import Journal
from telekeep.gateway.lending import Lending
from telekeep.gateway.loans import Loan
from telekeep.gateway.news import News
from telekeep.gateway.register import GatewayKey, Register
from telekeep.gateway.verdict import Verdict, end_of
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.schema import read, types

_log = logging.getLogger(__name__)

_LARGE = 64 << 10  # bytes of a request that is counted by its size


class Desk:
    """See the module. What the owner knows of the session is told it:

    ``verdict``: why nothing is carried out any more, once the login is over · ``telegram``: what Telegram says of its
    data centers, None before it was reached · ``me``: the session's own user · ``is_closing``: nothing new is sent on.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        register: Register,
        journal: Journal,
        borrowers: Borrowers,
        lending: Lending,
        forwarding: Forwarding,
        news: News,
        *,
        clock: Clock,
    ) -> None:
        self.endpoint = endpoint
        self.register = register
        self.journal = journal
        self.borrowers = borrowers
        self.lending = lending
        self.verdict: Verdict | None = None
        self.telegram: Any = None
        self._me = b""
        self.is_closing = False
        self._name = name
        self._forwarding = forwarding
        self._news = news
        self._clock = clock
        self._early: list[tuple[Borrower, int, Asked, int]] = []  # what came before Telegram was reached

    @property
    def me(self) -> Any:
        return read(self._me) if self._me else None

    @me.setter
    def me(self, user: Any) -> None:
        self._me = bytes(user)  # as an object it takes ten times as much, and it is hardly ever asked for

    def config(self, borrower: Borrower, dc_id: int) -> bytes:
        """What help.getConfig says to ``borrower`` at this data center."""
        return for_borrowers(self.telegram, borrower.addresses, dc_id)

    # ---- in

    def request(
        self, dc_id: int, line: Connection, key: GatewayKey, conversation: Conversation, message_id: int, body: bytes
    ) -> None:
        """A request came: refuse it, answer it, or send it on."""
        borrower = self.borrowers.get(conversation)
        if borrower is None or conversation.line is not line:
            conversation.withdraw(message_id)
            return  # it had to wait, and its connection or its loan has ended meanwhile
        pause = self.borrowers.crowd.pause(line)
        if pause:
            late = partial(self.request, dc_id, line, key, conversation, message_id, body)
            asyncio.get_running_loop().call_later(pause, late)
            return
        if len(body) > _LARGE:
            borrower.large[message_id] = len(body)
        try:
            asked = self._heard(borrower, message_id, body)
        except Refused as refused:
            self._refuse(borrower, message_id, refused)
        else:
            self._take(borrower, message_id, asked, dc_id)
        self.borrowers.crowd.asks(borrower)

    def _heard(self, borrower: Borrower, message_id: int, body: bytes) -> Asked:
        """What a borrower asks, in the owner's layer."""
        layer = layer_of(body)
        if layer is not None:
            self._speaks(borrower, layer)
        if borrower.interpreter is None:
            return parsed(body)
        asked = parsed(borrower.interpreter.hear(body))
        borrower.interpreter.expect(message_id, asked.method)
        return asked

    def _speaks(self, borrower: Borrower, layer: int) -> None:
        if layer != borrower.layer:
            borrower.interpreter = interpreter(layer)
        borrower.key.layer = layer
        loan = borrower.loan
        if loan is not None and loan.layer != layer:
            with suppress(TelekeepError):  # it is written the next time
                self.lending.speaks(loan, layer)

    def _take(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        """Take a request, for the first time or after it has waited: much may have changed meanwhile."""
        try:
            self._judge_and_carry_out(borrower, message_id, asked, dc_id)
        except Refused as refused:
            self._refuse(borrower, message_id, refused)
        except TelekeepError as error:
            _log.warning("%r: %s was not sent on: %s", self._name, asked.method, error)
            self._refuse(borrower, message_id, Refused(400, f"TELEKEEP_{type(error).__name__.upper()}"))
        except Exception:
            _log.exception("%r: %s could not be handled", self._name, asked.method)
            self._refuse(borrower, message_id, Refused(500, "TELEKEEP_BROKEN"))

    def _judge_and_carry_out(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        anew = borrower.calls == 0 and not asked.initial
        borrower.calls += 1
        if self._is_unready(borrower, message_id, asked, dc_id):
            return
        loan = borrower.loan
        if loan is None:
            if asked.method not in WITHOUT_LOAN:
                raise Refused(400, "LOAN_NEEDED")
        else:
            self._judge(loan, asked)
        if asked.initial:
            borrower.application = asked.application
        if borrower.is_for_files(asked):
            self.borrowers.no_longer_listen(borrower)
        elif asked.wants_updates and not borrower.listens and loan is not None and granted(loan.grant).hears_updates:
            self.borrowers.listen_in(borrower)
            if anew:
                borrower.catch_up()
        for earlier in asked.after:
            if earlier in borrower.conversation.running:
                borrower.park(earlier, message_id, asked, dc_id)
                return
        self._carry_out(borrower, message_id, asked, dc_id)

    def _is_unready(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> bool:
        """Whether a request has to wait until Telegram was reached for the first time, or was told that it is over."""
        if self.verdict is not None:
            if self.verdict.forgotten:
                borrower.line.deny()
                return True
            raise self.verdict.answer(asked)
        if self.telegram is None:
            borrower.calls -= 1
            self._early.append((borrower, message_id, asked, dc_id))
            return True
        return False

    def _judge(self, loan: Loan, asked: Asked) -> None:
        ended = end_of(loan, asked, self._clock.wall())
        if ended is not None:
            raise ended
        granted(loan.grant).judge(asked)
        if asked.method == "messages.forwardMessages" and self._news.hides(asked.request.id):
            raise Refused(403, "NOT_GRANTED_SERVICE_CHAT_messages.forwardMessages")

    def _carry_out(self, borrower: Borrower, message_id: int, asked: Asked, dc_id: int) -> None:
        local = ANSWERS.get(asked.method)
        if local is not None:
            result = local(self, borrower, asked, dc_id)
            if result is not PASS_ON:
                self.answer(borrower, message_id, result)
                return
        if self.is_closing:
            return  # whoever asked hears it from the next owner
        home = dc_id == self.endpoint.home.id
        self._forwarding.forward(borrower, message_id, asked, None if home else dc_id)

    # ---- back

    def answer(self, borrower: Borrower, message_id: int, result: bytes) -> None:
        """Give a request its answer."""
        self._news.tell_untold()  # what happened before it
        if borrower.interpreter is not None:
            result = borrower.interpreter.answer(message_id, result)
        if not self._forwarding.under_way and borrower.is_there:
            borrower.line.at_once(partial(borrower.conversation.answer, message_id, result))  # nothing could go along
        else:
            borrower.conversation.answer(message_id, result)
        borrower.large.pop(message_id, None)
        self.borrowers.crowd.answered(borrower)
        parked = borrower.waiting.pop(message_id, None)
        if parked:
            asyncio.get_running_loop().call_soon(self._go_on, borrower, parked)

    def _go_on(self, borrower: Borrower, parked: list[tuple[int, Asked, int]]) -> None:
        for message_id, asked, dc_id in parked:
            if borrower.is_reachable:
                self._take(borrower, message_id, asked, dc_id)
            else:
                borrower.conversation.withdraw(message_id)

    def _refuse(self, borrower: Borrower, message_id: int, refused: Refused) -> None:
        self.answer(borrower, message_id, bytes(types.RpcError(error_code=refused.code, error_message=refused.message)))

    # ---- when the owner has news of the connection

    def go_on_early(self) -> None:
        """Telegram was reached, or will not be: take what came before."""
        early, self._early = self._early, []
        for borrower, message_id, asked, dc_id in early:
            if borrower.is_there:
                self._take(borrower, message_id, asked, dc_id)

    def pronounce(self) -> None:
        """The login is over: whoever waits is told now."""
        self.go_on_early()
        for call in self._forwarding.give_up():
            self._take(call.borrower, call.message_id, call.asked, call.dc_id or self.endpoint.home.id)
