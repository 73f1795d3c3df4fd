"""A past: for an account friends, a group, and exactly as many messages as were asked for; for a channel messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.channels import Channels
from telekeep.emulator.world.peer import Peer, chat, user
from telekeep.emulator.world.people import People

_FRIENDS = ("Grace", "Alan", "Edsger")
_PATTERN = (0, 3, 0, 1, 3, 0, 2, 3)  # whose turn it is: Grace, the group, Grace, Alan, …
_GROUP = len(_FRIENDS)
_MINUTE = 60
_USERNAME = re.compile(
    r"[A-Za-z]\w{3,31}", re.ASCII
)  # core.telegram.org/method/account.checkUsername: USERNAME_INVALID
_WRITERS = 3  # of a supergroup's messages, besides its members


def fill(people: People, account: Account, messages: int) -> None:
    """Give the account ``messages`` messages with three friends and in one group, one a minute until now, all read.

    Iterating its dialogs yields exactly that many: nothing announces the group, and nothing is logged to catch up on.
    """
    if messages < 0:
        raise ValueError("an account has no fewer than 0 messages")
    friends = [_befriend(people, account, name) for name in _FRIENDS[: min(messages, len(_FRIENDS))]]
    peers: list[Peer] = [user(friend.id) for friend in friends]
    if messages > _GROUP:
        stranger = people.enroll(first_name="Barbara", pretend=True)  # met only in the group: sent as min
        group = people.found_chat(account, "Friends", [*friends, stranger])
        friends.append(stranger)
        peers.append(chat(group.id))
    box, start = account.box, people.now - messages * _MINUTE
    for number in range(messages):
        # The first ones open each dialog in turn; then the pattern decides.
        turn = number if number < len(peers) else _PATTERN[number % len(_PATTERN)] % len(peers)
        out = number % 3 == 2
        author = account if out else friends[turn] if turn < _GROUP else friends[number % len(friends)]
        box.store(peers[turn], author.id, start + number * _MINUTE, f"message {number + 1}", out=out)
    for dialog in box.dialogs.values():
        dialog.read_inbox = dialog.read_outbox = dialog.messages[-1].id
        dialog.unread = 0
    box.forget_log()


def channel(
    people: People,
    channels: Channels,
    title: str,
    *,
    username: str | None,
    broadcast: bool,
    messages: int,
    members: Iterable[Account],
    creator: Account | None,
    slow_mode: int,
) -> Channel:
    """See `World.add_channel`. One message a minute until now; in a supergroup its members write too, in turn."""
    if messages < 0:
        raise ValueError("a channel has no fewer than 0 messages")
    if username is not None and not _USERNAME.fullmatch(username):
        raise ValueError(f"{username!r} is no username: 4 to 32 letters, digits and underscores, a letter first")
    start = people.now - messages * _MINUTE
    creator = creator or people.enroll(first_name=f"{title} admin", pretend=True)
    try:
        made = channels.found(creator, title, broadcast=broadcast, username=username, announced=not messages)
        if slow_mode:
            channels.slow_down(made, slow_mode)
    except RpcError as error:
        raise ValueError(f"{title!r} cannot be made: {error.message}") from None
    there = [creator]
    if not broadcast and messages:
        there += [people.enroll(first_name=name, pretend=True) for name in _FRIENDS[:_WRITERS]]
    for each in [*there[1:], *members]:
        if each.id not in made.members:
            channels.admit(made, each)
    writers = there if broadcast else [people.accounts[each] for each in made.members]
    store, peer, box = made.box.store, made.peer, made.box
    for number in range(messages):
        author = writers[number % len(writers)]
        store(peer, author.id, start + number * _MINUTE, f"message {number + 1}", out=False)
    box.forget_log()
    for member in made.members.values():
        member.read_inbox = member.read_outbox = box.last_id
    return made


def friend_of(people: People, account: Account) -> Account:
    """Who writes to the account on command: a pretend friend it knows, else a new one."""
    for dialog in account.box.by_recency():
        if dialog.peer.kind == "user" and people.accounts[dialog.peer.id].pretend:
            return people.accounts[dialog.peer.id]
    return people.enroll(first_name=_FRIENDS[0], pretend=True)


def _befriend(people: People, account: Account, name: str) -> Account:
    friend = people.enroll(first_name=name, pretend=True)
    people.meet(account, friend)
    account.contacts.add(friend.id)
    return friend
