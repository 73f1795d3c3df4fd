"""A simple account that things happen to, and Telethon's update loop around a message box, with a clock by hand."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from telethon._updates import EntityCache, GapError, MessageBox
from telethon._updates.messagebox import PrematureEndReason
from telethon._updates.session import ChannelState, SessionState

from telekeep.mtproto.schema import read, types

ME, FRIEND, CHANNEL = 100, 200, 300
LOG = {"messagebox": logging.getLogger("telethon.messagebox")}
Label = tuple[Any, ...]
_LATER = PrematureEndReason.TEMPORARY_SERVER_ISSUES


def wire(thing: Any) -> Any:
    """As it arrives at the other side."""
    return read(bytes(thing))


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time stands until it is moved."""

    now = 1000.0

    def time(self) -> float:
        return self.now


def in_loop(work: Callable[[Clock], Any]) -> Any:
    """Run ``work`` inside an event loop of its own, as message boxes want it."""

    async def run() -> Any:
        return work(clock)

    clock = Clock()
    try:
        return clock.run_until_complete(run())
    finally:
        clock.close()


# ---- what happens


@dataclass
class Happened:
    start: int
    end: int
    label: Label
    update: bytes
    about: int = 0  # the message that has to be there still for a difference to tell it


@dataclass
class Line:
    """The account's box, or a channel's: ids and pts grow as at Telegram."""

    channel: int | None = None
    pts: int = 1
    last_id: int = 0
    alive: dict[int, int] = field(default_factory=dict)  # id -> version
    log: list[Happened] = field(default_factory=list)

    @property
    def labels(self) -> list[Label]:
        return [each.label for each in self.log]

    def message(self, message_id: int) -> Any:
        peer = types.PeerChannel(self.channel) if self.channel else types.PeerUser(FRIEND)
        text = f"{message_id} v{self.alive[message_id]}"
        return types.Message(id=message_id, peer_id=peer, date=1_700_000_000, message=text)

    def _log(self, count: int, label: Label, make: Callable[..., Any], about: int = 0) -> Happened:
        self.pts += count
        update = bytes(make(pts=self.pts, pts_count=count))
        happened = Happened(self.pts - count, self.pts, (label[0], self.channel, *label[1:]), update, about)
        self.log.append(happened)
        return happened

    def new(self) -> Happened:
        self.last_id += 1
        self.alive[self.last_id] = 0
        kind = types.UpdateNewChannelMessage if self.channel else types.UpdateNewMessage
        message = self.message(self.last_id)
        return self._log(1, ("new", self.last_id), lambda **at: kind(message=message, **at), self.last_id)

    def edit(self, message_id: int) -> Happened:
        self.alive[message_id] += 1
        kind = types.UpdateEditChannelMessage if self.channel else types.UpdateEditMessage
        message = self.message(message_id)
        return self._log(1, ("edit", message.message), lambda **at: kind(message=message, **at), message_id)

    def delete(self, *ids: int) -> Happened:
        for each in ids:
            del self.alive[each]

        def make(**at: Any) -> Any:
            if self.channel:
                return types.UpdateDeleteChannelMessages(channel_id=self.channel, messages=list(ids), **at)
            return types.UpdateDeleteMessages(messages=list(ids), **at)

        return self._log(len(ids), ("delete", *ids), make)

    def read(self) -> Happened:
        assert self.channel is None
        peer, last = types.PeerUser(FRIEND), self.last_id
        return self._log(
            1,
            ("read", last, self.pts),
            lambda **at: types.UpdateReadHistoryInbox(peer=peer, max_id=last, still_unread_count=at["pts"] - 1, **at),
        )

    def happen(self, kind: str, number: int) -> Happened:
        """Something of this ``kind``, to the message that ``number`` chooses."""
        there = sorted(self.alive)
        if kind == "new" or not there or (kind == "read" and self.channel):
            return self.new()
        if kind == "read":
            return self.read()
        chosen = there[number % len(there)]
        if kind == "edit":
            return self.edit(chosen)
        return self.delete(*there[number % len(there) :][: 1 + number % 3])

    def missed(self, pts: int, limit: int) -> tuple[int, list[Any], list[Any], bool]:
        """The pts after it, new messages and other updates, and whether that is all. What vanished is left out."""
        after = [each for each in self.log if each.end > pts]
        told = after[:limit]
        there = [each for each in told if not each.about or each.about in self.alive]
        messages = [self.message(each.about) for each in there if each.label[0] == "new"]
        others = [read(each.update) for each in there if each.label[0] != "new"]
        return (told[-1].end if told else pts), messages, others, len(told) == len(after)


def label(update: Any) -> Label | None:
    """What `Line` called it; None for what moves pts and tells nothing, and for the container that Telethon's own box
    returns as an update if there is none in it."""
    if isinstance(update, types.UpdateFolderPeers | types.UpdateChannelWebPage | types.Updates):
        return None
    message = getattr(update, "message", None)
    channel = getattr(getattr(message, "peer_id", None), "channel_id", None) or getattr(update, "channel_id", None)
    if isinstance(update, types.UpdateNewMessage | types.UpdateNewChannelMessage):
        return ("new", channel, message.id)
    if isinstance(update, types.UpdateEditMessage | types.UpdateEditChannelMessage):
        return ("edit", channel, message.message)
    if isinstance(update, types.UpdateDeleteMessages | types.UpdateDeleteChannelMessages):
        return ("delete", channel, *update.messages)
    if isinstance(update, types.UpdateReadHistoryInbox):
        return ("read", channel, update.max_id, update.still_unread_count)
    return (type(update).__name__,)


class Telegram:
    """The account, one channel, and what Telegram answers about them."""

    def __init__(self, *, limit: int = 100) -> None:
        self.account, self.channel = Line(), Line(CHANNEL)
        self.limit = limit

    @property
    def labels(self) -> list[Label]:
        return [*self.account.labels, *self.channel.labels]

    def state(self, pts: int | None = None) -> Any:
        return types.updates.State(pts=pts or self.account.pts, qts=0, date=1_700_000_000, seq=0, unread_count=0)

    def answer(self, request: Any) -> Any:
        """updates.getDifference, updates.getChannelDifference."""
        if hasattr(request, "channel"):
            pts, messages, others, is_all = self.channel.missed(request.pts, self.limit)
            if pts == request.pts:
                return types.updates.ChannelDifferenceEmpty(pts=pts, final=True, timeout=30)
            return types.updates.ChannelDifference(
                pts=pts,
                new_messages=messages,
                other_updates=others,
                chats=[],
                users=[],
                final=is_all,
                timeout=30,
            )
        pts, messages, others, is_all = self.account.missed(request.pts, self.limit)
        if self.channel.log:
            others.append(types.UpdateChannelTooLong(channel_id=CHANNEL))
        if pts == request.pts and not others:
            return types.updates.DifferenceEmpty(date=1_700_000_000, seq=0)
        kind = types.updates.Difference if is_all else types.updates.DifferenceSlice
        return kind(messages, [], others, [], [], **{"state" if is_all else "intermediate_state": self.state(pts)})


# ---- who hears it


def hashes() -> EntityCache:
    """Knows the channel, and who we are."""
    cache = EntityCache()
    cache.set_self_user(ME, False, 1)
    cache.extend([], [types.Channel(id=CHANNEL, title="c", photo=types.ChatPhotoEmpty(), date=None, access_hash=7)])
    return cache


class Flooded(Exception):
    """Telegram lets this request wait."""


class Client:
    """Telethon's update loop around ``box``. ``ask`` answers requests, ``heard`` is told all that comes out."""

    def __init__(
        self, clock: Clock, box: MessageBox, ask: Callable[[Any], Any], heard: Callable[[Any, Any, Any], None]
    ) -> None:
        self.clock, self.box, self.ask, self.heard = clock, box, ask, heard
        self.queue: deque[Any] = deque()
        self.hashes = hashes()

    def load(self, pts: int, channels: dict[int, int]) -> None:
        state = SessionState(0, 0, False, pts, 0, 1_700_000_000, 0, None)
        self.box.load(state, [ChannelState(channel, at) for channel, at in channels.items()])

    def pts(self) -> tuple[int, int | None]:
        account, channels = self.box.session_state()
        return account["pts"], channels.get(CHANNEL)

    def tell(self, updates: Any) -> None:
        """A container of updates comes in."""
        self.queue.append(wire(updates))

    def push(self, *updates: Any) -> None:
        self.tell(types.Updates(list(updates), [], [], 1_700_000_000, 0))

    def run(self, turns: int | None = None) -> None:
        """Until there is nothing left to do, or for so many ``turns``; gaps are given the time to be noticed."""
        for _ in range(10_000 if turns is None else turns):
            request = self.box.get_difference()
            if request is not None:
                try:
                    self.heard(*self.box.apply_difference(wire(self.ask(request)), self.hashes))
                except Flooded:
                    self.box.told_to_wait()
                    self.box.end_difference()
                continue
            request = self.box.get_channel_difference(self.hashes)
            if request is not None:
                try:
                    self.heard(*self.box.apply_channel_difference(request, wire(self.ask(request)), self.hashes))
                except Flooded:
                    self.box.told_to_wait()
                    self.box.end_channel_difference(request, _LATER, self.hashes)
                continue
            deadline = self.box.check_deadlines()
            if deadline <= self.clock.now:
                continue
            if self.queue:
                told: list[Any] = []
                try:
                    users, chats = self.box.process_updates(self.queue.popleft(), self.hashes, told)
                except GapError:
                    continue
                self.heard(told, users, chats)
            elif self.box.possible_gaps or self.box.getting_diff_for:
                self.clock.now = deadline
            else:
                return
        assert turns is not None, "it goes round in circles"
