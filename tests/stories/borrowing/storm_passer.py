"""A short-lived borrower: comes, asks, writes, goes; again and again, until it is killed."""

import asyncio
import sys
import time

import telekeep


async def main():
    number = 0
    while True:
        number += 1
        try:
            async with telekeep.client("main", label="passer") as client:
                assert (await client.get_me()).id
                await client.send_message("me", f"passer{sys.argv[1]} {number}")
                assert len([one async for one in client.iter_messages("me", limit=2)])
            print("passed", time.time(), flush=True)
        except (telekeep.errors.SessionBusy, telekeep.errors.OwnerAbsent) as error:  # a fighter has it; a daemon died
            print("told", type(error).__name__, flush=True)
        await asyncio.sleep(0.05)


asyncio.run(main())
