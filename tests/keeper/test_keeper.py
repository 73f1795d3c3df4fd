"""The rooms put together: which home, which network, which clock, and no more of it than is needed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from telekeep.clock import FileClock, SystemClock
from telekeep.emulator import Emulator
from telekeep.errors import ConfigError, SessionNotFound
from telekeep.keeper.keeper import Keeper
from telekeep.session import network as networks
from telekeep.session.model import Session
from telekeep.session.network import PRODUCTION, TEST


def test_production_unless_told_otherwise(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Keeper.open().network == PRODUCTION
    monkeypatch.setenv("TELEKEEP_NETWORK", "test")
    assert Keeper.open().network == TEST
    assert Keeper.open(network="production").network == PRODUCTION
    with pytest.raises(ConfigError):
        Keeper.open(network="nowhere.toml")


def test_the_home_is_the_one_named(own_world: Path) -> None:
    assert Keeper.open().home.root == own_world / "home"
    assert Keeper.open(home=own_world / "other").home.root == own_world / "other"
    assert list(own_world.iterdir()) == [own_world / "leases"], "opening a keeper makes nothing"


def test_nothing_kept_is_said_and_not_made_up(own_world: Path) -> None:
    with pytest.raises(SessionNotFound):
        _ = Keeper.open().vault
    assert not (own_world / "home").exists()


def test_everything_made_is_for_its_owner_only(keeper: Keeper, main: Session) -> None:
    """002-F11."""
    for path in (keeper.home.root, *keeper.home.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_test_clock_is_honoured_on_an_emulator_only(
    own_world: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_world / "clock").write_text("5 6 boot")
    monkeypatch.setenv("TELEKEEP_TEST_CLOCK", str(own_world / "clock"))
    emulated = replace(telegram.network, control=own_world / "control")
    assert isinstance(Keeper.open(network=emulated).clock, FileClock)
    assert Keeper.open(network=emulated).clock.wall() == 5
    assert isinstance(Keeper.open(network=telegram.network).clock, SystemClock)  # a network file without control
    assert isinstance(Keeper.open().clock, SystemClock)


def test_a_network_file_is_read(own_world: Path, telegram: Emulator) -> None:
    (own_world / "network.toml").write_text(networks.dump(telegram.network))
    assert Keeper.open(network=str(own_world / "network.toml")).network == telegram.network


def test_a_closed_keeper_opens_again(keeper: Keeper, main: Session) -> None:
    assert keeper.vault.load("main").auth_key == main.auth_key
    keeper.close()
    assert keeper.vault.load("main").auth_key == main.auth_key


def test_listing_loads_neither_telethon_nor_asyncio_nor_cryptography(keeper: Keeper, main: Session) -> None:
    program = """\
import sys
from telekeep.keeper.keeper import Keeper
with Keeper.open() as keeper:
    print([entry.name for entry in keeper.vault.entries()])
    heavy = [name for name in ("telethon", "asyncio", "cryptography", "rich") if name in sys.modules]
    assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, "['main']"), done.stderr
