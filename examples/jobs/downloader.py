import sys

import telekeep

CHAT, FOLDER = sys.argv[1:3]


@telekeep.job("main", name="downloader")
async def download(client, cursor):
    async for message in client.iter_messages(CHAT, min_id=cursor.get("seen", 0), reverse=True):
        if message.file:
            await client.download_media(message, f"{FOLDER}/{message.id}-")
        cursor["seen"] = message.id


sys.exit(download.run())
