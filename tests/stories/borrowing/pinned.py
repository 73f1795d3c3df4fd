"""A program that is pinned to some release of Telethon: it uses what all releases since 1.26 have. Its session is the
string in SESSION, or bot.session.

PINNED NUMBER OF FRIENDS: it takes part in a chat of that many programs, each of which says one thing.
"""

import asyncio
import os
import sys
from pathlib import Path

from telethon import TelegramClient, events
from telethon.sessions import StringSession
from telethon.tl import functions

name, friends, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


async def main():
    string = os.environ.get("SESSION")
    client = TelegramClient(StringSession(string) if string else "bot", 12345, "0123456789abcdef0123456789abcdef")
    heard = asyncio.Queue()

    @client.on(events.NewMessage(pattern="^(here is|goodbye from) "))
    async def hear(event):
        heard.put_nowait(event.raw_text)

    async with client:
        me = await client.get_me()
        dialogs = await client.get_dialogs()
        friend = next(each for each in dialogs if each.is_user and not each.entity.is_self)
        history = await client.get_messages(friend.entity, limit=100)
        full = await client(functions.users.GetFullUserRequest("me"))
        print("signed on", me.phone, len(history) > 0, type(full).__name__, flush=True)

        sent = await client.send_message("me", "**bold** from " + name)
        answer = await client.send_message("me", "an answer", reply_to=sent.id)
        back = await (await client.get_messages("me", ids=answer.id)).get_reply_message()
        edited = await client.edit_message("me", sent.id, "edited by " + name)
        found = await client.get_messages("me", ids=sent.id)
        await client.delete_messages("me", [answer.id])
        gone = await client.get_messages("me", ids=answer.id)
        print("wrote", edited.raw_text, "|", found.raw_text, back.id == sent.id, gone is None, flush=True)

        path = folder / (name + ".txt")
        path.write_bytes(name.encode() * 50_000)
        carried = await client.send_file("me", str(path), caption="a file")
        data = await client.download_media(carried, bytes)
        picture = await client.send_file("me", str(folder / "picture.png"))
        seen = await client.download_media(picture, bytes)
        print(
            "files", data == name.encode() * 50_000, carried.raw_text, bool(picture.photo), len(seen) > 50, flush=True
        )

        club = await client.get_entity("the_club")
        members = await client.get_participants(club)
        there = await client.get_messages(club, limit=None)
        said = await client.send_message(club, "a word of " + name)
        edited = await client.edit_message(club, said.id, "another word of " + name)
        found = await client.get_messages(club, ids=said.id)
        await client.delete_messages(club, [said.id])
        gone = await client.get_messages(club, ids=said.id)
        print(
            "club", club.title, club.megagroup, len(members), len(there) >= 5, found.raw_text, gone is None, flush=True
        )

        assert sys.stdin.readline()
        await client.send_message("me", "here is " + name)
        present = {"here is " + name}  # a client is not told of what it said itself
        while len(present) < friends:
            present.add(await asyncio.wait_for(heard.get(), 60))
        print("heard", *sorted(present), sep="|", flush=True)
        if sys.stdin.readline():  # its owner was killed meanwhile
            await client.send_message("me", "goodbye from " + name)
            present.add("goodbye from " + name)
            while len(present) < 2 * friends:
                present.add(await asyncio.wait_for(heard.get(), 60))
            print("heard", *sorted(each for each in present if "goodbye" in each), sep="|", flush=True)


asyncio.run(main())
