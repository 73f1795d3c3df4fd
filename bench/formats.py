"""Converting sessions, against the converters that people use: TGConvertor and opentele2, each in an environment of its
own.

They are installed by ``make peers``; where that was not run, their figures are left out and said to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from telethon.sessions import StringSession

from telekeep.keeper import batch
from telekeep.keeper.keeper import Keeper
from telekeep.paths import write_atomically
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User

PEERS = Path(__file__).parent.parent / ".venv" / "releases"
SAMPLE = Session(
    DataCenter(2, "149.154.167.51", 443),
    AuthKey(bytes(range(256))),
    User(777001, False, "ada_l"),
    UpdateState(1234, 5, 1_704_153_600, 67, {1_900_000_003: 890}),
    (Peer(PeerKind.USER, 777001, -123456789, "ada_l", "15550100", "Ada"), Peer(PeerKind.CHANNEL, 9, 42)),
)
OURS = {
    "telethon-string": "telethon-string",
    "telethon-file": "telethon-sqlite",
    "pyrogram-string": "pyrogram-string",
    "pyrogram-file": "pyrogram-sqlite",
    "gramjs-string": "gramjs-string",
    "gramjs-file": "gramjs-string",
    "tdata-folder": "tdata",
    "tdata-passcode": "tdata",
}
PASSCODE = "1234"
FILES = 1000
Row = tuple[str, float, float] | tuple[str, float, float, str]


def measure() -> list[Row]:
    """Conversions, in one process each: seconds of the other over ours; and what one look at a string costs."""
    with tempfile.TemporaryDirectory(prefix="telekeep-bench-") as folder:
        rows = _recognising()
        rows += _against_tgconvertor(Path(folder))
        rows += _against_opentele2(Path(folder))
    return rows


def _recognising() -> list[Row]:
    text = formats.write(SAMPLE, "telethon-string")
    ours, theirs = _best(lambda: formats.recognise(text)), _best(lambda: StringSession(text.decode()))
    return [("recognise a string / parse it with Telethon", ours / theirs, 3.0)]


def _best(once: Callable[[], object]) -> float:
    """Seconds of the quickest of many turns."""
    found = []
    for _ in range(50):
        start = time.perf_counter()
        for _ in range(100):
            once()
        found.append(time.perf_counter() - start)
    return min(found)


def _against_tgconvertor(folder: Path) -> list[Row]:
    python = PEERS / "tgconvertor-0.3.0" / "bin" / "python"
    if not is_there(python):
        return []
    sources = sources_of(folder)
    many = folder / "many"
    many.mkdir()
    for number in range(FILES):
        session = replace(SAMPLE, auth_key=AuthKey(os.urandom(256)))
        (many / f"{number:04}.session").write_bytes(formats.write(session, "telethon-sqlite"))
    pairs = [(source, target, *_often(source, target)) for source in OURS for target in OURS if source != target]
    theirs = _run(python, "tgconvertor", folder, pairs=pairs, sources=sources, load=str(many), passcode=PASSCODE)
    ours = _ours(folder, pairs, sources)
    rows: list[Row] = []
    for what in KINDS:
        chosen = [f"{a} {b}" for a, b, *_ in pairs if _kind(a, b) == what]
        ratio = sum(theirs[each] for each in chosen) / sum(ours[each] for each in chosen)
        rows.append((f"conversions a second, {what} / TGConvertor ({len(chosen)} ways)", ratio, 10.0, "at least"))
    rows.append(
        (
            f"import of {FILES} files into the vault / TGConvertor converting them into files",
            theirs["load"] / _import(folder, many),
            5.0,
            "at least",
        )
    )
    return rows


KINDS = ("strings", "with files", "with tdata", "with tdata behind a passcode")


def _kind(source: str, target: str) -> str:
    ends = {each.split("-")[1] for each in (source, target)}
    if "passcode" in ends:
        return KINDS[3]  # stretching it 100,000 times is nearly all of it, on both sides
    return KINDS[2] if "folder" in ends else KINDS[1] if "file" in ends else KINDS[0]


def _often(source: str, target: str) -> tuple[int, int]:
    """How many conversions make a turn, and how many turns."""
    return {"strings": (500, 9), KINDS[3]: (1, 2)}.get(_kind(source, target), (5, 4))


def sources_of(folder: Path) -> dict[str, str]:
    """A file or folder of each kind."""
    made = {}
    for name, form in OURS.items():
        path = folder / f"{name}.session"
        _put(path, name, formats.write(SAMPLE, form, passcode=_passcode(name)))
        made[name] = str(path)
    return made


def _passcode(name: str) -> Secret | None:
    return Secret(PASSCODE.encode()) if name.endswith("passcode") else None


def _put(path: Path, name: str, data: bytes) -> None:
    bundle.unpack(data, path) if name.startswith("tdata") else write_atomically(path, data)


def _ours(folder: Path, pairs: list[tuple[str, str, int, int]], sources: dict[str, str]) -> dict[str, float]:
    out = folder / "ours"
    out.mkdir(exist_ok=True)
    took = {}
    for source, target, rounds, turns in pairs:
        path, form = Path(sources[source]), OURS[target]
        given = path.read_bytes() if source.endswith("string") else None
        passcode, other = _passcode(source), _passcode(target)
        found = []
        for turn in range(turns + 1):  # what is loaded for the first time counts on neither side
            start = time.perf_counter()
            for number in range(rounds):
                data = given or formats.read_file(path)
                session = formats.read_all(data, passcode=passcode)[1][0] if passcode else formats.read(data)
                written = formats.write(
                    session if session.user else replace(session, user=SAMPLE.user), form, passcode=other
                )
                if not target.endswith("string"):
                    _put(out / f"{source}-{target}-{turn}-{number}", target, written)
            found.append((time.perf_counter() - start) / rounds)
        took[f"{source} {target}"] = min(found[1:])
    return took


def _import(folder: Path, many: Path) -> float:
    for name in ("LEASES", "STATE"):
        os.environ[f"TELEKEEP_{name}"] = str(folder / name)
    os.environ["TELEKEEP_KEY_FILE"] = str(folder / "key" / "key")
    (folder / "LEASES").mkdir(mode=0o700)
    with Keeper.open(home=folder / "home") as keeper:
        start = time.perf_counter()
        outcomes = batch.import_all(keeper, batch.candidates(many))
        took = time.perf_counter() - start
    assert {each.state for each in outcomes} == {batch.KEPT}
    return took


def _against_opentele2(folder: Path) -> list[Row]:
    python = PEERS / "opentele2-2.0.0" / "bin" / "python"
    if not is_there(python):
        return []
    tdata = folder / "tdata"
    bundle.unpack(formats.write(SAMPLE, "tdata"), tdata)
    job = {"pairs": [], "sources": {"tdata-folder": str(tdata)}, "rounds": 100, "turns": 7}
    theirs = _run(python, "opentele2", folder, **job)
    found = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(100):
            formats.write(formats.read(formats.read_file(tdata)), "telethon-string")
        found.append((time.perf_counter() - start) / 100)
    ratio = theirs["tdata-folder telethon-string"] / min(found)
    return [("conversions a second, tdata to a Telethon string / opentele2", ratio, 10.0, "at least")]


def is_there(python: Path) -> bool:
    if not python.exists():
        print(f"{python.parent.parent.name} is not installed (make peers): its figures are left out.", file=sys.stderr)
    return python.exists()


def _run(python: Path, peer: str, folder: Path, **job: object) -> dict[str, float]:
    out = folder / peer
    out.mkdir()
    (folder / "job.json").write_text(json.dumps({"out": str(out), **job}))
    script = [str(python), str(Path(__file__).with_name("_converting.py")), peer, str(folder / "job.json")]
    said = subprocess.run(script, check=True, capture_output=True, text=True, timeout=600)
    took: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return took
