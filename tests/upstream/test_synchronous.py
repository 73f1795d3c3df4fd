"""telethon.sync, and no loop of one's own: programs that were never written for asyncio."""

from __future__ import annotations

import pytest

from upstream.place import PHONE, Place

WITH = """\
import telethon.sync, telekeep

with telekeep.client("main", direct=True) as client:
    print(client.get_me().first_name)
    print(len([message for message in client.iter_messages("me")]))
    print(client.send_message("me", "hello").id > 0)
"""

BY_HAND = """\
import telekeep
import telethon.sync  # after the client's class was made, too

client = telekeep.client("main", direct=True)
client.connect()
print(client.get_me().first_name)
client.disconnect()
client.connect()
print(client.get_me().username)
print(client.start() is client)
client.disconnect()
"""

WITHOUT_TELETHON_SYNC = """\
import asyncio, telekeep

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
client = telekeep.client("main", direct=True)
loop.run_until_complete(client.connect())
print(loop.run_until_complete(client.get_me()).first_name)
loop.run_until_complete(client._disconnect_coro())
with telekeep.client("main", direct=True) as client:
    print(loop.run_until_complete(client.get_me()).username)
loop.close()
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [(WITH, ["Ada", "0", "True"]), (BY_HAND, ["Ada", "ada", "True"]), (WITHOUT_TELETHON_SYNC, ["Ada", "ada"])],
    ids=["with", "by hand", "without telethon.sync"],
)
async def test_it_works_without_await(place: Place, program: str, expected: list[str]) -> None:
    code, out, err = await place.run(program)
    assert (code, out.splitlines()) == (0, expected), err
    assert place.is_free() and place.state.pts > 0


async def test_what_was_missed_arrives_in_a_synchronous_program(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.send(to=PHONE, text="missed", count=2)
    code, out, err = await place.run("""\
import telethon.sync, telekeep
from telethon import events

client = telekeep.client("main", direct=True)
heard = []

@client.on(events.NewMessage(incoming=True))
async def hear(event):
    heard.append(event.raw_text)

client.start()
while len(heard) < 2:
    client.get_me()  # whatever runs the loop
print(heard)
client.disconnect()
""")
    assert (code, out) == (0, "['missed', 'missed']"), err
