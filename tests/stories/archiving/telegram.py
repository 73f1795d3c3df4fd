"""A Telegram with five chats, in which things happen: ``telegram.py FOLDER MESSAGES [LOG]``.

It writes FOLDER/network.toml and says ``ready``. At FOLDER/more it has verbs of its own: ``live`` (messages, edits and
deletions from now on, so many a second; 0 ends them), ``lose`` (nobody catches up on what happened so far), ``world``
(all messages, into a file). LOG: how many events a client may have missed.
"""

import asyncio
import json
import random
import sys
from dataclasses import replace
from pathlib import Path

from telekeep.control.server import ControlServer
from telekeep.emulator import Emulator
from telekeep.emulator.control import control_server
from telekeep.emulator.world.peer import chat, user
from telekeep.emulator.world.post import Delivery
from telekeep.session import network

PHONE = "9996623456"
FOLDER, MESSAGES = Path(sys.argv[1]), int(sys.argv[2])


class World:
    def __init__(self, telegram):
        self.telegram = telegram
        self.world = telegram.world
        self.dice = random.Random(7)
        self.ada = telegram.add_account(PHONE, first_name="Ada")
        self.box = self.ada.box
        self.friends = [self.world.enroll(first_name=f"Friend {n}", pretend=True) for n in range(4)]
        for friend in self.friends:
            self.world.meet(self.ada, friend)
        group = self.world.found_chat(self.ada, "The group", self.friends)
        self.peers = [*(user(friend.id) for friend in self.friends), chat(group.id)]
        begin = self.world.now - MESSAGES
        for n in range(MESSAGES):
            peer = self.peers[n % 5]
            self.box.store(
                peer, self.sender(peer).id, begin + n, f"old {n} " + "word " * self.dice.randrange(9), out=False
            )
        self.box.forget_log()
        self.count = 0
        self.rate = 0.0
        self.running = None

    def sender(self, peer):
        return self.dice.choice(self.friends) if peer.kind == "chat" else self.world.accounts[peer.id]

    def some(self):
        """A message: mostly a young one."""
        messages = self.box.dialogs[self.dice.choice(self.peers)].messages
        return (
            messages[-self.dice.randrange(1, min(len(messages), 60))]
            if self.dice.random() < 0.7
            else self.dice.choice(messages)
        )

    def happen(self):
        self.count += 1
        what = self.dice.random()
        if what < 0.75:
            peer = self.dice.choice(self.peers)
            sent = self.world.post.send(
                self.sender(peer), peer if peer.kind == "chat" else user(self.ada.id), f"live {self.count}"
            )
            self.world.outlet(sent.deliveries)
            return
        if what < 0.9:
            event = self.box.edit(self.some(), f"edited {self.count}", (), None, at=self.world.now)
        else:
            event = self.box.delete(
                list({each.id: each for each in (self.some() for _ in range(self.dice.randrange(1, 4)))}.values())
            )
        self.world.outlet([Delivery(self.ada.id, event)])

    def live(self, per_second):
        self.rate = per_second
        if self.running is None:
            self.running = asyncio.create_task(self.go_on())

    async def go_on(self):
        loop = asyncio.get_running_loop()
        began, done = loop.time(), 0
        rate = self.rate
        while self.rate:
            if rate != self.rate:
                began, done, rate = loop.time(), 0, self.rate
            due = int((loop.time() - began) * rate)
            for _ in range(due - done):
                self.happen()
            done = due
            await asyncio.sleep(0.01)
        self.running = None

    def lose(self):
        self.box.forget_log()

    def dump(self, to):
        rows = [
            [peer.id if peer.kind == "user" else -peer.id, m.id, m.text, m.sender, m.date, m.out, m.edited]
            for peer, dialog in self.box.dialogs.items()
            for m in dialog.messages
        ]
        Path(to).write_text(json.dumps(sorted(rows)))
        return {"messages": len(rows), "events": self.count}


async def main():
    async with Emulator() as telegram:
        world = World(telegram)
        if len(sys.argv) > 3:
            world.box.kept = int(sys.argv[3])
        await control_server(telegram, FOLDER / "emulator", stop=lambda: None).start()
        verbs = {"live": world.live, "lose": world.lose, "world": world.dump}
        await ControlServer(FOLDER / "more", verbs, who="the emulator").start()
        (FOLDER / "network.toml").write_text(network.dump(replace(telegram.network, control=FOLDER / "emulator")))
        print("ready", *(peer.id if peer.kind == "user" else -peer.id for peer in world.peers), flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
