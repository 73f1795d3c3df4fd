"""Sends numbered messages to itself, each once. ``sending.py NAME TEXT COUNT [direct]``"""

import asyncio
import sys

import telekeep


async def main():
    name, text, count, *direct = sys.argv[1:]
    options = {"direct": True, "timeout": 60} if direct else {}
    async with telekeep.client(name, **options) as client:
        for number in range(int(count)):
            await client.send_message("me", f"{text} {number}")
            print("sent", number, flush=True)
            await asyncio.sleep(0.1)
        print("all", flush=True)


asyncio.run(main())
