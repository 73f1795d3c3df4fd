"""Which message ids and sequence numbers a server takes. Pure decisions, no state of their own but `History`.

core.telegram.org/mtproto/service_messages_about_messages#notice-of-ignored-error-message gives the codes, and
core.telegram.org/mtproto/description#message-identifier-msg-id the rules. ``now`` is wall seconds of the wire: the
time that message ids carry. It is the machine's own, because a stock client's is.
"""

from __future__ import annotations

from enum import IntEnum

TOO_OLD = 300  # seconds a message id may lie in the past
TOO_NEW = 30  # and in the future
REMEMBERED = 4096  # messages of one conversation


class Code(IntEnum):
    """What is wrong with a message: error_code of bad_msg_notification and bad_server_salt."""

    ID_TOO_LOW = 16  # the client's clock is slow
    ID_TOO_HIGH = 17  # the client's clock is fast
    ID_NOT_DIVISIBLE = 18  # the two lowest bits are for the server
    CONTAINER_REPEATED = 19
    TOO_OLD_TO_TELL = 20  # it may or may not have come before
    SEQUENCE_TOO_LOW = 32
    SEQUENCE_TOO_HIGH = 33
    SEQUENCE_ODD = 34  # where an even number was expected
    SEQUENCE_EVEN = 35  # where an odd number was expected
    SALT = 48
    CONTAINER = 64


class Repeated:
    """A message that has come before: not an error, but not to be carried out again."""


REPEATED = Repeated()


def judge_id(message_id: int, now: float) -> Code | None:
    """What is wrong with the id of a message that is not inside a container."""
    if message_id & 3:
        return Code.ID_NOT_DIVISIBLE
    sent = message_id >> 32
    if sent < now - TOO_OLD:
        return Code.ID_TOO_LOW
    if sent > now + TOO_NEW:
        return Code.ID_TOO_HIGH
    return None


def judge_parity(seqno: int, *, content: bool | None) -> Code | None:
    """Odd for what has to be acknowledged, even for the rest. ``content`` None: clients differ, both are taken."""
    if content is None or bool(seqno & 1) == content:
        return None
    return Code.SEQUENCE_EVEN if content else Code.SEQUENCE_ODD


class History:
    """The messages one conversation has brought: id and sequence number of each, as far back as they are kept."""

    __slots__ = ("_floor", "_highest", "_highest_seqno", "_seen")

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._floor = 0
        self._highest = self._highest_seqno = -1

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._seen

    @property
    def floor(self) -> int:
        """Below this id nothing is remembered."""
        return self._floor

    @property
    def highest(self) -> int:
        return self._highest

    def judge(self, message_id: int, seqno: int) -> Code | Repeated | None:
        """What is wrong with a message, given those that came before."""
        if message_id > self._highest:  # nearly always
            return Code.SEQUENCE_TOO_LOW if _clash(self._highest_seqno, seqno) else None
        if message_id in self._seen:
            return REPEATED
        if message_id < self._floor:
            return Code.TOO_OLD_TO_TELL
        for other, its_seqno in self._seen.items():
            if other < message_id and _clash(its_seqno, seqno):
                return Code.SEQUENCE_TOO_LOW
            if other > message_id and _clash(seqno, its_seqno):
                return Code.SEQUENCE_TOO_HIGH
        return None

    def add(self, message_id: int, seqno: int) -> None:
        """Remember a message that was taken."""
        self._seen[message_id] = seqno
        if message_id > self._highest:
            self._highest = message_id
        if seqno > self._highest_seqno:
            self._highest_seqno = seqno
        if len(self._seen) > REMEMBERED:
            self._forget()

    def remove(self, message_id: int) -> int:
        """Forget one message. Its sequence number, 0 if it is not known."""
        return self._seen.pop(message_id, 0)

    def _forget(self) -> None:
        kept = sorted(self._seen)[REMEMBERED // 2 :]
        self._floor = kept[0]
        self._seen = {each: self._seen[each] for each in kept}


def _clash(earlier: int, later: int) -> bool:
    """Whether ``earlier``, of the lower id, contradicts ``later``: greater, or equal and odd."""
    return earlier > later or (earlier == later and earlier & 1 == 1)
