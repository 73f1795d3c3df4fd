"""A user's client and a bot's beside it. ``user_and_bot.py PORT PEM TOKEN [HOW]``

The bot goes to the emulator by itself: its program says where that is, as one says where Telegram's test servers are.
"""

import asyncio
import pathlib
import sys

from telethon import TelegramClient, events
from telethon.crypto import rsa
from telethon.sessions import StringSession

port, pem, token = int(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text(), sys.argv[3]
how = sys.argv[4] if len(sys.argv) > 4 else "start"
rsa.add_key(pem, old=False)
user = TelegramClient("user", 1, "a" * 32)
bot = TelegramClient(StringSession() if how == "string" else "bot", 1, "a" * 32, connection_retries=1)
bot.session.set_dc(2, "127.0.0.1", port)


@bot.on(events.NewMessage(pattern="/start"))
async def greet(event):
    await event.reply("hello")


async def main():
    if how == "late":
        await bot.connect()
        await bot.sign_in(bot_token=token)
    elif how == "asks first":
        await user.start()
        await bot.connect()
        if not await bot.is_user_authorized():
            await bot.sign_in(bot_token=token)
    elif how == "on the user":
        await user.start()
        await user.start(bot_token=token)
    else:
        await bot.start(bot_token=token)
        await user.start()
        me, it = await user.get_me(), await bot.get_me()
        print(me.id, me.bot, it.id, it.bot, len(bot.list_event_handlers()), bot.session.port == port, sep="|")
        await bot.disconnect()
        await user.disconnect()


asyncio.run(main())
