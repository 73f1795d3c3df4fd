"""Random ids that are the same when the same work is done again, so that Telegram does it once.

Users have seen Telegram answer a message whose random_id it knows with the first one, and pts_count 0; documented is
only the error RANDOM_ID_DUPLICATE (core.telegram.org/api/errors). Either way it is not sent twice. The id is drawn from
a seed and from what the request says, not from the order of requests: those that run side by side may come in any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

_MARK = "_numbered_by"


class RandomIds:
    """The random ids of one piece of work, named by ``seed``. Two requests that say the same get two ids."""

    def __init__(self, seed: bytes) -> None:
        self._seed = blake2b(seed).digest()
        self._seen: Counter[bytes] = Counter()

    def number(self, request: Any) -> None:
        """Give ``request``, and what it wraps, ids of this work; once, however often it is sent."""
        for each in _carriers(request):
            if vars(each).get(_MARK) is self:
                continue
            given = each.random_id
            each.random_id = [0] * len(given) if isinstance(given, list) else 0
            said = blake2b(bytes(each), key=self._seed).digest()
            each.random_id = [self._next(said) for _ in given] if isinstance(given, list) else self._next(said)
            setattr(each, _MARK, self)

    def _next(self, said: bytes) -> int:
        self._seen[said] += 1
        drawn = blake2b(said + self._seen[said].to_bytes(8, "little"), digest_size=8).digest()
        return int.from_bytes(drawn, "little", signed=True)


def _carriers(request: Any) -> Iterator[Any]:
    """Whatever in a request, or in those it wraps, has a random_id of its own."""
    while request is not None:
        yield from getattr(request, "multi_media", None) or ()
        if getattr(request, "random_id", None) is not None:
            yield request
        request = getattr(request, "query", None)
