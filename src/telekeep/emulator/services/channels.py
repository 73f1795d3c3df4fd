"""channels.*: channels and supergroups, who is in them, and their messages (core.telegram.org/api/channel)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render import channels as render
from telekeep.emulator.render.updates import deliver, full
from telekeep.emulator.render.view import View, peer
from telekeep.emulator.services.asking import account_of, channel_of, peer_of, view
from telekeep.emulator.world import Account
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.message import PAGE, Message
from telekeep.mtproto.schema import build, functions, types


@handles(functions.channels.GetChannelsRequest)
def get_channels(call: Call, request: Any) -> Any:
    """In the order asked. Raises as `channel_of`, but that a private one is shown as forbidden."""
    seen = view(call)
    found = []
    for given in request.id:
        try:
            found.append(channel_of(seen, given))
        except RpcError as error:
            if error.message != "CHANNEL_PRIVATE":
                raise
            found.append(seen.world.channels[given.channel_id])
    return types.messages.Chats(chats=[render.channel(seen, each) for each in found])


@handles(functions.channels.GetFullChannelRequest)
def get_full_channel(call: Call, request: Any) -> Any:
    seen = view(call)
    found = channel_of(seen, request.channel)
    return types.messages.ChatFull(full_chat=render.full(seen, found), chats=[render.channel(seen, found)], users=[])


@handles(functions.channels.CreateChannelRequest)
def create_channel(call: Call, request: Any) -> Any:
    """A channel, or with ``megagroup`` a supergroup. Raises RpcError 400 CHAT_TITLE_EMPTY."""
    seen = view(call, people_only=True)
    made = call.world.broadcasting.found(seen.account, request.title, broadcast=not request.megagroup)
    made.about = request.about
    message = made.box.message(made.box.last_id)
    assert message is not None
    _tell_changed(call, made, seen.account)
    update = types.UpdateNewChannelMessage(message=seen.message(message), pts=made.box.pts, pts_count=1)
    return full(seen, [], first=[types.UpdateChannel(channel_id=made.id), update], naming=[message])


@handles(functions.channels.JoinChannelRequest)
def join_channel(call: Call, request: Any) -> Any:
    """Joining once more changes nothing."""
    seen = view(call, people_only=True)
    return joined(call, seen, channel_of(seen, request.channel))


@handles(functions.channels.LeaveChannelRequest)
def leave_channel(call: Call, request: Any) -> Any:
    seen = view(call)
    found = channel_of(seen, request.channel)
    call.world.broadcasting.leave(found, seen.account)
    _tell_changed(call, found, seen.account, skip=call.connection)
    return _changed(seen, found)


@handles(functions.channels.InviteToChannelRequest)
def invite_to_channel(call: Call, request: Any) -> Any:
    """All of them or, if one is named wrongly, none. In a broadcast channel only admins do it."""
    seen = view(call, people_only=True)
    found = channel_of(seen, request.channel, joined=True)
    if found.is_broadcast:
        found.check_admin(seen.account.id)
    targets = [account_of(seen, given) for given in request.users]
    events = []
    for target in targets:
        event, deliveries = call.world.broadcasting.join(found, target, seen.account)
        events += [event] if event is not None else []
        deliver(call.telegram, call.world, deliveries, skip=call.connection)
        _tell_changed(call, found, target)
    updates = full(seen, events, first=[types.UpdateChannel(channel_id=found.id)], about=[found.peer])
    kind = getattr(types.messages, "InvitedUsers", None)
    return updates if kind is None else kind(updates=updates, missing_invitees=[])


@handles(functions.channels.EditBannedRequest)
def edit_banned(call: Call, request: Any) -> Any:
    """Throw somebody out (``view_messages``), or let them come again. Rights in between are not of this world yet.

    Raises RpcError 400 CHAT_ADMIN_REQUIRED, USER_CREATOR, PARTICIPANT_ID_INVALID, and as `channel_of`, `peer_of`.
    """
    seen = view(call)
    found = channel_of(seen, request.channel)
    found.check_admin(seen.account.id)
    target = peer_of(seen, request.participant)
    if target.kind != "user":
        raise RpcError(400, "PARTICIPANT_ID_INVALID")
    account = call.world.accounts[target.id]
    if request.banned_rights.view_messages:
        call.world.broadcasting.ban(found, account)
        _tell_changed(call, found, account)
    else:
        found.banned.discard(account.id)
    return _changed(seen, found)


@handles(functions.channels.ToggleSlowModeRequest)
def toggle_slow_mode(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    found = channel_of(seen, request.channel)
    found.check_admin(seen.account.id)
    call.world.broadcasting.slow_down(found, request.seconds)
    for member in found.members:
        _tell_changed(call, found, call.world.accounts[member], skip=call.connection)
    return _changed(seen, found)


@handles(*(getattr(room, "GetForumTopicsRequest", None) for room in (functions.messages, functions.channels)))
def get_forum_topics(call: Call, request: Any) -> Any:
    """Raises RpcError 400 CHANNEL_FORUM_MISSING for whatever is no forum, which is all there is, and as `peer_of`."""
    seen = view(call)
    given = getattr(request, "peer", None) or request.channel
    if isinstance(given, types.InputChannel):
        channel_of(seen, given)
    else:
        peer_of(seen, given)
    raise RpcError(400, "CHANNEL_FORUM_MISSING")


# ---- messages


@handles(functions.channels.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """In the order asked; ``messageEmpty`` for what is not there. Raises RpcError 400 LIMIT_INVALID."""
    seen = view(call)
    found = channel_of(seen, request.channel)
    if len(request.id) > PAGE:
        raise RpcError(400, "LIMIT_INVALID")
    there: list[Message] = []
    shown: list[Any] = []
    for given in request.id:
        message = found.box.message(_id_of(found, given))
        if message is None:
            shown.append(types.MessageEmpty(id=getattr(given, "id", 0), peer_id=peer(found.peer)))
        else:
            there.append(message)
            shown.append(message)
    _meet_writers(seen, there)
    return build(
        types.messages.ChannelMessages,
        pts=found.box.pts,
        count=len(shown),
        messages=[seen.message(each) if isinstance(each, Message) else each for each in shown],
        topics=[],
        **seen.mentioned(there, [found.peer]),
    )


@handles(functions.channels.DeleteMessagesRequest)
def delete_messages(call: Call, request: Any) -> Any:
    """For everybody. The pts is the channel's."""
    seen = view(call)
    found = channel_of(seen, request.channel)
    deleted = call.world.broadcasting.delete(seen.account, found, request.id)
    if deleted is None:
        return types.messages.AffectedMessages(pts=found.box.pts, pts_count=0)
    deliver(call.telegram, call.world, deleted.deliveries, skip=call.connection)
    return types.messages.AffectedMessages(pts=deleted.event.pts, pts_count=deleted.event.count)


@handles(functions.channels.ReadHistoryRequest)
def read_history(call: Call, request: Any) -> Any:
    """True, read before or not."""
    seen = view(call, people_only=True)
    found = channel_of(seen, request.channel, joined=True)
    has_read = call.world.broadcasting.read(seen.account, found, request.max_id)
    if has_read is not None:
        deliver(call.telegram, call.world, has_read.deliveries, skip=call.connection)
    return True


@handles(functions.channels.ReadMessageContentsRequest)
def read_message_contents(call: Call, request: Any) -> Any:
    """Nothing to do: no message of this world is a mention, or a voice that was not listened to yet."""
    channel_of(view(call, people_only=True), request.channel)
    return True


# ---- who is in it


@handles(functions.channels.GetParticipantsRequest)
def get_participants(call: Call, request: Any) -> Any:
    """Members, or those of them that the filter asks for, at most 200 at once. Of a broadcast channel only admins see
    them. Whoever is shown may be addressed from now on.

    Raises RpcError 400 CHAT_ADMIN_REQUIRED, and as `channel_of`.
    """
    seen = view(call)
    found = channel_of(seen, request.channel)
    if found.is_broadcast or isinstance(request.filter, _OUTCAST):
        found.check_admin(seen.account.id)
    if isinstance(request.filter, _OUTCAST):
        accounts = [call.world.accounts[each] for each in sorted(found.banned)]
    else:
        accounts = [call.world.accounts[each.user_id] for each in found.members.values()]
        if isinstance(request.filter, types.ChannelParticipantsAdmins):
            accounts = [each for each in accounts if found.is_admin(each.id)]
        elif isinstance(request.filter, types.ChannelParticipantsBots):
            accounts = [each for each in accounts if each.is_bot]
        elif isinstance(request.filter, types.ChannelParticipantsContacts):
            accounts = [each for each in accounts if each.id in seen.account.contacts]
    asked = getattr(request.filter, "q", "").casefold()
    accounts = [each for each in accounts if asked in f"{each.first_name} {each.last_name} {each.username}".casefold()]
    offset = max(request.offset, 0)
    chosen = accounts[offset : offset + min(max(request.limit, 0), _MEMBERS)]
    return types.channels.ChannelParticipants(
        count=len(accounts),
        participants=[_as_participant(seen, found, each) for each in chosen],
        chats=[render.channel(seen, found)],
        users=_met(seen, chosen),
    )


@handles(functions.channels.GetParticipantRequest)
def get_participant(call: Call, request: Any) -> Any:
    """Raises RpcError 400 USER_NOT_PARTICIPANT, PARTICIPANT_ID_INVALID, and as `channel_of`, `peer_of`."""
    seen = view(call)
    found = channel_of(seen, request.channel)
    target = peer_of(seen, request.participant)
    if target.kind != "user":
        raise RpcError(400, "PARTICIPANT_ID_INVALID")
    account = call.world.accounts[target.id]
    if account.id not in found.members and account.id not in found.banned:
        raise RpcError(400, "USER_NOT_PARTICIPANT")
    return types.channels.ChannelParticipant(
        participant=_as_participant(seen, found, account),
        chats=[render.channel(seen, found)],
        users=_met(seen, [account]),
    )


_OUTCAST = (types.ChannelParticipantsKicked, types.ChannelParticipantsBanned)
_MEMBERS = 200  # core.telegram.org/method/channels.getParticipants


def joined(call: Call, seen: View, found: Channel) -> Any:
    """The account is in it from now on: the Updates that say so."""
    if seen.account.id in found.members:
        return _changed(seen, found)
    event, deliveries = call.world.broadcasting.join(found, seen.account)
    deliver(call.telegram, call.world, deliveries, skip=call.connection)
    _tell_changed(call, found, seen.account, skip=call.connection)
    first = [types.UpdateChannel(channel_id=found.id)]
    return full(seen, [event] if event is not None else [], first=first, about=[found.peer])


def _as_participant(seen: View, found: Channel, account: Account) -> Any:
    member = found.members.get(account.id)
    return render.banned(found, account.id) if member is None else render.participant(seen, found, member)


def _met(seen: View, accounts: Sequence[Account]) -> list[Any]:
    seen.account.met.update(each.id for each in accounts)
    return [seen.user(each) for each in accounts]


def _meet_writers(seen: View, messages: Sequence[Message]) -> None:
    """Whoever wrote what an account asks for is shown to it in full, and may be addressed."""
    seen.account.met.update(each.sender for each in messages)


def _id_of(found: Channel, given: Any) -> int:
    """The id that an InputMessage names, 0 for none."""
    if isinstance(given, types.InputMessageReplyTo):
        message = found.box.message(given.id)
        return message.reply_to or 0 if message is not None else 0
    return given.id if isinstance(given, types.InputMessageID) else 0


def _changed(seen: View, found: Channel) -> Any:
    """Updates that show the channel as it is now for this account."""
    return full(seen, [], first=[types.UpdateChannel(channel_id=found.id)], about=[found.peer])


def _tell_changed(call: Call, found: Channel, account: Account, *, skip: Any = None) -> None:
    """Tell an account that the channel is another for it now."""

    def updates(authorization: Any) -> Any:
        return _changed(View(call.world, authorization, account), found)

    if not account.pretend:
        call.telegram.push(account.id, updates, skip=skip)
