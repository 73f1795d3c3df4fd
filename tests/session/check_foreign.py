"""``make foreign``: GramJS and mtcute read what telekeep wrote. Run: python tests/session/check_foreign.py"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from session.fixtures import make
from session.samples import fixture_session
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.model import User


def main() -> int:
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


if __name__ == "__main__":
    raise SystemExit(main())
