"""What tests and people do in channels: make them, write, edit and delete in them, be heard or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.render.updates import shown_too_long
from telekeep.emulator.render.view import View
from telekeep.emulator.world import Account, World
from telekeep.emulator.world.channel import Channel


class Broadcasting:
    """The part of `telekeep.emulator.cluster.Emulator` that is about channels and supergroups."""

    world: World
    push: Callable[..., None]

    def add_channel(self, title: str, **details: Any) -> Channel:
        """A new channel or, with ``broadcast=False``, supergroup: ``username``, ``messages``, ``members`` (accounts),
        ``creator``, ``slow_mode`` (seconds); see `World.add_channel`.
        """
        return self.world.add_channel(title, **details)

    def post(
        self, channel: Channel | str | int, text: str, *, sender: Account | None = None, heard: bool = True, **more: Any
    ) -> int:
        """A message in a channel (or the one of this @username or id), by default of its creator's; its id there.

        Not ``heard``: nobody is told, as when updates are lost on their way; with the next one their clients see a gap.
        The same holds for `edit` and `delete`. Raises ValueError if there is no such channel, RpcError as
        `Channels.send`.
        """
        sent = self.world.post_in(self.world.the_channel(channel), text, sender=sender, **more)
        self._told(sent.deliveries, heard)
        return sent.event.message.id

    def edit(self, channel: Channel | str | int, message_id: int, text: str, *, heard: bool = True) -> None:
        """Whoever wrote a message of a channel writes it anew."""
        found = self.world.the_channel(channel)
        message = self.world.broadcasting.message(found, message_id)
        author = self.world.accounts[message.sender]
        self._told(self.world.broadcasting.edit(author, found, message_id, text=text).deliveries, heard)

    def delete(self, channel: Channel | str | int, *message_ids: int, heard: bool = True) -> None:
        """The creator of a channel deletes messages in it."""
        found = self.world.the_channel(channel)
        deleted = self.world.broadcasting.delete(self.world.accounts[found.creator_id], found, message_ids)
        if deleted is not None:
            self._told(deleted.deliveries, heard)

    def too_long(self, channel: Channel | str | int) -> None:
        """Tell the members of a channel that something happened in it, and not what: updateChannelTooLong."""
        found = self.world.the_channel(channel)
        for member in found.members:
            account = self.world.accounts[member]

            def updates(login: Authorization, *, account: Account = account) -> Any:
                return shown_too_long(View(self.world, login, account), found)

            self.push(member, updates)

    def _told(self, deliveries: Any, heard: bool) -> None:
        if heard:
            self.world.outlet(deliveries)
