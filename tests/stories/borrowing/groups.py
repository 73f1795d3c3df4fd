"""Prints the title of every group the account is in."""

import asyncio

import telekeep


async def main():
    async with telekeep.client("main") as client:
        for dialog in await client.get_dialogs(limit=None):
            if dialog.is_group:
                print(dialog.title)


asyncio.run(main())
