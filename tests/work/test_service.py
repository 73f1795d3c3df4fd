"""The daemon as a service: what is written is what the manager reads."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.errors import ConfigError
from telekeep.paths import Home
from telekeep.work.service import service, systemd_unit

ODD = '/home/ada/50% "off" $HOME'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "my home", tmp_path / "key", tmp_path / "state")


def test_the_unit_says_how_the_daemon_is_run_watched_reloaded_and_stopped(home: Home) -> None:
    made = service(home, "production", platform="linux", environ={"TELEKEEP_KEY_FILE": "/k", "XDG_CONFIG_HOME": "/c"})
    assert made.path == Path("/c/systemd/user/telekeep.service")
    lines = made.text.splitlines()
    start = next(line for line in lines if line.startswith("ExecStart="))
    assert start.startswith(f"ExecStart={sys.executable} -m telekeep") and start.endswith("daemon start --foreground")
    assert f'"{home.root}"' in start
    for line in (
        "Type=notify",
        "WatchdogSec=60",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "KillSignal=SIGTERM",
        "TimeoutStopSec=20",
        "NoNewPrivileges=yes",
        "UMask=0077",
        "Environment=TELEKEEP_KEY_FILE=/k",
        "WantedBy=default.target",
    ):
        assert line in lines, line
    assert made.commands == ("systemctl --user daemon-reload", "systemctl --user enable --now telekeep.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here to judge")
def test_systemd_finds_nothing_wrong_with_it(home: Home, tmp_path: Path) -> None:
    made = service(home, "production", platform="linux", environ={"TELEKEEP_KEY_FILE": ODD})
    (tmp_path / "telekeep.service").write_text(made.text)
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "telekeep.service")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    about_ours = [line for line in said.stderr.splitlines() if "telekeep" in line]
    assert about_ours == []


def test_words_reach_the_daemon_as_they_are() -> None:
    text = systemd_unit(["python", ODD, "back\\slash"], {"NAME": ODD})
    assert 'ExecStart=python "/home/ada/50%% \\"off\\" $$HOME" "back\\\\slash"' in text.splitlines()
    assert 'Environment="NAME=/home/ada/50%% \\"off\\" $HOME"' in text.splitlines()
    with pytest.raises(ConfigError):
        systemd_unit(["python", "two\nlines"], {})


def test_the_launchd_agent_says_the_same(home: Home) -> None:
    made = service(home, "/n/telegram.toml", platform="darwin", environ={"TELEKEEP_STATE": "/s"})
    assert made.path == Path.home() / "Library" / "LaunchAgents" / "telekeep.daemon.plist"
    agent = plistlib.loads(made.text.encode())
    assert agent["Label"] == "telekeep.daemon"
    assert agent["ProgramArguments"][0] == sys.executable
    assert agent["ProgramArguments"][-3:] == ["daemon", "start", "--foreground"]
    assert agent["ProgramArguments"][3:7] == ["--home", str(home.root), "--network", "/n/telegram.toml"]
    assert agent["EnvironmentVariables"] == {"TELEKEEP_STATE": "/s"}
    assert agent["KeepAlive"] == {"SuccessfulExit": False} and agent["RunAtLoad"] is True
    assert agent["ExitTimeOut"] == 20 and agent["Umask"] == 0o077
    assert made.commands[0].startswith("launchctl bootstrap gui/")


def test_elsewhere_one_is_told_what_to_run(home: Home) -> None:
    with pytest.raises(ConfigError) as error:
        service(home, "production", platform="freebsd14")
    assert "telekeep daemon start --foreground" in (error.value.remedy or "")
