import sys

from telethon import events

import telekeep

WORDS = sys.argv[1:]


@telekeep.job("main", name="alert")
async def alert(client, cursor):
    @client.on(events.NewMessage(incoming=True))
    async def look(event):
        if any(word in event.raw_text.lower() for word in WORDS):
            await client.send_message("me", f"{event.chat_id}: {event.raw_text}")

    await client.run_until_disconnected()


sys.exit(alert.run())
