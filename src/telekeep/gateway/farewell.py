"""The gateway of a session that is owned no more: it knows the loans that have ended, and says so to whoever comes.

Where nothing listened, stock clients would connect again for ever, and their users would be told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from telekeep.clock import Clock
from telekeep.gateway.asked import Refused
from telekeep.gateway.asked import asked as parsed
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.borrowers import Borrowers
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.interpreter import interpreter, layer_of
from telekeep.gateway.journal import Journal
from telekeep.gateway.listening import Listening
from telekeep.gateway.loans import Loan
from telekeep.gateway.register import GatewayKey, Register
from telekeep.gateway.server import Front
from telekeep.gateway.verdict import end_of
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.schema import types
from telekeep.session.network import Address


class Farewell:
    """``open`` and ``close``. ``loans``: those of the session ``name``, all ended; ``endpoint``: where they lead."""

    def __init__(self, name: str, endpoint: Endpoint, loans: Iterable[Loan], *, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._register = Register()
        for loan in loans:
            self._register.add(loan)
        self._borrowers = Borrowers(Journal(), endpoint.home.id, clock=clock)
        self._listening = Listening(name, self._front)

    async def open(self) -> None:
        """Listen. Raises GatewayError if the gateway's port is taken; nothing is open then.

        On loopback alone: at an address for containers nobody listens once the last loan for it has ended.
        """
        try:
            await self._listening.open(self._endpoint.loopback)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every connection, and listen no more."""
        self._borrowers.is_closing = True
        await self._listening.stop()
        self._borrowers.close_all(abort=True)
        await self._listening.ended()

    def _front(self, address: Address, told: tuple[Address, ...]) -> Front:
        return Front(self._register, self._borrowers, self, address, told, self._endpoint.server_key)

    def request(
        self, dc_id: int, line: Connection, key: GatewayKey, conversation: Conversation, message_id: int, body: bytes
    ) -> None:
        """A request came: it is refused, in the words that end its program."""
        borrower = self._borrowers.get(conversation)
        if borrower is None or conversation.line is not line:
            conversation.withdraw(message_id)
            return
        if pause := self._borrowers.crowd.pause(line):
            late = partial(self.request, dc_id, line, key, conversation, message_id, body)
            asyncio.get_running_loop().call_later(pause, late)
            return
        refused = self._end(borrower, body)
        error = types.RpcError(error_code=refused.code, error_message=refused.message)
        conversation.answer(message_id, bytes(error))
        self._borrowers.crowd.answered(borrower)

    def _end(self, borrower: Borrower, body: bytes) -> Refused:
        if borrower.loan is None:  # a key made for another data center, which was never tied to a loan
            return Refused(400, "LOAN_NEEDED")
        try:
            layer = layer_of(body)
            if layer is not None:
                borrower.interpreter = interpreter(layer)
            asked = parsed(borrower.interpreter.hear(body) if borrower.interpreter is not None else body)
        except Refused as unheard:
            return unheard
        return end_of(borrower.loan, asked, self._clock.wall()) or Refused(400, "LOAN_NEEDED")
