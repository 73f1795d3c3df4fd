"""Makes the tables of src/telekeep/gateway/layers/tables from pinned releases: `make tables`.

One table is whole, that of the newest layer. Every other one has the lines that differ from its next newer neighbour,
and with a minus the names that are not there.

    python tools/tables.py FOLDER    FOLDER/telethon-VERSION holds each release, installed by pip with --target
    python tools/tables.py           what is to be installed there, a release a line
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from schema_of_telethon import Line, Schema, checksum, schema_of

TABLES: Final = Path(__file__).parent.parent / "src" / "telekeep" / "gateway" / "layers" / "tables"
# The last patch of each minor release. All patches of one speak the same layer, with the same schema.
PINNED: Final = [
    *("1.26.1", "1.27.0", "1.28.5", "1.29.3", "1.30.3", "1.31.1", "1.32.1", "1.33.1", "1.34.0", "1.35.0"),
    *("1.36.0", "1.37.0", "1.38.1", "1.39.0", "1.40.0", "1.41.2", "1.42.0", "1.43.2", "1.44.0", "1.45.0"),
]
# Other libraries of which a test has shown that they speak a layer as Telethon does.
OTHERS: Final = {229: ["kurigram 2.2.26"]}
_FUNCTIONS: Final = "---functions---"


def main(arguments: list[str]) -> int:
    if not arguments:
        sys.stdout.writelines(f"telethon-{version}\n" for version in PINNED)
        return 0
    folder = Path(arguments[0])
    found = [(version, schema_of(folder / f"telethon-{version}" / "telethon")) for version in PINNED]
    write(found)
    return 0


def write(found: list[tuple[str, Schema]]) -> None:
    """Write every table. Raises ValueError if an id is not what its line says: then the line was read wrongly."""
    TABLES.mkdir(exist_ok=True)
    for old in TABLES.iterdir():
        old.unlink()
    newer: Schema | None = None
    releases = []
    for version, schema in sorted(found, key=lambda each: -each[1].layer):
        for line in [*schema.types, *schema.functions]:
            if f"#{checksum(line.text):x} " not in line.text:
                raise ValueError(f"layer {schema.layer}: {line.text}")
        title = f"// Layer {schema.layer}, of Telethon {version}"
        if newer is None:
            lines = [f"{title}: all of it.", *_whole(schema.types), _FUNCTIONS, *_whole(schema.functions)]
        else:
            types, functions = _less(schema.types, newer.types), _less(schema.functions, newer.functions)
            lines = [f"{title}: what differs from layer {newer.layer}.", *types, _FUNCTIONS, *functions]
        (TABLES / f"{schema.layer}.tl").write_text("\n".join(lines) + "\n")
        names = [f"Telethon {version.rpartition('.')[0]}", *OTHERS.get(schema.layer, [])]
        releases.append(f"{schema.layer} {', '.join(names)}")
        newer = schema
    (TABLES / "releases.txt").write_text("\n".join(releases) + "\n")


def _whole(lines: list[Line]) -> list[str]:
    return [line.text for line in sorted(lines)]


def _less(lines: list[Line], newer: list[Line]) -> list[str]:
    known, there = dict(newer), dict(lines)
    changed = [text for name, text in sorted(lines) if known.get(name) != text]
    return changed + [f"-{name}" for name in sorted(known) if name not in there]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
