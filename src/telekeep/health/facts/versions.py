"""Which releases are installed."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version

from telekeep.health.checks.versions import Facts


def gather() -> Facts:
    """The layer is told only where Telethon is loaded already: loading it takes longer than all the rest."""
    schema = sys.modules.get("telekeep.mtproto.schema")
    return Facts(
        telekeep=installed("telekeep") or "unknown",
        telethon=installed("telethon") or "unknown",
        layer=getattr(schema, "LAYER", None),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        cryptg=installed("cryptg"),
    )


def installed(distribution: str) -> str | None:
    """The version of a distribution; None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
