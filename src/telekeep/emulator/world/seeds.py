"""A past for an account: friends, a group, and exactly as many messages as were asked for."""

from __future__ import annotations

from telekeep.emulator.world.account import Account
from telekeep.emulator.world.peer import Peer, chat, user
from telekeep.emulator.world.people import People

_FRIENDS = ("Grace", "Alan", "Edsger")
_PATTERN = (0, 3, 0, 1, 3, 0, 2, 3)  # whose turn it is: Grace, the group, Grace, Alan, …
_GROUP = len(_FRIENDS)
_MINUTE = 60


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
