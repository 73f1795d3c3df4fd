"""The daemon as a service of the user's: a systemd user unit, or a launchd agent.

Only texts and places; who writes them is the command. systemd.service(5), systemd.exec(5), launchd.plist(5).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from telekeep.errors import ConfigError
from telekeep.paths import Home

UNIT = "telekeep.service"
AGENT = "telekeep.daemon"
WATCHDOG = 60  # seconds without a sign of life after which systemd starts the daemon anew
STOP = 20  # seconds to end in: the grace of running calls, and some
_PASSED_ON = ("TELEKEEP_KEY_FILE", "TELEKEEP_STATE", "TELEKEEP_LEASES", "TELEKEEP_MACHINE", "TELEKEEP_PASSPHRASE_FILE")


class Service(NamedTuple):
    """What a service manager reads: the file ``path`` with ``text``; ``commands`` make it do so."""

    path: Path
    text: str
    commands: tuple[str, ...]


def service(
    home: Home, network: str, *, platform: str = sys.platform, environ: Mapping[str, str] = os.environ
) -> Service:
    """The service of the daemon of ``home`` on ``network`` (a name, or a file in full).

    Raises ConfigError on a system that has neither systemd nor launchd.
    """
    program = [sys.executable, "-m", "telekeep", "--home", str(home.root), "--network", network]
    program += ["daemon", "start", "--foreground"]
    variables = {name: environ[name] for name in _PASSED_ON if environ.get(name)}
    if platform == "linux":
        configured = Path(environ.get("XDG_CONFIG_HOME", ""))
        folder = configured if configured.is_absolute() else Path.home() / ".config"
        return Service(
            folder / "systemd" / "user" / UNIT,
            systemd_unit(program, variables),
            ("systemctl --user daemon-reload", f"systemctl --user enable --now {UNIT}"),
        )
    if platform == "darwin":
        path = Path.home() / "Library" / "LaunchAgents" / f"{AGENT}.plist"
        text = launchd_agent(program, variables, log=home.log / "service.log")
        return Service(path, text, (f"launchctl bootstrap gui/{os.getuid()} {path}",))
    raise ConfigError(
        f"No service manager is known for {platform!r}.", remedy="Let yours run: telekeep daemon start --foreground"
    )


def systemd_unit(program: list[str], variables: Mapping[str, str]) -> str:
    """A user unit. The hardening is what a user's own manager can do without privileges."""
    environment = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(variables.items()))
    return f"""\
[Unit]
Description=telekeep: owner of Telegram sessions
Documentation=man:sd_notify(3)
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={" ".join(_quoted(word, command=True) for word in program)}
ExecReload=/bin/kill -HUP $MAINPID
{environment}\
WatchdogSec={WATCHDOG}
Restart=on-failure
RestartSec=5
# Held by another, or misconfigured: starting again mends neither.
RestartPreventExitStatus=2 3 6
KillSignal=SIGTERM
TimeoutStopSec={STOP}
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
LimitCORE=0

[Install]
WantedBy=default.target
"""


def launchd_agent(program: list[str], variables: Mapping[str, str], *, log: Path) -> str:
    """A launchd agent, which starts at login and again after a failure."""
    import plistlib

    return plistlib.dumps(
        {
            "Label": AGENT,
            "ProgramArguments": program,
            "EnvironmentVariables": dict(variables),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ExitTimeOut": STOP,
            "ProcessType": "Background",
            "StandardErrorPath": str(log),
            "StandardOutPath": str(log),
            "Umask": 0o077,
        }
    ).decode()


def _quoted(word: str, *, command: bool = False) -> str:
    """``word`` as systemd reads it back: in quotes, with specifiers and, in a command, variables left alone."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if command:
        escaped = escaped.replace("$", "$$")
    if any(not letter.isprintable() for letter in word):
        raise ConfigError(f"A service cannot be given {word!r}: it has control characters.")
    return f'"{escaped}"' if any(letter in escaped for letter in " '\"\\;") else escaped
