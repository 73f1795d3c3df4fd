"""A kurigram program that does what it is told, line by line, and says what came of it.

    python obeying.py NAME [OPTION=VALUE…]

It names a session of its own, as such programs do, in the folder it is started in.
"""

import asyncio
import hashlib
import sys

from pyrogram import Client, filters
from pyrogram.errors import FloodWait, RPCError

OPTIONS = dict(each.split("=", 1) for each in sys.argv[2:])
app = Client(
    sys.argv[1],
    api_id=12345,
    api_hash="0123456789abcdef0123456789abcdef",
    workdir=".",
    sleep_threshold=0,
    **{name: eval(value) for name, value in OPTIONS.items()},
)


@app.on_message(filters.incoming)
async def heard(_, message):
    print("heard", message.text or message.caption or message.media, flush=True)


async def sign_on():
    return f"{app.me.phone_number} {app.me.first_name}"


async def history():
    read = 0
    async for dialog in app.get_dialogs():
        async for _ in app.get_chat_history(dialog.chat.id):
            read += 1
    return read


async def note(text):
    sent = await app.send_message("me", text)
    back = await app.get_messages("me", sent.id)
    return back.text


async def search(text):
    return [message.text async for message in app.search_messages("me", text)]


async def forward():
    [message] = [each async for each in app.get_chat_history("me", limit=1)]
    sent = await app.forward_messages("me", "me", message.id)
    return sent.forward_origin is not None


async def photo(path):
    sent = await app.send_photo("me", path, caption="a picture")
    back = await app.download_media(await app.get_messages("me", sent.id), in_memory=True)
    return hashlib.sha256(back.getbuffer()).hexdigest()


async def document(path):
    sent = await app.send_document("me", path)
    back = await app.download_media(await app.get_messages("me", sent.id), in_memory=True)
    return hashlib.sha256(back.getbuffer()).hexdigest()


async def fetch():
    """The newest file that somebody sent."""
    async for dialog in app.get_dialogs():
        async for message in app.get_chat_history(dialog.chat.id, limit=1):
            if message.document:
                back = await app.download_media(message, in_memory=True)
                return hashlib.sha256(back.getbuffer()).hexdigest()
    return "nothing"


async def stop():
    await app.stop()
    return "stopped"


async def orders():
    """The lines of standard input, read so that a program can end while it waits for one."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().split()


async def main():
    await app.start()
    print("ready", await sign_on(), flush=True)
    async for command, *words in orders():
        try:
            said = await globals()[command](*words)
        except FloodWait as wait:
            said = f"FloodWait {wait.value}"
        except (RPCError, OSError) as error:
            said = f"{type(error).__name__}: {error}"
        print(command, said, flush=True)
        if command == "stop":
            return


app.loop.run_until_complete(main())
