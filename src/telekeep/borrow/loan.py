"""A loan, as a program gets it from the daemon."""

from __future__ import annotations

from typing import Any, NamedTuple


class Loan(NamedTuple):
    """A loan as the daemon gives it. ``addresses``: data center, host and port, the home data center's first.

    ``state``: pts, qts and date (Unix seconds) of the account at that moment: what happens after it is told.
    """

    id: str
    name: str
    key: bytes
    addresses: tuple[tuple[int, str, int], ...]
    server_key: str
    user_id: int
    is_bot: bool
    access_hash: int
    username: str | None
    state: tuple[int, int, int]

    @classmethod
    def read(cls, answer: dict[str, Any]) -> Loan:
        """From the answer to the verb ``borrow``."""
        pts, qts, date = answer["state"]
        return cls(
            answer["id"],
            answer["name"],
            bytes.fromhex(answer["key"]),
            tuple((int(dc), str(host), int(port)) for dc, host, port in answer["addresses"]),
            answer["server_key"],
            answer["user_id"],
            bool(answer["is_bot"]),
            answer["access_hash"] or 0,
            answer["username"],
            (int(pts), int(qts), int(date)),
        )

    def __repr__(self) -> str:
        return f"<Loan of {self.name!r}>"
