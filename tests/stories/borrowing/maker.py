"""Makes groups, all at once: calls that would be carried out twice if they were sent twice. Then says what became of
each: done, or what it was told. It begins when it is told to, by a line. ``maker.py telekeep|string TITLE…``"""

import asyncio
import os
import sys

from telethon import TelegramClient, functions
from telethon.errors import RPCError
from telethon.sessions import StringSession

import telekeep


async def make(client, friend, title):
    try:
        await client(functions.messages.CreateChatRequest([friend], title))
        return "done"
    except RPCError as error:
        return f"{error.code} {error.message}"


async def main():
    if sys.argv[1] == "telekeep":
        client = telekeep.client("main")
    else:
        client = TelegramClient(StringSession(os.environ["SESSION"]), 1, "0" * 32)
    async with client:
        friend = next(each.input_entity for each in await client.get_dialogs() if each.is_user)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        said = await asyncio.gather(*(make(client, friend, title) for title in sys.argv[2:]))
        for title, each in zip(sys.argv[2:], said, strict=True):
            print(title, each, sep="|", flush=True)
        assert (await client.get_me()).id


asyncio.run(main())
