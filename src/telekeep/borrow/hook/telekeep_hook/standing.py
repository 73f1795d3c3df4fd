"""Whether a session that a program brings is the one that is lent. Decisions only: what lies on disk is told."""

from __future__ import annotations

from hashlib import sha1

if False:  # TYPE_CHECKING, without importing typing into every program
    from typing import Any

EMPTY = "empty"  # nobody is logged in with it: what it was meant for cannot be known
OURS = "ours"  # provably the session that is lent, or a loan of it
KEPT = "kept"  # another session of the vault
UNKNOWN = "unknown"  # some other login
UNREADABLE = "unreadable"  # it cannot be told


class Standing:
    """What a session is to the loan. ``kind``: one of the above; ``name``: under which name it is kept, or ``why`` it
    cannot be read; ``user_id``: whom it says it is logged in as, if it does.
    """

    __slots__ = ("kind", "name", "user_id", "why")

    def __init__(self, kind: str, *, name: str = "", user_id: int | None = None, why: str = "") -> None:
        self.kind = kind
        self.name = name
        self.user_id = user_id
        self.why = why

    def __repr__(self) -> str:
        return f"<Standing: {self.kind} {self.name or self.why}>"


def key_id(key: bytes) -> str:
    """Telegram's name of an auth key, the lower 64 bits of its SHA-1 (little-endian), as 16 hex digits."""
    return format(int.from_bytes(sha1(key).digest()[-8:], "little"), "016x")


def standing(
    plan: dict[str, Any], key: bytes | None, *, address: tuple[str, int] | None = None, user_id: int | None = None
) -> Standing:
    """What a session with this ``key`` is. ``address``: where it connects; ``user_id``: whom it is logged in as.

    A loan of this session names an address of its gateway, on which nothing else listens.
    """
    if not key or not any(key):
        return Standing(EMPTY)
    name = key_id(key)
    if key.hex() == plan["key"] or name in plan["own_keys"]:
        return Standing(OURS, user_id=user_id)
    if name in plan["other_keys"]:
        return Standing(KEPT, name=plan["other_keys"][name], user_id=user_id)
    if address is not None and address in {(each["host"], each["port"]) for each in plan["dcs"]}:
        return Standing(OURS, user_id=user_id)
    if user_id is not None and user_id == plan["user"]["id"]:
        return Standing(OURS, user_id=user_id)
    return Standing(UNKNOWN, user_id=user_id)


def refusal(plan: dict[str, Any], found: Standing, what: str) -> tuple[str, str]:
    """Why a session that is not the lent one is refused, and what to do. ``what``: what it is, in words."""
    name = plan["name"]
    if found.kind == KEPT:
        return (
            f"{what} is that of {found.name!r}, which telekeep keeps too, not that of {name!r}, which is lent here.",
            f"Run the program with `telekeep run {found.name} -- …`, or take the session out of it.",
        )
    if found.kind == UNREADABLE:
        return (
            f"{what} cannot be read: {found.why}. Whose it is cannot be told, and two accounts are never mixed.",
            "Move it away, or give the program another session name.",
        )
    return (
        f"{what} is not provably that of {name!r}, which is lent here; two accounts are never mixed.",
        "If it is that account: take it out of the program, or keep it: `telekeep adopt FILE`, `telekeep import FILE`. "
        "If it is another: run the program without `telekeep run`, or with the name of that one.",
    )


def is_token_of(plan: dict[str, Any], token: str) -> bool:
    """Whether a bot token is that of the user who is lent: its first part is the bot's id."""
    return token.partition(":")[0].strip() == str(plan["user"]["id"])
