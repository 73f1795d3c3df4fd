"""Asks all the time, and says how it went. ``asking.py NAME [direct]``"""

import asyncio
import sys

from telethon import errors

import telekeep


async def main():
    name, *direct = sys.argv[1:]
    options = {"direct": True, "timeout": 60} if direct else {}
    async with telekeep.client(name, request_retries=1, **options) as client:
        while True:
            try:
                await client.get_messages("me", limit=1)
                print("ok", flush=True)
            except (errors.RPCError, ConnectionError) as error:
                print("trouble", type(error).__name__, flush=True)
            await asyncio.sleep(0.1)


asyncio.run(main())
