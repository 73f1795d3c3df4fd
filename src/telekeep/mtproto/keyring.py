"""What a server remembers of one auth key."""

from __future__ import annotations

from collections.abc import Callable

from telekeep.mtproto.cipher import Cipher
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.salts import Salts

IDLE = 16  # conversations of one key that are kept although they have no connection


class KnownKey:
    """An auth key, its salts, and its conversations by session id.

    ``compresses``: whether results are zipped. ``acknowledges``: whether requests that take their time are acknowledged
    at once; if not, whoever serves them does so later (`Conversation.acknowledge_running`).
    """

    compresses = True
    acknowledges = True

    def __init__(self, value: bytes, *, salts: Salts | None = None) -> None:
        self.key = Cipher(value)
        self.salts = salts or Salts()
        self.conversations: dict[int, Conversation] = {}

    def conversation(self, session_id: int, now: Callable[[], float]) -> Conversation:
        """The conversation of this id, a new one if it is not known (any more)."""
        found = self.conversations.get(session_id)
        if found is None:
            idle = [each for each in self.conversations.values() if each.line is None]
            for each in idle[: max(0, len(idle) - IDLE + 1)]:
                del self.conversations[each.id]
            found = self.conversations[session_id] = Conversation(session_id, now, compresses=self.compresses)
        return found

    def forget_conversations(self) -> None:
        """Lose all of them, as servers do now and then: with its next message each client hears new_session_created."""
        for each in self.conversations.values():
            each.line = None
        self.conversations.clear()
