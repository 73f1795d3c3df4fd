"""Another authorization in the place of the old one: proved first, swapped in, and only then is the old one ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from keeper.conftest import PHONE, keep
from telekeep.emulator import Emulator
from telekeep.errors import (
    AuthKeyRevoked,
    ConfigError,
    LoginCancelled,
    LoginRefused,
    NeedsLogin,
    PasswordNeeded,
    SessionBusy,
)
from telekeep.keeper.client import hold
from telekeep.keeper.fork import fork
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.renew import renew
from telekeep.keeper.renewing import planned
from telekeep.keeper.renewing.finish import finish
from telekeep.login.prompt import Given, Question, Unattended
from telekeep.secret import Secret
from telekeep.session.model import Application, Peer, PeerKind, Session
from telekeep.testing.fakes import ScriptedPrompt

APPLICATION = Application(1, Secret(b"0" * 32))
PASSWORD = "correct horse"


@pytest.fixture
async def judged(telegram: Emulator, keeper: Keeper) -> AsyncIterator[Emulator]:
    """Whatever a test does: no key on two connections, no code unless the test says so, no plan left."""
    yield telegram
    assert (telegram.stats.overlap, telegram.stats.duplicated) == (0, 0)
    assert not planned.all_of(keeper.vault)


def kept(keeper: Keeper, telegram: Emulator, phone: str = PHONE, **details: Any) -> Session:
    """Ada's session, kept as ``main``."""
    session = telegram.mint(telegram.add_account(phone, first_name="Ada", **details))
    session = replace(session, application=APPLICATION)
    keep(keeper, session)
    return session


def logins(telegram: Emulator, phone: str = PHONE) -> list[int]:
    """The ids of the keys that are logged in to the account."""
    return [each.key.id for each in telegram.authorizations(telegram.world.account_of(phone))]


async def is_good(keeper: Keeper, name: str = "main") -> bool:
    async with hold(keeper, name, timeout=0.0) as client:
        return bool(await client.get_me())


async def test_a_new_authorization_takes_the_old_ones_place_without_a_code(
    keeper: Keeper, judged: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    old = kept(keeper, judged, messages=5)
    found = await renew(keeper, "main", Unattended())
    new = keeper.vault.load("main")
    assert new.auth_key != old.auth_key and found.ended and not found.lost
    assert logins(judged) == [new.auth_key.id]
    assert judged.stats.codes_sent == 0
    assert await is_good(keeper)
    said = [each.getMessage() for each in caplog.records if each.name.startswith("telekeep")]
    # nobody tried to set it aside; that one key in 256 is agreed on anew is no fault
    assert not [each for each in said if "new auth_key" not in each]


async def test_it_knows_the_same_people_by_hashes_of_its_own(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged, messages=30)
    async with hold(keeper, "main") as client:
        before = {each.entity.id async for each in client.iter_dialogs()}
        known = {(each.kind, each.id): each.access_hash for each in client.session_now().peers}
    found = await renew(keeper, "main", Unattended())
    assert not found.lost
    new = {(each.kind, each.id): each.access_hash for each in keeper.vault.load("main").peers}
    assert new.keys() >= known.keys()
    assert all(new[each] != known[each] for each in known if each[0] is not PeerKind.CHAT)
    async with hold(keeper, "main") as client:
        for number in before:
            assert (await client.get_messages(await client.get_input_entity(number), limit=1)).total


async def test_it_begins_where_the_old_one_stood_and_catches_up(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged)
    async with hold(keeper, "main"):
        pass
    judged.send(PHONE, "while nobody listened", 3)
    await renew(keeper, "main", Unattended())
    heard: list[str] = []
    client = hold(keeper, "main")
    from telethon import events

    all_three = asyncio.Event()

    async def note(event: Any) -> None:
        heard.append(event.raw_text)
        if len(heard) == 3:
            all_three.set()

    client.add_event_handler(note, events.NewMessage)
    async with client:
        await client.catch_up()
        async with asyncio.timeout(30):
            await all_three.wait()
    assert heard == ["while nobody listened"] * 3


async def test_more_dialogs_than_a_page_holds(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged)
    ada = judged.world.account_of(PHONE)
    from telekeep.emulator.world.peer import user

    friends = [judged.world.add_account(f"999662{number:04}", first_name=f"F{number}") for number in range(2000, 2230)]
    for friend in friends:
        judged.world.send_message(friend, user(ada.id), "hello")
    found = await renew(keeper, "main", Unattended())
    met = {each.id for each in keeper.vault.load("main").peers}
    assert met >= {each.id for each in friends}
    assert found.met >= 230


async def test_the_password_is_asked_for_before_anything_is_made(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged, password=PASSWORD)
    with pytest.raises(PasswordNeeded):
        await renew(keeper, "main", Unattended())
    assert judged.stats.handshakes == 0
    assert logins(judged) == [old.auth_key.id]
    found = await renew(keeper, "main", Given(Unattended(), password=Secret(PASSWORD.encode())))
    assert found.ended and len(logins(judged)) == 1
    assert await is_good(keeper)


async def test_a_wrong_password_leaves_the_old_one_in_use(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged, password=PASSWORD)
    with pytest.raises(LoginRefused):
        await renew(keeper, "main", ScriptedPrompt([(Question.PASSWORD, "battery")] * 3))
    assert logins(judged) == [old.auth_key.id]
    assert keeper.vault.load("main").auth_key == old.auth_key
    assert await is_good(keeper)


async def test_the_token_for_a_later_login_is_kept_and_spares_the_code(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged, password=PASSWORD)
    await renew(keeper, "main", Given(Unattended(), password=Secret(PASSWORD.encode())))
    assert keeper.vault.load("main").login_tokens
    judged.fault("unregister", PHONE)
    found = await renew(keeper, "main", ScriptedPrompt([(Question.PHONE, PHONE)]))
    assert found.ended and judged.stats.codes_sent == 0
    assert await is_good(keeper)


async def test_one_that_is_over_is_renewed_by_a_code_and_only_with_somebody_there(
    keeper: Keeper, judged: Emulator
) -> None:
    old = kept(keeper, judged)
    judged.fault("unregister", PHONE)
    with pytest.raises(NeedsLogin):
        await renew(keeper, "main", Unattended())
    assert judged.stats.codes_sent == 0
    await renew(keeper, "main", ScriptedPrompt([(Question.PHONE, PHONE), (Question.CODE, "22222")]))
    assert keeper.vault.load("main").auth_key != old.auth_key
    assert judged.stats.codes_sent == 1 and await is_good(keeper)


async def test_a_login_of_another_account_is_ended_again(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged)
    judged.add_account("9996622222")
    judged.fault("unregister", PHONE)
    with pytest.raises(ConfigError, match="account"):
        await renew(keeper, "main", ScriptedPrompt([(Question.PHONE, "9996622222"), (Question.CODE, "22222")]))
    assert logins(judged, "9996622222") == []
    assert keeper.vault.load("main").auth_key == old.auth_key


async def test_a_bot_is_renewed_with_its_token(keeper: Keeper, judged: Emulator) -> None:
    token = "123456789:AAE-thisisnotarealtokenatall_12345"
    bot = judged.add_account(bot_token=token, first_name="Robot", username="robot")
    keep(keeper, replace(judged.mint(bot), application=APPLICATION))
    with pytest.raises(ConfigError, match="token"):
        await renew(keeper, "main", Unattended())
    found = await renew(keeper, "main", Given(Unattended(), bot_token=Secret(token.encode())))
    assert found.ended and len(judged.authorizations(bot)) == 1
    assert await is_good(keeper)


async def test_whoever_cannot_be_found_again_is_named_and_asked_about(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged)
    gone = Peer(PeerKind.USER, 987654, 4711, None, None, "Grace")
    with keeper.vault.view():
        fence = keeper.vault.entry("main").fence
    keeper.vault.save_peers("main", old.auth_key.id, [gone], fence=fence)
    with pytest.raises(ConfigError, match="found again"):
        await renew(keeper, "main", Unattended())
    prompt = ScriptedPrompt([(Question.CONFIRM, False)])
    with pytest.raises(LoginCancelled, match="found again"):
        await renew(keeper, "main", prompt)
    assert "Grace (user 987654)" in str(prompt.asked)
    assert logins(judged) == [old.auth_key.id]
    found = await renew(keeper, "main", Unattended(), force=True)
    assert found.lost == ("Grace (user 987654)",)
    assert all(each.id != 987654 for each in keeper.vault.load("main").peers)


async def test_somebody_not_in_the_dialogs_is_looked_up_by_name(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged)
    judged.add_account("9996622222", username="grace")
    async with hold(keeper, "main") as client:
        await client.get_input_entity("grace")
    assert not (await renew(keeper, "main", Unattended())).lost
    assert any(each.username == "grace" for each in keeper.vault.load("main").peers)


@pytest.mark.parametrize(
    "method",
    [
        "auth.exportLoginToken",
        "auth.acceptLoginToken",
        "updates.getState",
        "messages.getDialogs",
        "contacts.getContacts",
    ],
)
async def test_whatever_fails_on_the_way_leaves_the_old_one_in_use_and_no_other(
    keeper: Keeper, judged: Emulator, method: str
) -> None:
    old = kept(keeper, judged, messages=3)
    judged.fault("error", method=method, code=400, message="SOMETHING_IS_WRONG", times=5)
    with pytest.raises(Exception, match="SOMETHING_IS_WRONG"):
        await renew(keeper, "main", Unattended())
    judged.clear_faults()
    assert logins(judged) == [old.auth_key.id]
    assert keeper.vault.entry("main").generation == 1
    assert await is_good(keeper)


async def test_an_old_one_that_cannot_be_ended_now_is_ended_later(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged)
    judged.fault("error", method="auth.logOut", code=400, message="NOT_NOW")
    found = await renew(keeper, "main", Unattended())
    assert not found.ended and old.auth_key.id in logins(judged)
    assert await is_good(keeper)
    judged.clear_faults()
    assert await finish(keeper)
    assert logins(judged) == [keeper.vault.load("main").auth_key.id]


async def test_while_somebody_else_holds_it_nothing_is_begun(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged)
    async with hold(keeper, "main"):
        with pytest.raises(SessionBusy):
            await renew(keeper, "main", Unattended())
    assert judged.stats.handshakes == 0


async def test_a_fork_is_a_login_of_its_own_and_both_work_at_once(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged, messages=5)
    found = await fork(keeper, "main", "main@laptop", Unattended())
    assert found.name == "main@laptop" and len(logins(judged)) == 2
    assert keeper.vault.load("main").auth_key == old.auth_key
    async with hold(keeper, "main") as one, hold(keeper, "main@laptop") as other:
        assert (await one.get_me()).id == (await other.get_me()).id
        async for dialog in other.iter_dialogs():
            await other.get_messages(dialog.input_entity, limit=1)


async def test_a_fork_under_a_name_that_is_taken_is_refused_before_anything_is_made(
    keeper: Keeper, judged: Emulator
) -> None:
    kept(keeper, judged)
    with pytest.raises(ConfigError, match="already kept"):
        await fork(keeper, "main", "main", Unattended())
    assert judged.stats.handshakes == 0


async def test_a_fork_that_fails_leaves_no_login(keeper: Keeper, judged: Emulator) -> None:
    old = kept(keeper, judged)
    judged.fault("error", method="messages.getDialogs", code=400, message="SOMETHING_IS_WRONG")
    with pytest.raises(Exception, match="SOMETHING_IS_WRONG"):
        await fork(keeper, "main", "main@laptop", Unattended())
    assert logins(judged) == [old.auth_key.id]
    assert [each.name for each in keeper.vault.entries()] == ["main"]


async def test_an_older_generation_is_not_used_once_its_login_was_ended(keeper: Keeper, judged: Emulator) -> None:
    kept(keeper, judged)
    await renew(keeper, "main", Unattended())
    from telekeep.keeper.transfer import put_back

    put_back(keeper, "main", 1)
    with pytest.raises(AuthKeyRevoked):
        await hold(keeper, "main").connect()


async def test_a_login_that_is_sent_to_another_data_center_and_back_is_planned_with_each_key(
    keeper: Keeper, judged: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = kept(keeper, judged)
    plans: list[int] = []
    put = planned.put

    def noted(vault: Any, plan: Any) -> None:
        plans.append(plan.new.dc.id)
        put(vault, plan)

    monkeypatch.setattr(planned, "put", noted)
    judged.fault("migrate", method="auth.exportLoginToken")
    found = await renew(keeper, "main", Unattended())
    assert found.ended and plans[:3] == [2, 4, 2]
    assert old.auth_key.id not in logins(judged) and len(logins(judged)) == 1
    assert await is_good(keeper)
