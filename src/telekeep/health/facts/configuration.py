"""What the settings say."""

from __future__ import annotations

from telekeep import settings
from telekeep.errors import ConfigError
from telekeep.health.checks.configuration import Facts


def gather(without: tuple[str, ...] = ()) -> Facts:
    """``without``: sessions kept without an application of their own."""
    try:
        found = settings.read()
    except ConfigError as error:
        return Facts(error=error)
    missing = None
    try:
        settings.require_application(found)
    except ConfigError as error:
        missing = error
    return Facts(
        missing=missing,
        source=found.sources.get("api_id"),
        without=without,
        string=found.sources.get("session_string"),
    )
