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
        start = time.perf_counter()
        for number in range(job["rounds"]):
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
            (await load_session(path, "telethon", input_type="file")).to_telethon_string()
        took["load"] = time.perf_counter() - start
    return took


async def opentele2(job: dict[str, Any]) -> dict[str, float]:
    from opentele2.td import TDesktop

    folder, out = job["sources"]["tdata"], Path(job["out"])
    start = time.perf_counter()
    for number in range(job["rounds"]):
        desktop = TDesktop(basePath=folder)
        await desktop.ToTelethon(session=str(out / f"{number}.session"))
    return {"tdata telethon-file": time.perf_counter() - start}


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps(asyncio.run(globals()[sys.argv[1]](job))))
