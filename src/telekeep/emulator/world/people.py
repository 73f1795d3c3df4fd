"""Who there is: accounts by id, number, name and token; groups and channels."""

from __future__ import annotations

from collections.abc import Iterable

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import numbers
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.box import Box
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.chat import Chat, Member
from telekeep.emulator.world.message import Dialog
from telekeep.emulator.world.password import Password
from telekeep.emulator.world.peer import Peer

_FIRST_USER, _FIRST_CHAT, _FIRST_CHANNEL = 1_000_001, 5_001, 1_500_000_001


class People:
    """All accounts, groups and channels. ``telegram`` says what time it is and which data centers there are."""

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram
        self.accounts: dict[int, Account] = {}
        self.chats: dict[int, Chat] = {}
        self.channels: dict[int, Channel] = {}
        self._by_phone: dict[str, Account] = {}
        self._by_username: dict[str, Account] = {}
        self._channels_by_username: dict[str, Channel] = {}
        self._by_token: dict[str, Account] = {}
        self._banned_phones: set[str] = set()
        self._next_user = _FIRST_USER

    def __repr__(self) -> str:
        there = f"{len(self.accounts)} accounts, {len(self.chats)} groups, {len(self.channels)} channels"
        return f"<{type(self).__name__}: {there}>"

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self._telegram.clock.wall())

    # ---- accounts

    def enroll(
        self,
        phone: str | None = None,
        *,
        password: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        username: str | None = None,
        home_dc: int | None = None,
        bot_token: str | None = None,
        pretend: bool = False,
    ) -> Account:
        """A new account, with nothing in its box.

        ``home_dc``: by default the X of 99966XYYYY if there is such a data center, else the emulator's home. A
        ``bot_token`` makes a bot, whose id is the number before the colon; a ``pretend`` friend has neither phone nor
        box. Raises ValueError for a phone, username or token that is taken or malformed.
        """
        phone = self._free_number(phone) if phone is not None else None
        if username is not None and (self.account_named(username) or self.channel_named(username)):
            raise ValueError(f"the username {username!r} is taken")
        account = Account(
            self._bot_id(bot_token) if bot_token is not None else self._new_id(),
            home_dc=home_dc or self.home_dc_of(phone),
            phone=phone,
            first_name=first_name or ("Bot" if bot_token else f"Test {phone}"),
            last_name=last_name,
            username=username,
            bot_token=bot_token,
            pretend=pretend,
        )
        if password is not None:
            account.password = Password.of(password)
        self.accounts[account.id] = account
        if phone is not None:
            self._by_phone[phone] = account
        if username is not None:
            self._by_username[username.casefold()] = account
        if bot_token is not None:
            self._by_token[bot_token] = account
        return account

    def home_dc_of(self, phone: str | None) -> int:
        """Where an account with this number lives, or would."""
        named = numbers.test_dc(phone) if phone else None
        known = {address.dc_id for address in self._telegram.network.addresses if not address.media}
        return named if named is not None and named in known else self._telegram.home_dc

    def account_of(self, phone: str) -> Account | None:
        """The account with this number, however it is written."""
        try:
            return self._by_phone.get(numbers.normal(phone))
        except RpcError:
            return None

    def account_named(self, username: str) -> Account | None:
        return self._by_username.get(username.removeprefix("@").casefold())

    def bot_with(self, token: str) -> Account | None:
        return self._by_token.get(token)

    def meet(self, one: Account, other: Account) -> None:
        """From now on each may address the other directly."""
        one.met.add(other.id)
        other.met.add(one.id)

    def ban(self, account_id: int) -> None:
        """Telegram has banned the account: its number cannot be logged in with any more."""
        account = self.accounts[account_id]
        account.banned = True
        if account.phone:
            self._banned_phones.add(account.phone)

    def ban_number(self, phone: str) -> None:
        """Ban a number, whether anybody has it or not."""
        self._banned_phones.add(numbers.normal(phone))

    def is_banned(self, phone: str) -> bool:
        return phone in self._banned_phones

    # ---- groups

    def found_chat(self, creator: Account, title: str, invited: Iterable[Account]) -> Chat:
        """A new group, without a message about it."""
        group = Chat(_FIRST_CHAT + len(self.chats), title.strip(), creator.id, self.now)
        self.chats[group.id] = group
        for member in (creator, *invited):
            self.join(group, member, creator)
        return group

    def join(self, group: Chat, member: Account, inviter: Account) -> None:
        group.members[member.id] = Member(member.id, inviter.id, self.now)
        member.chats.add(group.id)

    # ---- channels

    def found_channel(self, creator: Account, title: str, *, broadcast: bool, username: str | None = None) -> Channel:
        """A new channel or supergroup, with nobody in it yet. Raises RpcError 400 USERNAME_OCCUPIED."""
        if username is not None and (self.account_named(username) or self.channel_named(username)):
            raise RpcError(400, "USERNAME_OCCUPIED")
        number = _FIRST_CHANNEL + len(self.channels)
        made = Channel(number, title, creator.id, self.now, is_broadcast=broadcast, username=username)
        self.channels[made.id] = made
        if username is not None:
            self._channels_by_username[username.casefold()] = made
        return made

    def channel_named(self, username: str) -> Channel | None:
        return self._channels_by_username.get(username.removeprefix("@").casefold())

    def channel_invited_by(self, invite: str) -> Channel | None:
        """The channel of an invite link's hash: what stands after ``t.me/+``."""
        return next((each for each in self.channels.values() if each.invite == invite), None)

    # ---- where messages lie

    def box_of(self, account: Account, peer: Peer) -> Box:
        """The box that holds the messages with ``peer``: a channel's own, else the account's."""
        return self.channels[peer.id].box if peer.kind == "channel" else account.box

    def dialog_of(self, account: Account, peer: Peer) -> Dialog:
        """The dialog with ``peer`` as the account has it; an empty one, not kept, where there is none."""
        return self.channels[peer.id].read_by(account.id) if peer.kind == "channel" else account.box.dialog(peer)

    def dialogs_of(self, account: Account) -> list[Dialog]:
        """All dialogs, channels among them: pinned ones first, then by their newest message."""
        theirs = [self.channels[each].read_by(account.id) for each in account.channels]
        dialogs = [*account.box.dialogs.values(), *(each for each in theirs if each.messages)]
        return sorted(dialogs, key=lambda each: (each.pinned, *place(each)), reverse=True)

    # ---- ids

    def _free_number(self, phone: str) -> str:
        try:
            digits = numbers.normal(phone)
        except RpcError:
            raise ValueError(f"{phone!r} is no phone number") from None
        if digits in self._by_phone:
            raise ValueError(f"there is an account with the phone number {digits} already")
        return digits

    def _new_id(self) -> int:
        while self._next_user in self.accounts:
            self._next_user += 1
        return self._next_user

    def _bot_id(self, token: str) -> int:
        number, colon, rest = token.partition(":")
        if not (colon and rest and number.isascii() and number.isdigit()):
            raise ValueError("a bot token looks like 123456:letters")
        if int(number) in self.accounts:
            raise ValueError(f"there is an account with the id {number} already")
        return int(number)


def place(dialog: Dialog) -> tuple[int, int, int]:
    """Where a dialog stands in the list: by the date of its newest message, its id, and whom it is with."""
    top = dialog.messages[-1]
    return top.date, top.id, dialog.peer.id
