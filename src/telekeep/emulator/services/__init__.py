"""What the emulator answers, one module for each namespace of the schema. Importing a module registers its handlers."""

from __future__ import annotations

from collections.abc import Sequence

from telekeep.emulator.render.updates import deliver
from telekeep.emulator.services import (
    account,
    activity,
    auth,
    bots,
    channels,
    chats,
    contacts,
    forwarding,
    help,
    invites,
    media,
    messages,
    password,
    photos,
    qr,
    revisions,
    searching,
    takeout,
    updates,
    upload,
    users,
)
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import World
from telekeep.emulator.world.post import Delivery

__all__ = [
    "account",
    "activity",
    "attach",
    "auth",
    "bots",
    "channels",
    "chats",
    "contacts",
    "forwarding",
    "help",
    "invites",
    "media",
    "messages",
    "password",
    "photos",
    "qr",
    "revisions",
    "searching",
    "takeout",
    "updates",
    "upload",
    "users",
]


def attach(telegram: Telegram, world: World) -> None:
    """Let what happens in the world without a request (`World.send`) reach the connections."""

    def outlet(deliveries: Sequence[Delivery]) -> None:
        deliver(telegram, world, deliveries)

    world.outlet = outlet
