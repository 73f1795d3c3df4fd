"""``telekeep convert`` as people run it, a command from its start to its end, against ``tgconvertor convert``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.formats import OURS, PEERS, Row, is_there, sources_of

WAYS = [
    ("telethon-file", "gramjs-file"),
    ("gramjs-file", "telethon-file"),
    ("pyrogram-file", "telethon-file"),
    ("tdata-folder", "telethon-file"),
]
TURNS = 7


def measure() -> list[Row]:
    """Seconds of theirs over ours, for the same conversion, in turns."""
    python = PEERS / "tgconvertor-0.3.0" / "bin" / "python"
    if not is_there(python):
        return []
    with tempfile.TemporaryDirectory(prefix="telekeep-bench-") as name:
        folder = Path(name)
        sources = sources_of(folder)
        return [_row(python, folder, sources, *way) for way in WAYS]


def _row(python: Path, folder: Path, sources: dict[str, str], source: str, target: str) -> Row:
    took: list[tuple[float, float]] = []
    for number in range(TURNS + 1):
        ours, theirs = (folder / f"{who}-{source}-{target}-{number}" for who in ("ours", "theirs"))
        given, there = sources[source], target.split("-")[0]
        command = [str(Path(sys.executable).with_name("telekeep")), "convert", given, str(ours), "--to", OURS[target]]
        other = [str(python.with_name("tgconvertor")), "convert", given, "-o", str(theirs)]
        other += ["--from", source.split("-")[0], "--to", there]
        took.append((_seconds(command, ours), _seconds(other, theirs)))
    ratio = median(theirs / ours for ours, theirs in took[1:])  # the first one compiles
    milliseconds = median(ours for ours, _ in took[1:]) * 1000
    return f"the command, {source} to {target}: tgconvertor / {milliseconds:.0f} ms", ratio, 10.0, "at least"


def _seconds(command: list[str], out: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    took = time.perf_counter() - start
    assert out.exists()
    return took
