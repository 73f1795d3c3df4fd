"""The rule that matters: one authorization, one main connection.

core.telegram.org/api/errors on 406 AUTH_KEY_DUPLICATED: a data center saw an authorized session send requests in
parallel over two TCP connections. A main connection is one to the address where the login lives; media addresses, and
keys that were exported to other data centers, may be used beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class MainLine(Protocol):
    """What is asked of a connection."""

    @property
    def is_reachable(self) -> bool:
        """Whether both ends are open."""


@dataclass(slots=True)
class _Use:
    number: int  # of the line, in the order they were opened
    session_id: int
    spoke: bool = False  # it carried a request, not only pings and acks
    met: set[int] = field(default_factory=set)  # numbers of those it was counted with


class Mains:
    """The main connections of one authorization that are in use, with the conversation each of them carries.

    A client that reconnects is no second one: a connection whose other end is closed is excused, however late we hear
    of it, but only towards those that were opened after it. One that was opened beside an older connection, and is
    closed again right after its request, was open in parallel with it. Connections that carry the same conversation
    are one client's, too.

    What cannot be seen: if the older of two connections is closed before the server has read what the newer one sent,
    the two look like a reconnect, though they may have been in use at once.
    """

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        self._uses: dict[MainLine, _Use] = {}

    def used(self, line: MainLine, number: int, session_id: int) -> None:
        """``line`` carries this conversation now. ``number``: higher for a line that was opened later."""
        use = self._uses.setdefault(line, _Use(number, session_id))
        use.session_id = session_id

    def left(self, line: MainLine) -> None:
        """``line`` was closed."""
        self._uses.pop(line, None)

    def overlaps(self, line: MainLine) -> int:
        """With how many others ``line`` is open and in use at once; each pair is counted once."""
        if len(self._uses) < 2:
            return 0
        use = self._uses[line]
        new = [other for other in self._others(line) if other.number not in use.met]
        for other in new:
            use.met.add(other.number)
            other.met.add(use.number)
        return len(new)

    def all_overlaps(self) -> int:
        """How many pairs are open and in use at once that were not counted before."""
        return sum(map(self.overlaps, self._uses)) if len(self._uses) > 1 else 0

    def speaks(self, line: MainLine) -> bool:
        """``line`` carries a request. Whether that is in parallel with another that has carried one."""
        self._uses[line].spoke = True
        return len(self._uses) > 1 and any(other.spoke for other in self._others(line))

    def _others(self, line: MainLine) -> list[_Use]:
        """Those in parallel with ``line``: of each pair, the older one is still there."""
        mine, reachable = self._uses[line], line.is_reachable
        return [
            use
            for other, use in self._uses.items()
            if use.session_id != mine.session_id and (reachable if mine.number < use.number else other.is_reachable)
        ]
