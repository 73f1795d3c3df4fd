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
    session_id: int
    spoke: bool = False  # it carried a request, not only pings and acks
    met: set[int] = field(default_factory=set)  # id() of those it was counted with


class Mains:
    """The main connections of one authorization that are in use, with the conversation each of them carries.

    A client that reconnects is no second one: a connection whose other end is closed does not count, however late we
    hear of it, and neither does one that carries the same conversation.
    """

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        self._uses: dict[MainLine, _Use] = {}

    def used(self, line: MainLine, session_id: int) -> None:
        """``line`` carries this conversation now."""
        use = self._uses.setdefault(line, _Use(session_id))
        use.session_id = session_id

    def left(self, line: MainLine) -> None:
        """``line`` was closed."""
        self._uses.pop(line, None)

    def overlaps(self, line: MainLine) -> int:
        """With how many others ``line`` is open and in use at once; each pair is counted once."""
        if len(self._uses) < 2:
            return 0
        use = self._uses[line]
        new = [other for other in self._others(line) if id(other) not in use.met]
        use.met.update(map(id, new))
        for other in new:
            self._uses[other].met.add(id(line))
        return len(new)

    def speaks(self, line: MainLine) -> bool:
        """``line`` carries a request. Whether that is in parallel with another that has carried one."""
        self._uses[line].spoke = True
        return len(self._uses) > 1 and any(self._uses[other].spoke for other in self._others(line))

    def _others(self, line: MainLine) -> list[MainLine]:
        if not line.is_reachable:  # its client has closed it: what still comes in was sent before
            return []
        mine = self._uses[line].session_id
        return [
            other
            for other, use in self._uses.items()
            if other is not line and use.session_id != mine and other.is_reachable
        ]
