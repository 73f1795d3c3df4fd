"""What was left of a renewal: whoever is in force stays, if it works; the other is ended, and not before."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from keeper.conftest import PHONE, keep
from telekeep.emulator import Emulator
from telekeep.emulator.rpc_error import RpcError
from telekeep.errors import SessionBusy, TelegramNetworkError
from telekeep.health.actions import Action, FinishRenewal
from telekeep.keeper.client import hold
from telekeep.keeper.diagnose import diagnose
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.recover import plan
from telekeep.keeper.renew import renew
from telekeep.keeper.renewing import planned
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.plan import Kind, Plan, State
from telekeep.login.prompt import Unattended
from telekeep.secret import Secret
from telekeep.session.model import Application, Session
from telekeep.work.mending import carry_out

APPLICATION = Application(1, Secret(b"0" * 32))


@pytest.fixture
def both(telegram: Emulator) -> tuple[Session, Session]:
    """The old and the new login of Ada's account."""
    ada = telegram.add_account(PHONE, first_name="Ada")
    old, new = (replace(telegram.mint(ada), application=APPLICATION) for _ in range(2))
    return old, new


def crashed(keeper: Keeper, both: tuple[Session, Session], kept: Session, state: State = State.PROVED) -> None:
    keep(keeper, kept)
    planned.put(keeper.vault, Plan(Kind.RENEWAL, "main", state, *both, 1.0))


def living(telegram: Emulator) -> list[int]:
    return [each.key.id for each in telegram.authorizations(telegram.world.account_of(PHONE))]


async def test_before_the_swap_it_is_undone(keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]) -> None:
    crashed(keeper, both, both[0])
    [said] = await finish(keeper)
    assert "undone" in said and living(telegram) == [both[0].auth_key.id]
    assert not planned.all_of(keeper.vault) and not await finish(keeper)


async def test_after_the_swap_it_is_finished(keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]) -> None:
    crashed(keeper, both, both[1], State.SWAPPED)
    [said] = await finish(keeper)
    assert "finished" in said and living(telegram) == [both[1].auth_key.id]


@pytest.mark.parametrize("kept", [0, 1])
async def test_if_the_one_in_force_is_over_the_other_is_put_in_force_and_not_ended(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session], kept: int
) -> None:
    crashed(keeper, both, both[kept])
    over, alive = both[kept], both[1 - kept]
    telegram.end(telegram.authorization_of(over), RpcError(401, "AUTH_KEY_UNREGISTERED"))  # type: ignore[arg-type]
    await finish(keeper)
    assert living(telegram) == [alive.auth_key.id]
    assert keeper.vault.load("main").auth_key == alive.auth_key
    async with hold(keeper, "main") as client:
        assert await client.get_me()


async def test_a_third_login_under_the_name_stays_and_the_others_go(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    third = replace(telegram.mint(telegram.world.account_of(PHONE)), application=APPLICATION)
    crashed(keeper, both, third)
    await finish(keeper)
    assert living(telegram) == [third.auth_key.id]


async def test_a_key_that_is_kept_under_another_name_is_not_ended(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    crashed(keeper, both, both[0])
    keep(keeper, both[1], "other")
    await finish(keeper)
    assert living(telegram) == [each.auth_key.id for each in both]


async def test_while_it_is_under_way_nobody_finishes_it(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    crashed(keeper, both, both[0])
    lease = keeper.leases.try_acquire(both[1].auth_key.id)
    with pytest.raises(SessionBusy, match="under way"):
        await finish(keeper)
    lease.release()
    assert len(living(telegram)) == 2


async def test_if_telegram_cannot_be_asked_it_stays_for_another_time(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    crashed(keeper, both, both[1], State.SWAPPED)
    await telegram.stop()
    with pytest.raises(TelegramNetworkError):
        await finish(keeper)
    await telegram.start()
    assert len(living(telegram)) == 2 and planned.all_of(keeper.vault)
    await finish(keeper)
    assert living(telegram) == [both[1].auth_key.id]


async def test_a_token_that_was_accepted_and_not_taken_up_opens_nothing_later(
    keeper: Keeper, telegram: Emulator
) -> None:
    """The crash came right after the old one had let the new one in."""
    from telekeep.keeper.renewing.ending import end, with_key
    from telekeep.mtproto.schema import functions

    ada = telegram.add_account(PHONE, first_name="Ada")
    old, new = telegram.mint(ada), replace(telegram.fresh_key(2), application=APPLICATION)
    keep(keeper, replace(old, application=APPLICATION))
    async with with_key(keeper, new) as fresh:
        shown = await fresh.ask(functions.auth.ExportLoginTokenRequest(1, "0" * 32, []))
    async with hold(keeper, "main") as client:
        await client.accept_login(shown.token)
    await end(keeper, new, keeper.leases.try_acquire(new.auth_key.id))
    assert living(telegram) == [old.auth_key.id]
    async with with_key(keeper, new) as fresh:
        assert await fresh.me() is None


async def test_the_next_renewal_finishes_the_last(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    crashed(keeper, both, both[0])
    await renew(keeper, "main", Unattended())
    assert living(telegram) == [keeper.vault.load("main").auth_key.id]
    assert not planned.all_of(keeper.vault)


async def test_recover_finds_what_was_left_and_mends_it(
    keeper: Keeper, telegram: Emulator, both: tuple[Session, Session]
) -> None:
    crashed(keeper, both, both[1], State.SWAPPED)

    async def found() -> list[Action]:
        findings = await diagnose(keeper, offline=True, runs=lambda: False)
        return [each for each in plan(findings).actions if isinstance(each, FinishRenewal)]

    (action,) = await found()
    await asyncio.to_thread(carry_out, keeper, action)
    assert living(telegram) == [both[1].auth_key.id] and await found() == []
