"""Mending: what is carried out, and what is left alone although a finding named it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from telekeep.errors import ConfigError, SessionConflict
from telekeep.health.actions import Clear, Protect, RestartDaemon, RollBack
from telekeep.health.check import note, ok, warning
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.recover import plan
from telekeep.session.model import Session
from telekeep.work import alone
from telekeep.work.mending import carry_out


def test_a_plan_has_each_action_once_and_names_what_needs_a_person() -> None:
    restart = warning("daemon", "old", "Restart it.", action=RestartDaemon())
    by_hand = warning("clock", "wrong", "Set it.")
    made = plan([ok("a", "well"), note("b", "so"), restart, by_hand, restart])
    assert made.actions == [RestartDaemon()] and made.by_hand == [by_hand]


def test_what_has_not_helped_is_not_tried_again_but_said() -> None:
    damaged = warning("vault", "damaged", "Roll back.", action=RollBack("main", 1))
    made = plan([damaged], tried=[RollBack("main", 1)])
    assert made.actions == [] and made.by_hand == [damaged]


def test_nothing_is_cleared_under_a_daemon_that_has_begun_meanwhile(keeper: Keeper, main: Session) -> None:
    keeper.home.run.mkdir(mode=0o700)
    control = keeper.home.run / "daemon.toml"
    control.write_text("")
    lock = alone.take(keeper.home)
    assert lock is not None
    with pytest.raises(SessionConflict):
        carry_out(keeper, Clear(str(control), "one"))
    assert control.exists()
    os.close(lock)
    carry_out(keeper, Clear(str(control), "one"))
    assert not control.exists() and alone.is_free(keeper.home)


def test_a_link_is_not_followed(keeper: Keeper, main: Session, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("")
    other.chmod(0o644)
    (tmp_path / "link").symlink_to(other)
    with pytest.raises(ConfigError):
        carry_out(keeper, Protect(str(tmp_path / "link"), 0o600))
    assert other.stat().st_mode & 0o777 == 0o644


def test_what_is_others_business_is_refused_by_name(keeper: Keeper, main: Session) -> None:
    with pytest.raises(ConfigError, match="Nobody here"):
        carry_out(keeper, RestartDaemon())
