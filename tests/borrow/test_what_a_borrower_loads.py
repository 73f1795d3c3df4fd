"""A borrower's process has nothing in it that could open the vault or speak to Telegram."""

from __future__ import annotations

from borrow.served import Served

PROGRAM = """
import asyncio, sys, telekeep

async def main():
    async with telekeep.client("main") as client:
        assert (await client.get_me()).first_name == "Ada"
        message = await client.send_file("me", b"some bytes")
        assert await message.download_media(bytes) == b"some bytes"
        assert len(await client.get_messages("me", limit=3))

asyncio.run(main())
print(*sorted(sys.modules), sep="\\n")
"""
HELD = PROGRAM.replace('client("main")', 'client("main", direct=True)')
ROOMS = ("vault", "lease", "upstream", "gateway", "keeper", "login", "work", "cli", "emulator", "settings", "session")
VENDORS = ("cryptography", "click", "rich", "filelock", "psutil", "keyring", "argon2", "segno")


async def test_no_room_that_knows_the_key_is_loaded(served: Served) -> None:
    loaded = set((await served.run(PROGRAM)).splitlines())
    assert {"telekeep.borrow.client", "telethon"} <= loaded
    for room in ROOMS:
        found = {each for each in loaded if each == f"telekeep.{room}" or each.startswith(f"telekeep.{room}.")}
        assert not found - ALLOWED, found
    assert not loaded & set(VENDORS)


async def test_a_holder_loads_them_so_the_question_is_a_good_one(served: Served) -> None:
    await served.stop()
    loaded = set((await served.run(HELD)).splitlines())
    assert {"telekeep.vault", "telekeep.lease", "telekeep.upstream", "cryptography"} <= loaded


ALLOWED = {"telekeep.session", "telekeep.session.network", "telekeep.session.model"}  # what a network file says
