"""A user's client and a bot's beside it: python bot_beside.py HOST PORT PEM TOKEN [NAME]

The bot goes to the emulator by itself: its program says where that is, as one says where Telegram's test servers are.
"""

import sys
from pathlib import Path

from pyrogram import Client
from pyrogram.connection import Connection
from pyrogram.crypto import rsa
from telekeep_hook.kurigram_line import rsa_key

host, port, pem, token = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text(), sys.argv[4]
name = sys.argv[5] if len(sys.argv) > 5 else "bot"
modulus, exponent, fingerprint = rsa_key(pem)
rsa.server_public_keys[fingerprint] = rsa.PublicKey(modulus, exponent)


class Elsewhere(Connection):
    def __init__(self, **options):
        super().__init__(**{**options, "server_address": host, "port": port})


user = Client("user", api_id=1, api_hash="a" * 32, workdir=".")
bot = Client(name, api_id=1, api_hash="a" * 32, workdir=".", bot_token=token, connection_factory=Elsewhere)


async def main():
    await bot.start()
    await user.start()
    print(user.me.id, user.me.is_bot, bot.me.id, bot.me.is_bot, sep="|", flush=True)
    await user.stop()
    await bot.stop()


bot.loop.run_until_complete(main())
