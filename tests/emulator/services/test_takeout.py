"""Taking everything out: begun, used, finished; and what is refused outside."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import errors, functions, types

from emulator.services.conftest import Connect
from telekeep.emulator import Emulator
from telekeep.emulator.world import Account
from telekeep.session.model import Session

BEGIN = functions.account.InitTakeoutSessionRequest
FINISH = functions.account.FinishTakeoutSessionRequest(success=True)


@pytest.fixture
def ada(telegram: Emulator) -> Account:
    return telegram.add_account("9996621234", first_name="Ada", messages=30)


@pytest.fixture
def session(telegram: Emulator, ada: Account) -> Session:
    return telegram.mint(ada)


def within(number: int, request: Any) -> Any:
    return functions.InvokeWithTakeoutRequest(takeout_id=number, query=request)


async def test_a_stock_takeout_reads_every_message_and_ends(
    telegram: Emulator, ada: Account, session: Session, connect: Connect
) -> None:
    client = await connect(session)
    seen = []
    async with client.takeout(users=True, chats=True) as takeout:
        assert telegram.authorizations(ada)[0].takeout_id is not None
        async for dialog in takeout.iter_dialogs():
            seen += [message.id async for message in takeout.iter_messages(dialog, wait_time=0)]
    assert sorted(seen) == list(range(1, 31))
    assert telegram.authorizations(ada)[0].takeout_id is None


async def test_the_id_of_a_finished_takeout_opens_nothing(session: Session, connect: Connect) -> None:
    client = await connect(session)
    number = (await client(BEGIN())).id
    state = functions.updates.GetStateRequest()
    assert await client(within(number, state))
    assert await client(within(number, FINISH))
    with pytest.raises(errors.TakeoutInvalidError):
        await client(within(number, state))


async def test_a_takeout_belongs_to_one_login(telegram: Emulator, ada: Account, connect: Connect) -> None:
    mine, other = await connect(telegram.mint(ada)), await connect(telegram.mint(ada))
    number = (await mine(BEGIN())).id
    with pytest.raises(errors.TakeoutInvalidError):
        await other(within(number, functions.updates.GetStateRequest()))


async def test_what_is_for_takeouts_is_refused_outside(session: Session, connect: Connect) -> None:
    client = await connect(session)
    await client(BEGIN())
    for request in (FINISH, functions.messages.GetSplitRangesRequest()):
        with pytest.raises(errors.TakeoutRequiredError):
            await client(request)


async def test_a_takeout_under_way_is_continued(session: Session, connect: Connect) -> None:
    client = await connect(session)
    assert (await client(BEGIN())).id == (await client(BEGIN())).id


async def test_a_range_shows_its_own_messages_only(session: Session, connect: Connect) -> None:
    client = await connect(session)
    number = (await client(BEGIN())).id
    [everything] = await client(within(number, functions.messages.GetSplitRangesRequest()))
    assert (everything.min_id, everything.max_id) == (1, 30)
    [dialog] = await client.get_dialogs(limit=1)
    history = functions.messages.GetHistoryRequest(dialog.input_entity, 0, None, 0, 100, 0, 0, 0)
    part = types.MessageRange(min_id=5, max_id=20)
    found = await client(within(number, functions.InvokeWithMessagesRangeRequest(range=part, query=history)))
    whole = await client(history)
    assert [each.id for each in found.messages] == [each.id for each in whole.messages if 5 <= each.id <= 20]
    assert 0 < len(found.messages) < len(whole.messages)


async def test_a_takeout_that_must_wait_is_told_how_long(
    telegram: Emulator, session: Session, connect: Connect
) -> None:
    client = await connect(session)
    telegram.fault("takeout", method="account.initTakeoutSession", seconds=86_400)
    with pytest.raises(errors.TakeoutInitDelayError) as raised:
        async with client.takeout():
            pass
    assert raised.value.seconds == 86_400
