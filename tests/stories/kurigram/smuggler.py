"""Puts a key of its own into the session it was given: python smuggler.py KEY"""

import sys

from pyrogram import Client

app = Client("my_account", api_id=1, api_hash="a" * 32, workdir=".")


async def main():
    await app.load_session()
    await app.storage.auth_key(bytes.fromhex(sys.argv[1]))
    app.load_session = nothing
    await app.start()


async def nothing():
    pass


app.loop.run_until_complete(main())
