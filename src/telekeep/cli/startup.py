"""What must be there before a daemon is started by hand: a session, or a session string that could be kept."""

from __future__ import annotations

from telekeep.cli.command import Invocation
from telekeep.cli.shelf import entries, present
from telekeep.errors import ConfigError, UnknownFormat

NEEDED = "TELEGRAM_SESSION_STRING is required when PORT is set"
GENERATE = (
    "Make one with `telekeep generate` (python3 session_string_generator.py is the same), or keep a session: "
    "`telekeep auth main`."
)


def check(invocation: Invocation) -> None:
    """Raise ConfigError if PORT is set and there is no session, UnknownFormat for a string that is none.

    PORT opens nothing here: guides for daemons set it, and those daemons refuse to start without a session. Once
    something is kept, neither is looked at: the daemon needs no string.
    """
    from telekeep import settings

    if present(entries(invocation)[0]):
        return
    found = settings.read(only=("port", "session_string"))
    if found.session_string is None:
        if found.port is not None:
            raise ConfigError(NEEDED, remedy=GENERATE)
        return
    from telekeep.session import formats

    where = found.sources["session_string"]
    try:
        _, rules = formats.check(found.session_string.reveal())
    except UnknownFormat as error:
        raise _unable(f"{where} is of no format. {error.message}") from None
    broken = next((rule for rule in rules if not rule.ok), None)
    if broken is not None:
        raise _unable(f"{where} breaks the rule “{broken.text}”.")


def _unable(why: str) -> UnknownFormat:
    return UnknownFormat(
        f"Error starting Telegram client: Unable to decrypt session: {why}",
        remedy=f"{GENERATE} `telekeep check --env` says more.",
    )
