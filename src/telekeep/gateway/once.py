"""Requests that must not be carried out twice: what becomes of them when a connection or the owner is lost.

A stock client that loses its connection sends again all that was not answered [facts: Telethon 1.40 to 1.45]. Whether a
request was carried out before is known here, as long as this owner lives; what an earlier owner has handed on without
telling how it ended is in doubt, and whoever asks for it again is told so, once (400 MAYBE_DONE).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Protocol

from telekeep.gateway.asked import Refused
from telekeep.gateway.call import Call

MAYBE_DONE: Final = "MAYBE_DONE"
_DOUBTFUL = 300.0  # seconds a request is held to be the same as one that comes now
_HEARD = 1.0  # seconds after which an answer that was written to a connection counts as heard
_REMEMBERED = 1024  # answers of one loan that were not acknowledged; older ones are in doubt then
_TWINS = 64  # equal requests at the same time that are told apart after a restart


class Doubts(Protocol):
    """Where requests that may have been carried out are noted, so that a crash does not forget them."""

    def begin(self, digest: bytes, at: float) -> None: ...
    def end(self, digests: list[bytes]) -> None: ...
    def left(self) -> dict[bytes, float]: ...


class Once:
    """The calls of one session that must not be carried out twice. ``now`` is wall seconds throughout."""

    def __init__(self, doubts: Doubts, now: float) -> None:
        self._doubts = doubts
        self._doubtful = {name: at for name, at in doubts.left().items() if now - at < _DOUBTFUL}
        self._calls: dict[bytes, list[Call]] = {}
        self._over: list[bytes] = []

    @staticmethod
    def mark(loan_id: str, body: bytes) -> bytes:
        """What all equal requests of one loan have in common."""
        return sha256(loan_id.encode() + body).digest()

    def orphan(self, mark: bytes) -> Call | None:
        """A call of this mark that nobody waits for: what comes now is the same, sent again.

        Raises Refused if an earlier owner has handed it on; whoever asks once more, knowing that, is obeyed.
        """
        for call in self._calls.get(mark, ()):
            if call.is_orphan:
                return call
        if self._doubtful:
            for number in range(_TWINS):
                name = _name(mark, number)
                if self._doubtful.pop(name, None) is not None:
                    self._over.append(name)
                    raise Refused(400, MAYBE_DONE)
        return None

    def begin(self, call: Call, mark: bytes, now: float) -> None:
        """``call`` is handed on. Raises StorageUnavailable if that cannot be noted; then it must not be."""
        twins = self._calls.setdefault(mark, [])
        taken = {each.name for each in twins}
        number = 0
        while (name := _name(mark, number)) in taken or name in self._doubtful:
            number += 1
        try:
            self._doubts.begin(name, now)
        except BaseException:
            if not twins:
                del self._calls[mark]
            raise
        call.mark, call.name = mark, name
        twins.append(call)

    def answered(self, call: Call, result: bytes, now: float) -> None:
        """``call`` has its answer, whoever hears it."""
        call.result, call.ended_at = result, now
        call.was_heard = call.borrower.is_reachable

    def withdrawn(self, call: Call) -> None:
        """``call`` was not handed on after all."""
        self._settle(call)
        self._remove(call)

    def unanswered(self) -> list[Call]:
        """The calls that have no answer yet."""
        return [call for calls in self._calls.values() for call in calls if call.result is None]

    def tidy(self, now: float, *, final: bool = False) -> None:
        """Note what is in doubt no more, and forget what nobody can ask again. ``final``: the owner ends."""
        unheard: dict[str, list[Call]] = {}
        for call in [call for calls in self._calls.values() for call in calls if call.result is not None]:
            since = now - call.ended_at
            if call.has_arrived or (call.is_orphan and since > _DOUBTFUL):
                self._settle(call)
                self._remove(call)
                continue
            if call.was_heard and (final or since > _HEARD):
                self._settle(call)
            if call.borrower.loan is not None:
                unheard.setdefault(call.borrower.loan.id, []).append(call)
        for calls in unheard.values():
            for call in calls[:-_REMEMBERED]:
                self._remove(call)
                if call.name is not None:
                    self._doubtful[call.name] = now
        self._doubtful = {name: at for name, at in self._doubtful.items() if now - at < _DOUBTFUL}
        over, self._over = self._over, []
        if over:
            self._doubts.end(over)

    def _settle(self, call: Call) -> None:
        if not call.settled and call.name is not None:
            call.settled = True
            self._over.append(call.name)

    def _remove(self, call: Call) -> None:
        calls = self._calls.get(call.mark or b"", [])
        if call in calls:
            calls.remove(call)
            if not calls:
                del self._calls[call.mark or b""]


def _name(mark: bytes, number: int) -> bytes:
    return sha256(mark + number.to_bytes(4, "little")).digest()
