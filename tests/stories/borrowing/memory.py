"""What another process has in its memory, its environment, its arguments and its open files, as the kernel tells."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

_CHUNK = 16 << 20
_REGION = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r\S* \S+ \S+ \S+ *(.*)$")


def spellings(key: bytes) -> set[bytes]:
    """Every form in which a part of an auth key could lie about: raw, its number's bytes turned round, hex, base64."""
    middle = key[64:112]
    forms = {middle, middle[::-1], middle.hex().encode(), middle.hex().upper().encode()}
    for offset in range(3):
        part = key[63 + offset : 63 + offset + 33]
        forms |= {b64encode(part)[:40], urlsafe_b64encode(part)[:40]}
    return forms


def count(pid: int, wanted: set[bytes]) -> int:
    """How often any of these occurs in the readable memory of a process."""
    found = 0
    overlap = max(map(len, wanted)) - 1
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _regions(pid):
            tail = b""
            while start < end:
                try:
                    memory.seek(start)
                    read = memory.read(min(_CHUNK, end - start))
                except OSError:  # a region that is mapped and cannot be read
                    break
                if not read:
                    break
                chunk = tail + read
                found += sum(chunk.count(each) for each in wanted)
                start += len(read)
                tail = chunk[-overlap:]
                found -= sum(tail.count(each) for each in wanted)  # they are counted with what follows
            found += sum(tail.count(each) for each in wanted)
    return found


def _regions(pid: int) -> list[tuple[int, int]]:
    regions = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        match = _REGION.match(line)
        if match and not match[3].startswith(("[v",)):  # vvar, vdso, vsyscall: the kernel's own
            regions.append((int(match[1], 16), int(match[2], 16)))
    return regions


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in the files below a folder in which others are at work: what they take away meanwhile is not there."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[str(path)] = path.read_bytes()
    return found


def surroundings(pid: int) -> dict[str, bytes]:
    """Environment, arguments, and what lies in the regular files it has open."""
    process = Path(f"/proc/{pid}")
    found = {"its environment": (process / "environ").read_bytes(), "its arguments": (process / "cmdline").read_bytes()}
    for each in (process / "fd").iterdir():
        try:
            target = each.resolve(strict=True)
            if target.is_file():
                found[str(target)] = target.read_bytes()
        except OSError:  # closed meanwhile
            continue
    return found
