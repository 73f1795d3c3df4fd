"""contacts.*"""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render import channels as render
from telekeep.emulator.render.view import View, peer
from telekeep.emulator.services.asking import account_of, view
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world import Account, contacts
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types


@handles(functions.contacts.ResolveUsernameRequest)
def resolve_username(call: Call, request: Any) -> Any:
    seen = view(call)
    name = request.username.removeprefix("@")
    if not name.replace("_", "").isalnum():
        raise RpcError(400, "USERNAME_INVALID")
    channel = call.world.channel_named(name)
    if channel is not None:
        chats = [render.channel(seen, channel)]
        return types.contacts.ResolvedPeer(peer=peer(channel.peer), chats=chats, users=[])
    found = call.world.account_named(name)
    if found is None:
        raise RpcError(400, "USERNAME_NOT_OCCUPIED")
    return _resolved(seen, found)


@handles(functions.contacts.ResolvePhoneRequest)
def resolve_phone(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    found = call.world.account_of(request.phone)
    if found is None:
        raise RpcError(400, "PHONE_NOT_OCCUPIED")
    return _resolved(seen, found)


@handles(functions.contacts.GetContactsRequest)
def get_contacts(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    known = [call.world.accounts[each] for each in sorted(seen.account.contacts)]
    if request.hash and request.hash == fold(each.id for each in known):
        return types.contacts.ContactsNotModified()
    return types.contacts.Contacts(
        contacts=[types.Contact(user_id=each.id, mutual=seen.account.id in each.contacts) for each in known],
        saved_count=len(known),
        users=[seen.user(each) for each in known],
    )


@handles(functions.contacts.SearchRequest)
def search(call: Call, request: Any) -> Any:
    """Contacts and dialogs by name, everybody else by username; whoever is found may be addressed from now on."""
    seen = view(call, people_only=True)
    mine, others = contacts.found(call.world, seen.account, request.q.removeprefix("@"), max(request.limit, 0))
    seen.account.met.update(each.id for each in others)
    my_channels, other_channels = contacts.channels_found(call.world, seen.account, request.q, max(request.limit, 0))
    return types.contacts.Found(
        my_results=[*(peer(user(each.id)) for each in mine), *(peer(each.peer) for each in my_channels)],
        results=[*(peer(user(each.id)) for each in others), *(peer(each.peer) for each in other_channels)],
        chats=[render.channel(seen, each) for each in (*my_channels, *other_channels)],
        users=[seen.user(each) for each in (*mine, *others)],
    )


@handles(functions.contacts.ImportContactsRequest)
def import_contacts(call: Call, request: Any) -> Any:
    """Whoever has one of these numbers is a contact from now on; of the other numbers nothing is said, and one that is
    given no name is passed over."""
    seen = view(call, people_only=True)
    imported: dict[int, tuple[int, Account]] = {}
    for given in request.contacts:
        found = call.world.account_of(given.phone)
        if found is None or found is seen.account or not (given.first_name + given.last_name).strip():
            continue
        contacts.keep(seen.account, found, given.first_name, given.last_name)
        imported[found.id] = given.client_id, found
    return types.contacts.ImportedContacts(
        imported=[
            types.ImportedContact(user_id=each, client_id=client_id) for each, (client_id, _) in imported.items()
        ],
        popular_invites=[],
        retry_contacts=[],
        users=[seen.user(found) for _, found in imported.values()],
    )


@handles(functions.contacts.AddContactRequest)
def add_contact(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    target = account_of(seen, request.id)
    contacts.keep(seen.account, target, request.first_name, request.last_name)
    return _told(call, seen, [target])


@handles(functions.contacts.DeleteContactsRequest)
def delete_contacts(call: Call, request: Any) -> Any:
    """All of them or, if one is named wrongly, none."""
    seen = view(call, people_only=True)
    targets = [account_of(seen, given) for given in request.id]
    for each in targets:
        contacts.drop(seen.account, each)
    return _told(call, seen, targets)


def _told(call: Call, seen: View, targets: list[Account]) -> Any:
    """Updates that show somebody as a contact, or as none any more."""
    updates = [types.UpdatePeerSettings(peer=peer(user(each.id)), settings=types.PeerSettings()) for each in targets]
    users = [seen.user(each) for each in targets]
    return types.Updates(updates=updates, users=users, chats=[], date=call.world.now, seq=0)


def _resolved(seen: View, found: Account) -> Any:
    """Looking somebody up is meeting them: from now on they may be addressed directly."""
    seen.account.met.add(found.id)
    return types.contacts.ResolvedPeer(peer=peer(user(found.id)), chats=[], users=[seen.user(found)])
