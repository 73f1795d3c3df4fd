"""Whom an account keeps as contacts, and what it calls them."""

from __future__ import annotations

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.people import People
from telekeep.emulator.world.searching import says, words

SHORTEST_QUERY = 2
"""Letters without which nobody is looked for (QUERY_TOO_SHORT)."""


def keep(owner: Account, other: Account, first_name: str, last_name: str = "") -> None:
    """Keep ``other`` as a contact of that name.

    Raises RpcError 400 CONTACT_NAME_EMPTY, CONTACT_ID_INVALID (oneself).
    """
    if not first_name.strip() and not last_name.strip():
        raise RpcError(400, "CONTACT_NAME_EMPTY")
    if other is owner:
        raise RpcError(400, "CONTACT_ID_INVALID")
    owner.contacts.add(other.id)
    owner.met.add(other.id)
    owner.names[other.id] = (first_name.strip(), last_name.strip() or None)


def drop(owner: Account, other: Account) -> None:
    """No contact any more; who met stays met."""
    owner.contacts.discard(other.id)
    owner.names.pop(other.id, None)


def found(people: People, owner: Account, query: str, limit: int) -> tuple[list[Account], list[Account]]:
    """Whom ``query`` finds: among contacts and dialogs by name or username, and among everybody else by username.

    Raises RpcError 400 SEARCH_QUERY_EMPTY, QUERY_TOO_SHORT.
    """
    wanted = words(query)
    if not wanted:
        raise RpcError(400, "SEARCH_QUERY_EMPTY")
    if max(map(len, wanted)) < SHORTEST_QUERY:
        raise RpcError(400, "QUERY_TOO_SHORT")
    near = owner.contacts | {peer.id for peer in owner.box.dialogs if peer.kind == "user"}
    mine = [each for each in map(people.accounts.__getitem__, sorted(near)) if says(_called(owner, each), wanted)]
    name = "_".join(wanted)
    others = [
        each
        for each in people.accounts.values()
        if each.id not in near and each.username and each.username.casefold().startswith(name)
    ]
    return mine[:limit], others[: max(limit - len(mine), 0)]


def channels_found(people: People, owner: Account, query: str, limit: int) -> tuple[list[Channel], list[Channel]]:
    """Which channels ``query`` finds: those the account is in by title or username, public ones by username."""
    wanted = words(query.removeprefix("@"))
    name = "_".join(wanted)
    mine = [each for each in map(people.channels.__getitem__, sorted(owner.channels)) if says(_titled(each), wanted)]
    others = [
        each
        for each in people.channels.values()
        if each.id not in owner.channels
        and each.shows(owner.id)
        and each.username is not None
        and each.username.casefold().startswith(name)
    ]
    return mine[:limit], others[: max(limit - len(mine), 0)]


def _titled(channel: Channel) -> str:
    return f"{channel.title} {channel.username or ''}"


def _called(owner: Account, other: Account) -> str:
    first_name, last_name = owner.names.get(other.id) or (other.first_name, other.last_name)
    return f"{first_name} {last_name or ''} {other.username or ''}"
