"""Wants to hold `main` alone, again and again, and is mostly told who has it. Prints a line for each time."""

import asyncio
import random

import telekeep


async def main():
    while True:
        try:
            async with telekeep.client("main", direct=True, timeout=random.uniform(0.1, 1)) as client:
                for _ in range(3):
                    await client.get_me()
                    await asyncio.sleep(0.1)
            print("held", flush=True)
        except telekeep.errors.SessionBusy:
            print("busy", flush=True)
        await asyncio.sleep(random.uniform(0.2, 1))


asyncio.run(main())
