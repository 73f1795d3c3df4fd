"""contacts.*"""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.view import View, peer
from telekeep.emulator.services.asking import view
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world import Account
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types


@handles(functions.contacts.ResolveUsernameRequest)
def resolve_username(call: Call, request: Any) -> Any:
    seen = view(call)
    name = request.username.removeprefix("@")
    if not name.replace("_", "").isalnum():
        raise RpcError(400, "USERNAME_INVALID")
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


def _resolved(seen: View, found: Account) -> Any:
    """Looking somebody up is meeting them: from now on they may be addressed directly."""
    seen.account.met.add(found.id)
    return types.contacts.ResolvedPeer(peer=peer(user(found.id)), chats=[], users=[seen.user(found)])
