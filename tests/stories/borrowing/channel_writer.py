"""Somebody who writes in a channel: ``channel_writer.py SECONDS RATE``. Of the messages, a fifth is edited, a tenth
deleted. Then "the end"; and the whole channel is printed, as JSON by id."""

import asyncio
import json
import random
import sys
import time

import telekeep

SECONDS, RATE = float(sys.argv[1]), float(sys.argv[2])


async def main():
    dice, mine = random.Random(1), []
    async with telekeep.client("bob", direct=True, timeout=5) as client:
        club = await client.get_input_entity("the_club")
        began, number = time.monotonic(), 0
        while (now := time.monotonic() - began) < SECONDS:
            number += 1
            mine.append((await client.send_message(club, f"message {number}")).id)
            if dice.random() < 0.2:
                chosen = dice.choice(mine[-40:])
                await client.edit_message(club, chosen, f"edited {number}")
            if dice.random() < 0.1:
                await client.delete_messages(club, [mine.pop(-dice.randrange(1, min(len(mine), 40) + 1))])
            await asyncio.sleep(max(0.0, number / RATE - now))
        await client.send_message(club, "the end")
        print(json.dumps({each.id: each.text async for each in client.iter_messages(club) if each.text}))


asyncio.run(main())
