"""Which store a name means: FILE.db, FILE.jsonl, or postgresql://…"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from telekeep.errors import ConfigError
from telekeep.work.archive.stores.store import Store

_DATABASES = ("postgresql://", "postgres://")


def check(place: str) -> None:
    """Raise ConfigError for a place that holds a password, or that nothing can be kept in."""
    if place.startswith(_DATABASES):
        try:
            parts = urlsplit(place)
            secret = bool(parts.password) or "password" in parse_qs(parts.query)
        except ValueError:
            raise ConfigError("This is no address of a database.", remedy=_DATABASE_FORM) from None
        if secret:
            raise ConfigError(
                "A database's password is not taken as an argument: every process can read it there.",
                remedy="Leave it out, and set PGPASSWORD or write it into ~/.pgpass.",
            )
    elif "://" in place:
        raise ConfigError("An archive is a file or a PostgreSQL database.", remedy=_DATABASE_FORM)
    elif Path(place).is_dir():
        raise ConfigError(f"{place} is a folder.", remedy="Name a file in it: --to archive.db")
    elif Path(place).exists() and not Path(place).is_file():  # a pipe would be waited for, without end
        raise ConfigError(f"{place} is no file.", remedy="Name a file: --to archive.db")


_DATABASE_FORM = "Write --to FILE.db, --to FILE.jsonl or --to postgresql://USER@HOST/DATABASE"


def opened(place: str, *, reading: bool = False) -> Store:
    """The store at ``place``. Raises as `check` and as the store does when it is opened."""
    check(place)
    if place.startswith(_DATABASES):
        from telekeep.work.archive.stores.postgresql import PostgresqlStore

        return PostgresqlStore(place, reading=reading)
    path = Path(place).expanduser()
    if path.suffix in (".jsonl", ".ndjson"):
        from telekeep.work.archive.stores.jsonl import JsonlStore

        return JsonlStore(path, reading=reading)
    from telekeep.work.archive.stores.sqlite import SqliteStore

    return SqliteStore(path, reading=reading)
