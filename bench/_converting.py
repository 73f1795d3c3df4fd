"""The same work, done by another converter, inside its own environment: ``python _converting.py tgconvertor JOB.json``.

A job is ``{"pairs": [[from, to, rounds, turns], …], "sources": {form: file}, "out": …}``; what is printed is, as JSON,
how many seconds one conversion of each pair took, in the quickest of its turns. Forms are called ``telethon-string``,
``telethon-file``, and so on; ``load`` is no form but reads every file of the folder.
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
    for source, target, rounds, turns in job["pairs"]:
        kind, way = source.split("-")
        to, end = target.split("-")
        given: Any = Path(job["sources"][source])
        if way == "string":
            given = given.read_text()
        options: dict[str, Any] = {"passcode": job["passcode"] if way == "passcode" else ""}
        if kind != "tdata":
            options["input_type"] = way
        found = []
        for turn in range(turns + 1):  # what is loaded for the first time counts on neither side
            start = time.perf_counter()
            for number in range(rounds):
                place = out / f"{source}-{target}-{turn}-{number}"
                session = await load_session(given, kind, **options)
                session.user_id = session.user_id or 777001
                if end == "string":
                    getattr(session, f"to_{to}_string")()
                elif to == "tdata":
                    await session.to_tdata_folder(place, passcode=job["passcode"] if end == "passcode" else "")
                else:
                    await getattr(session, f"to_{to}_file")(place)
            found.append((time.perf_counter() - start) / rounds)
        took[f"{source} {target}"] = min(found[1:])
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

    found = []
    for _ in range(job["turns"]):
        start = time.perf_counter()
        for _ in range(job["rounds"]):
            account = TDesktop(basePath=job["sources"]["tdata-folder"]).mainAccount
            session = StringSession()
            session.set_dc(int(account.MainDcId), "149.154.167.51", 443)
            session.auth_key = AuthKey(account.authKey.key)
            session.save()
        found.append((time.perf_counter() - start) / job["rounds"])
    return {"tdata-folder telethon-string": min(found)}


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps(asyncio.run(globals()[sys.argv[1]](job))))
