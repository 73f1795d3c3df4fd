"""One program on a loan: a conversation, what it wants to hear, and how far it has heard."""

from __future__ import annotations

from typing import Any

from telekeep.gateway.asked import Application, Asked
from telekeep.gateway.entries import Entry
from telekeep.gateway.interpreter import Interpreter
from telekeep.gateway.journal import Journal, Replay, TooFar
from telekeep.gateway.loans import Loan
from telekeep.gateway.peer_process import Process
from telekeep.gateway.register import GatewayKey
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.schema import LAYER, types
from telekeep.session.network import Address

_STRIDE = 200  # entries told before looking whether it reads
_TOO_LONG = bytes(types.UpdatesTooLong())


class Borrower:
    """A conversation of a loan's key. ``addresses``: those of the gateway, as it is told of them. ``is_home``: whether
    it came to the home data center, where updates go.
    """

    __slots__ = (
        "addresses",
        "again",
        "application",
        "calls",
        "conversation",
        "cursor",
        "files_only",
        "interpreter",
        "is_home",
        "key",
        "large",
        "line",
        "listens",
        "looked_at",
        "number",
        "prelude",
        "process",
        "seen_until",
        "since",
        "waiting",
    )

    def __init__(
        self,
        number: int,
        key: GatewayKey,
        conversation: Conversation,
        line: Connection,
        addresses: tuple[Address, ...],
        *,
        is_home: bool,
        since: float,
    ) -> None:
        self.number = number
        self.key = key
        self.conversation = conversation
        self.line = line
        self.addresses = addresses
        self.is_home = is_home
        self.since = since
        self.listens = False
        self.cursor = 0  # the last entry of the journal it was told, or need not be
        self.seen_until = 0  # entries up to here it was told before, or they happened before it came
        self.again: set[int | None] = set()  # the lines of which it is told again what lies up to there
        self.calls = 0
        self.interpreter: Interpreter | None = None  # where it does not speak the owner's layer
        self.files_only: bool | None = None  # whether it asks for nothing but files; None before it asks for anything
        self.prelude: list[bytes] = []  # what it alone is told first
        self.application: Application | None = None
        self.process: Process | None = None
        self.looked_at: Connection | None = None  # the connection that `process` is about
        self.large: dict[int, int] = {}  # bytes of its large requests that have no answer, by message id
        self.waiting: dict[int, list[Any]] = {}  # requests that wait for another of its own, by that one's message id

    @property
    def layer(self) -> int:
        """The layer it speaks, as far as is known."""
        return self.interpreter.layer if self.interpreter is not None else LAYER

    @property
    def loan(self) -> Loan | None:
        return self.key.loan

    def is_on(self, loan: Loan) -> bool:
        """Whether it came with this loan."""
        return self.key.loan is not None and self.key.loan.id == loan.id

    @property
    def is_there(self) -> bool:
        """Whether it is connected."""
        return self.conversation.line is not None

    @property
    def is_reachable(self) -> bool:
        """Whether its end of the connection is open too, as the kernel knows it, even where we do not read from it."""
        return self.conversation.line is self.line and self.line.is_reachable

    def park(self, earlier: int, message_id: int, asked: Any, dc_id: int) -> None:
        """Keep a request until another of its own, sent as ``earlier``, has its answer."""
        self.waiting.setdefault(earlier, []).append((message_id, asked, dc_id))

    def forget_waiting(self) -> None:
        """Act as if what is parked had never been asked."""
        parked, self.waiting = self.waiting, {}
        for message_id, *_ in (each for group in parked.values() for each in group):
            self.conversation.withdraw(message_id)

    def listen(self, journal: Journal) -> None:
        """Tell it what happens from now on."""
        if not self.listens and self.is_home:
            self.listens = True
            self.cursor = self.seen_until = journal.head

    def is_for_files(self, asked: Asked) -> bool:
        """Whether it is a connection for files, which is told no updates: its program hears them on another
        (core.telegram.org/api/updates: "except for connections needed for downloading / uploading files").
        """
        if asked.method.startswith("upload."):
            self.files_only = self.files_only is not False
        elif not asked.initial:
            self.files_only = False
        return bool(self.files_only)

    def deafen(self) -> None:
        """Tell it nothing any more."""
        self.listens = False
        self.prelude.clear()

    def rewind(self, replay: Replay, *lines: int | None) -> None:
        """Tell it what is missing on ``lines``: the prelude, and again what happened on them, but of what it was told
        before nothing that a message box could not tell to be old.
        """
        self.prelude += replay.prelude
        if replay.entries and self.listens:
            if self.cursor >= self.seen_until:
                self.again.clear()
            self.again.update(lines)
            self.seen_until = max(self.seen_until, self.cursor)
            self.cursor = min(self.cursor, replay.entries[0].number - 1)

    def follow(self, journal: Journal) -> None:
        """Tell it what it has not heard yet, as long as it reads. What it does not take now, it is told later."""
        conversation, line = self.conversation, self.line
        if conversation.line is not line:
            return
        if self.prelude:
            prelude, self.prelude = self.prelude, []
            self._tell(prelude)
        while self.listens and self.cursor < journal.head and not line.is_full:
            try:
                entries = journal.after(self.cursor, _STRIDE)
            except TooFar as far:
                self.cursor = self.seen_until = journal.head
                self._tell(list(far.pushes))
                return
            news = [entry for entry in entries if self._is_news(entry)]
            self.cursor = entries[-1].number
            if len(news) == len(entries) and self.interpreter is None:
                self._tell(journal.told(entries))
            else:
                self._tell([entry.body for entry in news])
            if self.cursor < journal.head:
                line.flush()  # or the connection would never become full

    def _is_news(self, entry: Entry) -> bool:
        """Whether it has to be told this entry. What it did itself it knows from the answer, unless it asks: Telethon
        1.26 does not count what its own calls did.
        """
        if entry.number > self.seen_until:
            return entry.origin is not self
        return entry.advances and entry.line in self.again

    def _tell(self, bodies: list[bytes]) -> None:
        if self.interpreter is not None:
            bodies = self.interpreter.news(bodies)
        if bodies:
            self.conversation.tell(*bodies)

    def catch_up(self) -> None:
        """Its connection was made anew, and it has not asked what it missed: let it ask."""
        if self.listens and self.is_there:
            self.conversation.tell(_TOO_LONG)

    def lag(self, journal: Journal) -> int:
        """How many entries it is behind."""
        return journal.head - self.cursor if self.listens else 0
