"""The same work, done by another converter, inside its own environment: ``python _converting.py tgconvertor JOB.json``.

A job is ``{"pairs": [[from, to], …], "sources": {form: file}, "rounds": n, "folder": …}``; what is printed is, as JSON,
how many seconds each pair took. Forms are called ``telethon-string``, ``telethon-file``, and so on; ``load`` is no form
but reads every file of the folder.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any


async def tgconvertor(job: dict[str, Any]) -> dict[str, float]:
    from TGConvertor.converter import load_session

    out = Path(job["out"])
    took = {}
    for source, target in job["pairs"]:
        kind, way = source.rsplit("-", 1)
        to, end = target.rsplit("-", 1)
        given: Any = Path(job["sources"][source])
        if way == "string":
            given = given.read_text()
        for number in range(job["rounds"] + 1):
            if number == 1:  # what is loaded for the first time counts on neither side
                start = time.perf_counter()
            session = await load_session(given, kind, input_type=way)
            session.user_id = session.user_id or 777001
            if end == "string":
                getattr(session, f"to_{to}_string")()
            else:
                await getattr(session, f"to_{to}_file")(out / f"{source}-{target}-{number}.session")
        took[f"{source} {target}"] = time.perf_counter() - start
    if job.get("load"):
        start = time.perf_counter()
        for path in sorted(Path(job["load"]).iterdir()):
            await (await load_session(path, "telethon", input_type="file")).to_telethon_file(out / f"kept-{path.name}")
        took["load"] = time.perf_counter() - start
    return took


async def opentele2(job: dict[str, Any]) -> dict[str, float]:
    # its ``ToTelethon`` speaks to Telegram; what it reads is put into Telethon's own string instead
    from opentele2.td import TDesktop
    from telethon.crypto import AuthKey
    from telethon.sessions import StringSession

    for number in range(job["rounds"] + 1):
        if number == 1:
            start = time.perf_counter()
        account = TDesktop(basePath=job["sources"]["tdata"]).mainAccount
        session = StringSession()
        session.set_dc(int(account.MainDcId), "149.154.167.51", 443)
        session.auth_key = AuthKey(account.authKey.key)
        session.save()
    return {"tdata telethon-string": time.perf_counter() - start}


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps(asyncio.run(globals()[sys.argv[1]](job))))
