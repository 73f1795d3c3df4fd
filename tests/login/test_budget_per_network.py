"""The budget protects numbers of real networks; an emulator that is started anew has forgotten everything itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from login.desk import APPLICATION
from telekeep.emulator import Emulator
from telekeep.errors import LoginBudgetSpent
from telekeep.login import flow
from telekeep.login.budget import CODES_PER_DAY, LoginBudget
from telekeep.login.prompt import Question
from telekeep.login.runner import Login
from telekeep.session.network import Network
from telekeep.testing.fakes import ManualClock, ScriptedPrompt
from telekeep.upstream.fresh import Fresh

PHONE, CODE = "9996621234", "22222"


async def _log_in(network: Network, budget: LoginBudget, clock: ManualClock) -> None:
    prompt = ScriptedPrompt([(Question.PHONE, PHONE), (Question.CODE, CODE)])
    async with Fresh(network, APPLICATION, clock=clock) as fresh:
        await Login(fresh, prompt, budget, clock).run(flow.by_phone())


def _served(telegram: Emulator) -> Network:
    """The network as a network file tells it: with a control socket, a new one for each emulator."""
    return replace(telegram.network, control=Path(f"emulator-{id(telegram)}/control"))


async def test_a_new_emulator_does_not_inherit_the_budget_of_the_last_one(clock: ManualClock, tmp_path: Path) -> None:
    budget = LoginBudget(tmp_path / "home" / "login.db", clock=clock)
    async with Emulator(clock=clock) as first:
        first.add_account(PHONE)
        for _ in range(CODES_PER_DAY):
            await _log_in(_served(first), budget, clock)
        with pytest.raises(LoginBudgetSpent):
            await _log_in(_served(first), budget, clock)
    async with Emulator(clock=clock) as second:
        second.add_account(PHONE)
        await _log_in(_served(second), budget, clock)
        assert second.stats.logins == 1
