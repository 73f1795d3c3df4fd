"""Channels and supergroups in TL words, as one account sees them."""

from __future__ import annotations

from typing import Any, Protocol

from telekeep.emulator.world.account import Account
from telekeep.emulator.world.channel import Channel, ChannelMember
from telekeep.emulator.world.hashes import Viewer
from telekeep.emulator.world.world import World
from telekeep.mtproto.schema import build, types


class View(Protocol):
    """Who looks (`telekeep.emulator.render.view.View`)."""

    account: Account
    viewer: Viewer
    world: World


TIMEOUT = 30
"""Seconds after which a client may ask for the difference of a channel that it shows again."""


def channel(view: View, of: Channel) -> Any:
    """The channel; ``left`` where the account may read it and is not in it, ``channelForbidden`` where it may not."""
    me = view.account.id
    access_hash = view.viewer.access_hash("channel", of.id)
    broadcast, megagroup = of.is_broadcast or None, not of.is_broadcast or None
    if not of.shows(me):
        return build(
            types.ChannelForbidden,
            id=of.id, access_hash=access_hash, title=of.title, broadcast=broadcast, megagroup=megagroup,
        )  # fmt: skip
    return build(
        types.Channel,
        id=of.id,
        title=of.title,
        photo=types.ChatPhotoEmpty(),
        date=of.members[me].date if me in of.members else of.date,
        creator=(of.creator_id == me) or None,
        left=me not in of.members or None,
        broadcast=broadcast,
        megagroup=megagroup,
        slowmode_enabled=bool(of.slow_mode) or None,
        access_hash=access_hash,
        username=of.username,
        admin_rights=_rights(of) if of.is_admin(me) else None,
        default_banned_rights=None if of.is_broadcast else _banned(until=0, views=False),
        participants_count=len(of.members),
    )


def full(view: View, of: Channel) -> Any:
    """What only those who ask for it are told."""
    me = view.account.id
    seen = of.read_by(me)
    wrote = of.wrote.get(me)
    next_at = wrote + of.slow_mode if wrote is not None and of.slow_mode and not of.is_admin(me) else None
    return build(
        types.ChannelFull,
        id=of.id,
        about=of.about,
        read_inbox_max_id=seen.read_inbox,
        read_outbox_max_id=seen.read_outbox,
        unread_count=seen.unread,
        chat_photo=types.PhotoEmpty(id=0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=of.box.pts,
        can_view_participants=(not of.is_broadcast or of.is_admin(me)) or None,
        participants_count=len(of.members),
        admins_count=sum(each.is_admin for each in of.members.values()),
        kicked_count=len(of.banned),
        banned_count=0,
        exported_invite=invite(of) if of.is_admin(me) else None,
        slowmode_seconds=of.slow_mode or None,
        slowmode_next_send_date=next_at if next_at is not None and next_at > view.world.now else None,
    )


def participant(view: View, of: Channel, member: ChannelMember) -> Any:
    """Somebody who is in it."""
    if member.user_id == of.creator_id:
        return build(types.ChannelParticipantCreator, user_id=member.user_id, admin_rights=_rights(of))
    if member.is_admin:
        return build(
            types.ChannelParticipantAdmin,
            user_id=member.user_id, promoted_by=member.inviter_id, date=member.date, admin_rights=_rights(of),
            is_self=(member.user_id == view.account.id) or None,
            inviter_id=member.inviter_id if member.user_id == view.account.id else None,
        )  # fmt: skip
    if member.user_id == view.account.id:
        return build(
            types.ChannelParticipantSelf, user_id=member.user_id, inviter_id=member.inviter_id, date=member.date
        )
    return build(types.ChannelParticipant, user_id=member.user_id, date=member.date)


def banned(of: Channel, user_id: int) -> Any:
    """Somebody who was thrown out."""
    rights = _banned(until=0, views=True)
    return build(
        types.ChannelParticipantBanned,
        peer=types.PeerUser(user_id), kicked_by=of.creator_id, date=of.date, banned_rights=rights, left=True,
    )  # fmt: skip


def invite(of: Channel) -> Any:
    """The link that lets others in."""
    link = f"https://t.me/+{of.invite}"
    return build(types.ChatInviteExported, link=link, admin_id=of.creator_id, date=of.date, permanent=True)


def preview(view: View, of: Channel) -> Any:
    """What somebody who is not in it sees of an invite link."""
    return build(
        types.ChatInvite,
        title=of.title,
        photo=types.PhotoEmpty(id=0),
        participants_count=len(of.members),
        color=0,
        channel=True,
        broadcast=of.is_broadcast or None,
        megagroup=not of.is_broadcast or None,
        public=of.username is not None or None,
    )


def _rights(of: Channel) -> Any:
    return build(
        types.ChatAdminRights,
        change_info=True,
        post_messages=of.is_broadcast or None,
        edit_messages=of.is_broadcast or None,
        delete_messages=True,
        ban_users=True,
        invite_users=True,
    )


def _banned(*, until: int, views: bool) -> Any:
    return build(types.ChatBannedRights, until_date=until, view_messages=views or None, send_messages=views or None)
