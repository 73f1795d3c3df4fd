"""What somebody with a hex editor, or with SQLite, can do to a vault."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def edit(path: Path, statement: str, *values: Any) -> int:
    """Run one statement on a database behind the vault's back; returns how many rows it changed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, values).rowcount


def rows(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, values).fetchall()


def flip(path: Path, offset: int, mask: int = 0x01) -> None:
    """Change one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes((byte ^ mask,)))


def copy(source: Path, target: Path) -> None:
    """Copy a folder with all modes, in place of what was there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
