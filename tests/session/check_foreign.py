"""``make foreign``: GramJS, mtcute and other converters read what telekeep wrote. Run: python check_foreign.py"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from session.fixtures import make
from session.samples import fixture_session
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.formats.tdata import TData
from telekeep.session.model import AuthKey, DataCenter, Session, User

ENVIRONMENTS = Path(__file__).parent.parent.parent / ".venv" / "releases"  # made by ``make peers``


def main() -> int:
    return libraries() or converters()


def libraries() -> int:
    """GramJS and mtcute, where there is Node."""
    session = replace(fixture_session("telethon-1.45"), user=User(make.SELF, False, "ada_l"))
    wanted = {"dc": 2, "host": "149.154.167.51", "port": 443, "key": session.auth_key.reveal().hex()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in ("gramjs-string", "mtcute-string"):
            (folder / f"{form}.txt").write_bytes(formats.write(session, form))
        (folder / "mtcute-sqlite.session").write_bytes(formats.write(session, "mtcute-sqlite"))
        bundle.unpack(formats.write(session, "gramjs-store", name="written-store"), folder / "written-store")
        said = make.node("check", folder)
    if said is None:
        return 0
    found = json.loads(said)
    state = found["mtcute-sqlite"].pop("state"), found["mtcute-sqlite"].pop("channel")
    assert state == ([1234, 5, 1_704_153_600, 67], 890), state
    peers = found["mtcute-sqlite"].pop("peers")
    assert peers == {
        "user": ["inputPeerUser", "-123456789"],
        "chat": ["inputPeerChat", None],
        "channel": ["inputPeerChannel", "42"],
        "stranger": None,
        "phone": ["inputPeerUser", "-123456789"],
        "username": None,  # met too long ago
        "hash": "-123456789",
        "complete": None,
        "met": ["Bob", ["inputPeerUser", "987654321"]],
    }, peers
    assert found["gramjs-store"]["self"][:2] == [str(make.SELF), "-123456789"], found["gramjs-store"]
    for form in ("gramjs-string", "gramjs-store", "mtcute-string", "mtcute-sqlite"):
        assert wanted.items() <= found[form].items(), form
        print(f"✓ {form}: the library reads the same key, data center and address")
    assert found["mtcute-sqlite"]["user"] == found["mtcute-string"]["user"] == make.SELF
    return 0


def converters() -> int:
    """TGConvertor, all its ways, and opentele2, two releases of it: a folder with two accounts, and one passcode."""
    second = Session(DataCenter(4, "149.154.167.91", 443), AuthKey(make.key("second")), User(make.BOB))
    first = replace(fixture_session("telethon-1.45"), user=User(make.SELF))
    passcode = Secret(make.PASSCODE.encode())
    with tempfile.TemporaryDirectory() as name:
        folder, sources = Path(name), {}
        for way, form in (*WAYS.items(), ("tdata-folder", "tdata"), ("tdata-passcode", "tdata")):
            path = folder / f"{way}.session"
            sources[way] = str(path)
            if form == "tdata":
                bundle.unpack(TData(passcode if way == "tdata-passcode" else None).write_all([first, second]), path)
            else:
                path.write_bytes(formats.write(first, form))
        job = {"passcode": make.PASSCODE, "sources": sources}
        found = _asked("tgconvertor-0.3.0", "tgconvertor", folder, job)
        for way, (dc_id, key, user_id) in found.items():
            known = user_id if way.startswith(("pyrogram", "tdata")) else make.SELF
            assert (dc_id, key, known) == (2, first.auth_key.reveal().hex(), make.SELF), way
            print(f"✓ {way}: TGConvertor reads the same key, data center and user")
        job["sources"] = {way: path for way, path in sources.items() if way.startswith("tdata")}
        wanted = [[each.dc.id, each.auth_key.reveal().hex(), each.user.id] for each in (first, second)]
        for environment in ("opentele2-2.0.0", "tgconvertor-0.3.0"):  # the older release lies in the other's
            for way, accounts in _asked(environment, "opentele2", folder, job).items():
                assert accounts == wanted, (environment, way)
                print(f"✓ {way}: the opentele2 of {environment} reads both accounts")
    return 0


WAYS = {
    "telethon-string": "telethon-string",
    "telethon-file": "telethon-sqlite",
    "pyrogram-string": "pyrogram-string",
    "pyrogram-file": "pyrogram-sqlite",
    "gramjs-string": "gramjs-string",
    "gramjs-file": "gramjs-string",
}


def _asked(environment: str, who: str, folder: Path, job: dict[str, object]) -> dict[str, list]:
    (folder / "job.json").write_text(json.dumps(job))
    python = ENVIRONMENTS / environment / "bin" / "python"
    script = [str(python), str(Path(make.__file__).with_name("converters.py")), who, str(folder / "job.json")]
    said = subprocess.run(script, check=True, capture_output=True, text=True, timeout=120)
    return json.loads(said.stdout.splitlines()[-1])


if __name__ == "__main__":
    raise SystemExit(main())
