"""``telekeep run NAME -- CMD``: lend, start, wait, put everything back."""

from __future__ import annotations

import os
import struct
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from telekeep.borrow.application import API_HASH, API_ID
from telekeep.borrow.asking import OPENING, asked, home_of
from telekeep.borrow.hook import HOOK
from telekeep.errors import ConfigError, OwnerAbsent
from telekeep.paths import Home


def run(
    name: str,
    path: str,
    argv: Sequence[str],
    *,
    home: Path | str | None = None,
    network: str | None = None,
    grant: str = "full",
    label: str = "",
    seconds: float | None = None,
    note: Callable[[str], object] = lambda line: None,
    warn: Callable[[str], object] = lambda line: None,
) -> int:
    """Run the program at ``path`` with the arguments ``argv`` on a loan of ``name``; its exit code.

    ``grant``, ``label`` and ``seconds`` as in `telekeep lend`; the loan ends with the program in any case. ``note`` and
    ``warn`` are called with lines for the user. Raises what the owner of the session says, ConfigError for what could
    not work, OSError if the program cannot be started.
    """
    if os.pathsep in HOOK:
        raise ConfigError(f"telekeep lies in {HOOK}, and a name with {os.pathsep!r} cannot be put on PYTHONPATH.")
    where = home_of(home)
    answer = _asked(where, network, {"name": name, "label": label, "grant": grant, "seconds": seconds})

    from telekeep.borrow.run.child import Child  # while the daemon makes the loan
    from telekeep.borrow.run.environment import Lent, arguments, of_child
    from telekeep.borrow.run.folder import Folder, claims, sweep
    from telekeep.borrow.run.keeping import Keeping

    given = answer()
    keeping = Keeping(where, network, name, given["id"])
    try:
        for line in sweep(where):
            warn(line)
        folder = Folder(where)
        try:
            plan = _plan(given, claims(where))
            folder.write(plan)
            lent = Lent(plan["string"], frozenset(plan["own_keys"]), frozenset(plan["other_keys"]))
            words = arguments(argv, lent)
            environ, withheld = of_child(os.environ, lent, folder=str(folder.path), hook=HOOK)
            for each in withheld:
                note(f"{each} holds the key of a kept session; the program does not get it.")
            child = Child(path, words, environ, inherit=folder.lock)
            keeping.start()
            return child.wait()
        finally:
            folder.remove()
    finally:
        keeping.end()
        for line in sweep(where):
            warn(line)


def _asked(where: Home, network: str | None, wanted: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """What waits for the loan. A daemon that runs is asked at once; only if that fails is it looked for, or started."""
    waiting = None
    if network is None:
        with suppress(OwnerAbsent):
            waiting = asked(where, "run", timeout=OPENING, **wanted)

    def answer() -> dict[str, Any]:
        given: dict[str, Any]
        if waiting is not None:
            with suppress(OwnerAbsent, ConfigError):  # what it does not understand, it may be of another release
                given = waiting()
                return given
        from telekeep.borrow.summon import ask_summoned

        given = ask_summoned(where.root, network, "run", timeout=OPENING, **wanted)
        return given

    return answer


def _plan(given: dict[str, Any], files: Path) -> dict[str, Any]:
    """What the hook reads: see `telekeep_hook.plan`."""
    return {
        "v": 1,
        "name": given["name"],
        "loan": given["id"],
        "string": _string(given["addresses"][0], bytes.fromhex(given["key"])),
        "key": given["key"],
        "dcs": [{"id": dc, "host": host, "port": port} for dc, host, port in given["addresses"]],
        "rsa": given["server_key"],
        "test": given["test"],
        "user": {"id": given["user_id"], "bot": given["is_bot"]},
        "own_keys": given["own_keys"],
        "other_keys": given["other_keys"],
        "api_id": API_ID,
        "api_hash": API_HASH,
        "files": str(files),
    }


def _string(address: Sequence[Any], key: bytes) -> str:
    """Telethon's session string (`telekeep.session.formats.telethon_string`, without what it takes to load that)."""
    dc, host, port = address
    packed = struct.pack(">B4BH256s", dc, *map(int, host.split(".")), port, key)
    return "1" + b2a_base64(packed, newline=False).decode("ascii").replace("+", "-").replace("/", "_")
