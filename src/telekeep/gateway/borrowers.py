"""The programs on the loans of one session: who is connected, who listens, and who was lost and may come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from telekeep.clock import Clock
from telekeep.gateway.asked import Refused
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.crowd import Crowd
from telekeep.gateway.grants import granted
from telekeep.gateway.interpreter import interpreter
from telekeep.gateway.journal import Journal
from telekeep.gateway.loans import OPEN, Loan
from telekeep.gateway.peer_process import peer_process
from telekeep.gateway.register import GatewayKey
from telekeep.gateway.server import Front
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation

_ABSENT = 64  # conversations without a connection that are remembered


class Borrowers:
    """See the module. ``left``: told of each borrower that is gone, or whose loan is; what it asked is dropped there.

    ``home``: the data center where updates go.
    """

    def __init__(self, journal: Journal, home: int, *, clock: Clock) -> None:
        self.crowd = Crowd(clock)
        self.left: Callable[[Borrower], None] = lambda borrower: None
        self.is_closing = False
        self._journal = journal
        self._home = home
        self._clock = clock
        self._all: dict[Conversation, Borrower] = {}
        self._listeners: dict[Borrower, None] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._all)

    # ---- connections, as `gateway.server` tells

    def opened(self, line: Connection) -> None:
        self.crowd.opened(line)
        if self.is_closing:
            line.close("the owner stops")

    def closed(self, line: Connection) -> None:
        self.crowd.closed(line)
        for borrower in self._on(line):
            if borrower.conversation.line not in (None, line):
                continue  # it is back on another already
            self.left(borrower)
            borrower.forget_waiting()
            if borrower.conversation.id not in borrower.key.conversations:
                self._forget(borrower)
        for borrower in [each for each in self._all.values() if not each.is_there][:-_ABSENT]:
            self._forget(borrower)

    def drained(self, line: Connection) -> None:
        for borrower in self._on(line):
            borrower.follow(self._journal)

    def used(self, front: Front, line: Connection, key: GatewayKey, conversation: Conversation) -> None:
        """A connection carries this conversation from now on."""
        borrower = self._all.get(conversation)
        if borrower is not None:
            borrower.line = line
            borrower.addresses = front.addresses
            borrower.catch_up()
            return
        self._numbers += 1
        is_home = front.dc_id == self._home and not front.is_media
        borrower = Borrower(
            self._numbers, key, conversation, line, front.addresses, is_home=is_home, since=self._clock.wall()
        )
        with suppress(Refused):  # a layer that was served once; it is told when it asks
            borrower.interpreter = interpreter(key.layer)
        self._all[conversation] = borrower
        self.crowd.proven(line, key)
        asyncio.get_running_loop().call_soon(self._is_it_old, borrower)

    def _is_it_old(self, borrower: Borrower) -> None:
        """If a new conversation did not begin with initConnection, it goes on where another was lost."""
        loan = borrower.loan
        if borrower.calls or loan is None or loan.state(self._clock.wall()) != OPEN:
            return
        if granted(loan.grant).hears_updates:
            self.listen_in(borrower)
            borrower.catch_up()

    def _on(self, line: Connection) -> list[Borrower]:
        return [each for each in self._all.values() if each.line is line]

    def _forget(self, borrower: Borrower) -> None:
        self._all.pop(borrower.conversation, None)
        self._listeners.pop(borrower, None)

    # ---- who is there

    def get(self, conversation: Conversation) -> Borrower | None:
        return self._all.get(conversation)

    def of(self, loan: Loan) -> list[Borrower]:
        """The programs that are connected on a loan."""
        return [each for each in self._all.values() if each.is_there and each.is_on(loan)]

    def on_open_loans(self) -> list[Borrower]:
        """The programs that are connected on an open loan, files and media connections included."""
        return [
            each
            for each in self._all.values()
            if each.is_there and each.loan is not None and each.loan.ended_at is None
        ]

    # ---- what they are told

    def listen_in(self, borrower: Borrower) -> None:
        """Tell a borrower what happens from now on."""
        borrower.listen(self._journal)
        if borrower.listens:
            self._listeners[borrower] = None

    def no_longer_listen(self, borrower: Borrower) -> None:
        """Tell a borrower nothing any more."""
        borrower.deafen()
        self._listeners.pop(borrower, None)

    def tell(self) -> None:
        """Tell those who listen what they have not heard yet."""
        for borrower in tuple(self._listeners):
            borrower.line.at_once(partial(borrower.follow, self._journal))

    def tell_soon(self, borrower: Borrower) -> None:
        """After the answer that is being given, tell ``borrower`` what it has not heard."""
        asyncio.get_running_loop().call_soon(borrower.follow, self._journal)

    # ---- the end of some, or of all

    def cut_off(self, ended: Loan) -> None:
        """A loan opens nothing any more. Its connections are closed at the end of this turn of the event loop."""
        gone = [each for each in self._all.values() if each.is_on(ended)]
        for borrower in gone:
            borrower.deafen()
            borrower.forget_waiting()
            self._listeners.pop(borrower, None)
            self.left(borrower)
        asyncio.get_running_loop().call_soon(self._close_lines, gone, f"the loan is {ended.ended_why}")

    def _close_lines(self, borrowers: Iterable[Borrower], reason: str) -> None:
        for borrower in borrowers:
            if borrower.is_there:
                borrower.line.close(reason)
            borrower.key.forget_conversations()
            self._forget(borrower)

    def close_all(self, *, abort: bool = False) -> None:
        """Close every connection. ``abort``: without sending what is still to be sent."""
        for line in self.crowd.lines():
            line.close("the owner stops", abort=abort)

    # ---- now and then

    async def look_after(self) -> None:
        """Once a second: acknowledge what takes long, and find out which processes have come."""
        present = self.on_open_loans()
        for borrower in present:
            if borrower.conversation.running:
                borrower.conversation.acknowledge_running()
        for borrower in present:
            line = borrower.line
            if borrower.looked_at is not line and line.ends is not None:  # once for each of its connections
                borrower.looked_at = line
                borrower.process = await asyncio.get_running_loop().run_in_executor(None, peer_process, *line.ends)
