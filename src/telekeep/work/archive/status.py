"""How a run of the archive ended, in one of the words that workers use (`telekeep.work.celery.result`)."""

from __future__ import annotations

from telekeep.errors import NoChat, TelekeepError
from telekeep.work.celery.result import NO_CHANNELS, SUCCESS, verdict

_ANY = 3600.0  # a broker's visibility timeout, which does not matter here


def status_of(error: TelekeepError | None) -> str:
    """The status of a run that ended with ``error``."""
    if error is None:
        return SUCCESS
    return NO_CHANNELS if isinstance(error, NoChat) else verdict(error, failed=0, visibility=_ANY).status
