"""A keeper on production for files that hold sessions of production: nothing here connects to anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telekeep.keeper.keeper import Keeper


@pytest.fixture
def offline(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    with Keeper.open() as keeper:
        yield keeper


@pytest.fixture
def put(own_world: Path) -> Callable[..., Path]:
    """Put a file into a folder of its own."""

    def make(name: str, content: bytes | str, mode: int = 0o600) -> Path:
        path = own_world / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    return make
