"""What an archive must hold in the end: the emulator's world, row for row; and runs of the archive in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from telekeep.clock import Clock
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.peer import user
from telekeep.work.archive import verbs
from telekeep.work.archive.pacing import Pace
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.stores.place import opened
from telekeep.work.archive.stores.store import Store
from telekeep.work.archive.terms import Report, Terms

Rows = dict[tuple[int, int], tuple[Any, ...]]


def of_world(account: Account, chat_ids: Iterable[int] = ()) -> Rows:
    """The messages in an account's boxes, by chat and id."""
    chosen = set(chat_ids)
    found: Rows = {}
    for peer, dialog in account.box.dialogs.items():
        chat_id = peer.id if peer.kind == "user" else -peer.id
        if not chosen or chat_id in chosen:
            for each in dialog.messages:
                found[chat_id, each.id] = (each.text, each.sender, each.date, each.out, each.edited, each.reply_to)
    return found


def of_archive(store: Store) -> Rows:
    """The same of an archive."""
    return {
        (each.chat_id, each.id): (each.text, each.sender_id, each.date, each.out, each.edited_at, each.reply_to)
        for each in store.messages()
    }


def rows(path: Path | str) -> Rows:
    store = opened(str(path), reading=True)
    try:
        return of_archive(store)
    finally:
        store.close()


def terms(path: Path | str, *chats: Any, interval: float = 0.0, budget: int | None = None, **wish: Any) -> Terms:
    more = {name: wish.pop(name) for name in ("media", "name") if name in wish}
    return Terms(
        more.get("name", "main"), tuple(map(str, chats)), str(path), Wish(**wish), Pace(interval, budget),
        media=more.get("media"),
    )  # fmt: skip


async def historical(path: Path | str, *chats: Any, clock: Clock | None = None, **options: Any) -> Report:
    report = Report()
    await asyncio.wait_for(verbs.historical(terms(path, *chats, **options), report, clock=clock), 60)
    return report


@asynccontextmanager
async def monitored(path: Path | str, *chats: Any, **options: Any) -> AsyncIterator[Report]:
    """A monitor that is listening, until the block ends; it ends in order."""
    report, stop = Report(), asyncio.Event()
    running = asyncio.create_task(verbs.monitor(terms(path, *chats, **{"history": False, **options}), report, stop))
    try:
        while not report.is_live and not running.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        yield report
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


def writes(telegram: Any, sender: Account, to: Account, text: str) -> int:
    """``sender`` writes to ``to``; the id in the box of ``to``."""
    sent = telegram.world.send_message(sender, user(to.id), text)
    telegram.world.outlet(sent.deliveries)
    return int(to.box.last_id)


def edits(telegram: Any, holder: Account, message_id: int, text: str) -> None:
    """Whoever wrote this message of ``holder``'s changes it."""
    message, world = holder.box.message(message_id), telegram.world
    sender = world.accounts[message.sender]
    world.outlet(world.revisions.edit(sender, user(holder.id), sender.box.copy_of(message), text=text).deliveries)


def deletes(telegram: Any, holder: Account, *message_ids: int) -> None:
    """Messages of ``holder``'s are deleted, on both sides."""
    world = telegram.world
    deleted = world.revisions.delete(holder, message_ids, revoke=True)
    assert deleted is not None
    world.outlet(deleted.deliveries)


async def until(condition: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
