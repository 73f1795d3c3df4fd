"""Prints every message of the account: its id and text. ``history.py [NAME]``"""

import asyncio
import sys

import telekeep


async def main():
    async with telekeep.client(sys.argv[1] if len(sys.argv) > 1 else "main") as client:
        async for dialog in client.iter_dialogs():
            async for message in client.iter_messages(dialog.input_entity):
                print(message.id, message.raw_text)


asyncio.run(main())
