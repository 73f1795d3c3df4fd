"""An account: who somebody is, and their message box."""

from __future__ import annotations

from telekeep.emulator.world.box import Box
from telekeep.emulator.world.password import Password

Commands = dict[tuple[str, str], tuple[tuple[str, str], ...]]  # by scope and language: commands and what they do


class Account:
    """A user or a bot.

    ``phone``: digits, None for bots and for pretend friends, whom nobody can log in as and whose box is not kept.
    ``met``: users this account may address directly, because they wrote to each other, are contacts, or were looked up;
    everyone else is shown to it as ``min``. ``names``: what it calls some of its contacts. ``ttl_days``: an
    authorization idle for longer has expired. ``commands``: what a bot offers, by scope and language;
    ``bot_info_version`` grows with every change of them.
    """

    def __init__(
        self,
        account_id: int,
        *,
        home_dc: int,
        phone: str | None = None,
        first_name: str = "",
        last_name: str | None = None,
        username: str | None = None,
        bot_token: str | None = None,
        pretend: bool = False,
    ) -> None:
        self.id = account_id
        self.home_dc = home_dc
        self.phone = phone
        self.first_name = first_name
        self.last_name = last_name
        self.username = username
        self.bot_token = bot_token
        self.bot_token_expired = False
        self.pretend = pretend
        self.password: Password | None = None
        self.banned = False
        self.ttl_days = 180
        self.delete_after_days = 365
        self.online = False
        self.met: set[int] = {account_id}
        self.contacts: set[int] = set()
        self.names: dict[int, tuple[str, str | None]] = {}
        self.chats: set[int] = set()
        self.channels: set[int] = set()
        self.box = Box()
        self.commands: Commands = {}
        self.bot_info_version = 1

    @property
    def is_bot(self) -> bool:
        return self.bot_token is not None

    def __repr__(self) -> str:
        kind = "bot" if self.is_bot else "friend" if self.pretend else "account"
        return f"<{kind} {self.id} {self.first_name!r} on DC {self.home_dc}>"
