import asyncio
import sys

import telekeep

FROM, TO = sys.argv[1:3]


@telekeep.job("main", name="forwarder")
async def forward(client, cursor):
    while True:
        async for message in client.iter_messages(FROM, min_id=cursor.get("seen", 0), reverse=True):
            await client.forward_messages(TO, message)
            cursor["seen"] = message.id
        await asyncio.sleep(1)


sys.exit(forward.run())
