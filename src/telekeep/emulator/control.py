"""The emulator's control socket: the verbs that ``telekeep emulator …`` and tests in other processes use.

=========  ====================================================================  ==========================
verb       fields                                                                result
=========  ====================================================================  ==========================
account    phone, password, messages, first_name, username                       id, phone
channel    title, username, messages, members (phones), group, slow_mode         id, username, invite
fault      kind, phone, method, seconds, times, code, message                    null
send       to (a phone, a channel's @name), text, count, file (a path), dc        null
advance    seconds                                                               now: wall seconds
lag        seconds: by which Devices may lag behind                              null
stats                                                                            the counters
clear                                                                            null
code       phone                                                                 the code last sent
stop                                                                             null; then it stops
=========  ====================================================================  ==========================
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep.control.server import ControlServer

if TYPE_CHECKING:
    from telekeep.emulator.cluster import Emulator


def control_server(telegram: Emulator, path: Path, *, stop: Callable[[], None]) -> ControlServer:
    """The server of ``telegram``'s verbs at the Unix socket ``path``. ``stop``: called by the verb of that name."""

    def account(**fields: Any) -> dict[str, Any]:
        made = telegram.add_account(**fields)
        return {"id": made.id, "phone": made.phone}

    def channel(title: str, members: tuple[str, ...] = (), group: bool = False, **fields: Any) -> dict[str, Any]:
        accounts = [telegram.world.account_of(phone) for phone in members]
        for phone, found in zip(members, accounts, strict=True):
            if found is None:
                raise ValueError(f"no account has the phone number {phone}")
        there = [each for each in accounts if each is not None]
        made = telegram.add_channel(title, members=there, broadcast=not group, **fields)
        return {"id": made.id, "username": made.username, "invite": f"https://t.me/+{made.invite}"}

    def advance(seconds: float) -> dict[str, float]:
        telegram.advance(seconds)
        return {"now": telegram.clock.wall()}

    def lag(seconds: float) -> None:
        telegram.devices_lag = float(seconds)

    def send(to: str, text: str = "", count: int = 1, file: str | None = None, dc: int | None = None) -> None:
        if file is None:
            return telegram.send(to, text, count)
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from None
        for _ in range(count):
            telegram.send_file(to, data, Path(file).name, dc=dc, text=text)
        return None

    verbs: dict[str, Callable[..., Any]] = {
        "account": account,
        "channel": channel,
        "fault": telegram.fault,
        "send": send,
        "advance": advance,
        "lag": lag,
        "stats": telegram.stats.as_dict,
        "clear": telegram.clear_faults,
        "code": telegram.world.login_code,
        "stop": stop,
    }
    return ControlServer(path, verbs, who="the emulator", foreseen=(ValueError, TypeError))
