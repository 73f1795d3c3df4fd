"""Asks somebody a few questions, one after the other."""

import os

from telethon import TelegramClient
from telethon.sessions import StringSession

client = TelegramClient(StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef")


async def main():
    async with client.conversation("grace", timeout=30) as talk:
        await talk.send_message("What is your name?")
        name = (await talk.get_response()).raw_text
        question = await talk.send_message(f"{name}, do you have a file for me?")
        answer = await talk.get_reply(question)
        await talk.mark_read()
        await talk.send_message("Please tell the echo bot to say hello.")
        said = await talk.get_response()
        await talk.send_message("Please have something forwarded.")
        wish = await talk.get_response()
        print(name, answer.file.name, said.raw_text, wish.raw_text, sep="|")


with client:
    client.loop.run_until_complete(main())
