"""Basic groups (core.telegram.org/api/channel): no access hash, a handful of members, a copy in everyone's box."""

from __future__ import annotations

from dataclasses import dataclass, field

LARGEST = 200


@dataclass(frozen=True, slots=True)
class Member:
    user_id: int
    inviter_id: int
    date: int


@dataclass(slots=True, eq=False)
class Chat:
    """A basic group. ``version`` grows with every change of its members."""

    id: int
    title: str
    creator_id: int
    date: int
    members: dict[int, Member] = field(default_factory=dict)
    version: int = 1
