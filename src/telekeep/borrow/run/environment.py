"""What a program below `telekeep run` finds in its environment and in its arguments: the loan, and no real key."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from telekeep.borrow.application import API_HASH, API_ID
from telekeep.errors import ConfigError

_LONG = 342  # characters; shorter text holds no auth key
_CONFIG = {"API_ID": API_ID, "API_HASH": API_HASH}  # what an object TELEGRAM_CONFIG says of the application


class Lent(NamedTuple):
    """What is put in place. ``own`` and ``others``: ids of the auth keys that must not be passed on."""

    string: str
    own: frozenset[str]
    others: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        return self.own | self.others


def of_child(environ: Mapping[str, str], lent: Lent, *, folder: str, hook: str) -> tuple[dict[str, str], list[str]]:
    """The environment of the program, and the names of the variables that were left out because they hold a key.

    ``folder``: the private folder of the run; ``hook``: the folder that goes in front of PYTHONPATH.
    """
    child, withheld = {}, []
    for name, value in environ.items():
        clean = _clean(value, lent)
        if clean is None:
            withheld.append(name)
        else:
            child[name] = clean
    if "TELEGRAM_CONFIG" in child:
        child["TELEGRAM_CONFIG"] = _configuration(child["TELEGRAM_CONFIG"])
    modules = [each for each in environ.get("PYTHONPATH", "").split(os.pathsep) if each != hook]
    return {
        **child,
        "TELEGRAM_SESSION_STRING": lent.string,
        "TELEGRAM_SESSION": lent.string,
        "TELEGRAM_API_ID": str(API_ID),
        "TELEGRAM_API_HASH": API_HASH,
        "TELEKEEP_RUN": folder,
        "PYTHONPATH": os.pathsep.join([hook, *modules]) if any(modules) else hook,
    }, withheld


def arguments(given: Sequence[str], lent: Lent) -> list[str]:
    """The arguments of the program, the loan in place of the session's own string.

    Raises ConfigError if one holds a key in another form, or that of another kept session.
    """
    clean = [_clean(each, lent) for each in given]
    if None in clean:
        raise ConfigError(
            "An argument of the program holds the key of a kept session; arguments can be read by every user.",
            remedy="Leave it away: the program gets a loan.",
        )
    return [each for each in clean if each is not None]


def _clean(value: str, lent: Lent) -> str | None:
    """``value`` with the loan in place of the session's own strings; None if it holds another key of the vault."""
    if len(value) < _LONG:
        return value
    from telekeep.borrow.run.keyscan import known_keys  # most environments have no such text

    for seen in known_keys(value, lent.ids):
        if not seen.is_telethon or seen.key_id not in lent.own:
            return None
        value = value.replace(seen.text, lent.string)
    return value


def _configuration(value: str) -> str:
    """An object TELEGRAM_CONFIG with stand-ins for the application; anything else, a path for instance, as it is."""
    try:
        found: Any = json.loads(value)
    except ValueError:
        return value
    if not isinstance(found, dict):
        return value
    inner = found.get("TELEGRAM_CONFIG")
    (inner if isinstance(inner, dict) else found).update(_CONFIG)
    return json.dumps(found)
