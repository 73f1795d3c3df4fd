"""Every fault on command: whom it meets, how often, and what it leaves behind."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any

import pytest

from mtproto.client import BAD_SALT, RPC_RESULT, Gone, RawClient, Refused, TransportRefusal
from telekeep.emulator import Emulator
from telekeep.emulator.faults import KINDS
from telekeep.errors import ConfigError
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import Session

ME = functions.users.GetUsersRequest(id=[types.InputUserSelf()])
NEAREST = functions.help.GetNearestDcRequest()
PHONE = "9996621234"


@pytest.fixture
async def client(session: Session, raw: Any) -> RawClient:
    found: RawClient = await raw(session)
    return found


async def error(client: RawClient, request: Any = ME) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        await client.call(request)
    code, message = refusal.value.args
    return code, message


@pytest.mark.parametrize(
    ("kind", "seconds", "expected"),
    [
        ("flood", 30, (420, "FLOOD_WAIT_30")),
        ("flood", 0.2, (420, "FLOOD_WAIT_1")),
        ("premium-flood", 7, (420, "FLOOD_PREMIUM_WAIT_7")),
        ("slowmode", 12.5, (420, "SLOWMODE_WAIT_13")),
        ("takeout", 86400, (420, "TAKEOUT_INIT_DELAY_86400")),
        ("error", None, (500, "RPC_CALL_FAIL")),
        ("migrate", None, (303, "USER_MIGRATE_4")),
    ],
)
async def test_a_request_is_answered_with_an_error_once(
    telegram: Emulator, client: RawClient, kind: str, seconds: float | None, expected: tuple[int, str]
) -> None:
    telegram.fault(kind, seconds=seconds)
    assert await error(client) == expected
    await client.call(ME)


async def test_an_error_may_be_worded(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("error", code=400, message="CHAT_ADMIN_REQUIRED")
    assert await error(client) == (400, "CHAT_ADMIN_REQUIRED")


async def test_times_are_counted(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("flood", seconds=1, times=3)
    for _ in range(3):
        assert await error(client) == (420, "FLOOD_WAIT_1")
    await client.call(ME)


async def test_a_method_is_picked_out(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("flood", method="users.getUsers")
    await client.call(NEAREST)
    assert (await error(client))[0] == 420


async def test_a_fault_without_a_method_spares_the_question_every_client_connects_with(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    telegram.fault("flood")
    client = await raw(session)  # asks help.getConfig
    assert (await error(client))[0] == 420


async def test_a_phone_is_picked_out(telegram: Emulator, client: RawClient, raw: Any) -> None:
    other = await raw(telegram.mint(telegram.add_account("9996627777")))
    telegram.fault("flood", phone="+999 662 7777")
    await client.call(ME)
    assert (await error(other))[0] == 420


async def test_a_phone_is_recognised_in_the_request_before_there_is_a_login(telegram: Emulator, raw: Any) -> None:
    client = await raw(telegram.fresh_key(dc=2))
    telegram.fault("flood", phone=PHONE, seconds=3600, method="auth.sendCode")
    asking = functions.auth.SendCodeRequest(
        phone_number="+" + PHONE, api_id=1, api_hash="x", settings=types.CodeSettings()
    )
    assert await error(client, asking) == (420, "FLOOD_WAIT_3600")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("revoke", (401, "SESSION_REVOKED")),
        ("unregister", (401, "AUTH_KEY_UNREGISTERED")),
        ("expire", (401, "SESSION_EXPIRED")),
        ("ban", (401, "USER_DEACTIVATED_BAN")),
        ("duplicated", (406, "AUTH_KEY_DUPLICATED")),
    ],
)
async def test_a_login_ends_at_once_and_for_good(
    telegram: Emulator, client: RawClient, session: Session, kind: str, expected: tuple[int, str]
) -> None:
    telegram.fault(kind, phone=PHONE)
    assert not telegram.authorizations(session.user.id)
    for _ in range(3):
        assert await error(client) == expected


@pytest.mark.parametrize("kind", ["revoke", "unregister", "expire", "ban", "duplicated"])
async def test_a_login_ends_at_the_next_request_of_a_method(telegram: Emulator, client: RawClient, kind: str) -> None:
    telegram.fault(kind, method="users.getUsers")
    await client.call(functions.updates.GetStateRequest())
    first = await error(client)
    assert await error(client, functions.updates.GetStateRequest()) == first


async def test_a_key_that_is_revoked_still_connects_and_may_log_in_anew(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    """As with Telegram: the key lives, the login does not."""
    telegram.fault("revoke")
    client = await raw(session)
    await client.call(NEAREST)
    assert await error(client) == (401, "SESSION_REVOKED")


async def test_a_key_that_was_duplicated_gets_nothing_at_all(telegram: Emulator, session: Session, raw: Any) -> None:
    telegram.fault("duplicated")
    client = await raw(session, ready=False)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await client.call(functions.help.GetConfigRequest(), init=True)


async def test_only_the_account_named_is_met(telegram: Emulator, client: RawClient, raw: Any) -> None:
    other = await raw(telegram.mint(telegram.add_account("9996627777")))
    telegram.fault("revoke", phone="9996627777")
    await client.call(ME)
    assert await error(other) == (401, "SESSION_REVOKED")


async def test_without_a_phone_every_account_is_met(telegram: Emulator, client: RawClient, raw: Any) -> None:
    other = await raw(telegram.mint(telegram.add_account("9996627777")))
    telegram.fault("revoke")
    assert await error(client) == await error(other) == (401, "SESSION_REVOKED")


async def test_exported_keys_end_with_the_login_they_come_from(telegram: Emulator, client: RawClient, raw: Any) -> None:
    exported = await client.call(functions.auth.ExportAuthorizationRequest(dc_id=4))
    other = await raw(telegram.fresh_key(dc=4))
    await other.call(functions.auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes))
    telegram.fault("revoke")
    assert await error(other) == (401, "SESSION_REVOKED")


async def test_a_forgotten_key_is_answered_with_minus_404(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("forget")
    await client.say(ME)
    with pytest.raises(TransportRefusal) as refusal:
        await client.result(0)
    assert refusal.value.args == (-404,)


async def test_a_ban_closes_the_number_for_logins(telegram: Emulator, client: RawClient, raw: Any) -> None:
    telegram.fault("ban", phone=PHONE)
    fresh = await raw(telegram.fresh_key(dc=2))
    asking = functions.auth.SendCodeRequest(phone_number=PHONE, api_id=1, api_hash="x", settings=types.CodeSettings())
    assert await error(fresh, asking) == (400, "PHONE_NUMBER_BANNED")


async def _send(client: RawClient) -> int:
    return await client.say(
        functions.messages.SendMessageRequest(peer=types.InputPeerSelf(), message="once", random_id=77)
    )


async def _messages(client: RawClient) -> int:
    history = await client.call(
        functions.messages.GetHistoryRequest(
            peer=types.InputPeerSelf(),
            offset_id=0,
            offset_date=None,
            add_offset=0,
            limit=10,
            max_id=0,
            min_id=0,
            hash=0,
        )
    )
    return len(history.messages)


@pytest.mark.parametrize(("kind", "carried_out"), [("drop-before", 0), ("drop-after", 1), ("close", 0)])
async def test_a_line_is_lost_before_or_after_a_request_is_carried_out(
    telegram: Emulator, client: RawClient, session: Session, raw: Any, kind: str, carried_out: int
) -> None:
    telegram.fault(kind, method="messages.sendMessage")
    sent = await _send(client)
    with pytest.raises(Gone):
        await client.result(sent)
    assert await _messages(await raw(session)) == carried_out


async def test_an_answer_that_was_lost_waits_for_the_same_conversation(
    telegram: Emulator, client: RawClient, session: Session, raw: Any
) -> None:
    telegram.fault("drop-after", method="messages.sendMessage")
    sent = await _send(client)
    with pytest.raises(Gone):
        await client.result(sent)
    again = await raw(session, ready=False, session_id=client.session_id)
    again.salt, again._last_id, again._sequence = client.salt, client._last_id, client._sequence
    await again.ping()
    await again.result(sent)


async def test_close_cuts_idle_connections_at_once(
    telegram: Emulator, client: RawClient, session: Session, raw: Any
) -> None:
    telegram.fault("close", phone=PHONE)
    with pytest.raises(Gone):
        await client.frame()
    await (await raw(session)).call(ME)


async def test_close_waits_for_a_connection_if_there_is_none(telegram: Emulator, session: Session, raw: Any) -> None:
    telegram.fault("close", phone=PHONE)
    client = await raw(session)
    await client.say(ME)
    assert await client.is_closed()


async def test_an_answer_is_delayed_while_others_pass(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("delay", method="users.getUsers", seconds=0.2)
    (slow, first), (quick, second) = client.message(ME), client.message(NEAREST)
    started = time.monotonic()
    await client.send(client.container(first, second)[1])  # both are there at once, however slow this process is
    await client.result(quick)
    assert not any(each.constructor == RPC_RESULT for each in client.inbox)
    await client.result(slow)
    assert time.monotonic() - started >= 0.2


async def test_a_bad_salt_is_told_and_the_request_may_come_again(telegram: Emulator, client: RawClient) -> None:
    before = client.salt
    telegram.fault("bad-salt", times=2)
    for _ in range(2):
        sent = await client.say(ME)
        refusal = await client.expect(BAD_SALT)
        assert struct.unpack_from("<qii", refusal.body, 4)[::2] == (sent, 48)
    assert client.salt != before
    await client.call(ME)


async def test_migration_before_a_login_names_what_migrates(telegram: Emulator, raw: Any) -> None:
    client = await raw(telegram.fresh_key(dc=4))
    telegram.fault("migrate", times=2)
    asking = functions.auth.SendCodeRequest(phone_number=PHONE, api_id=1, api_hash="x", settings=types.CodeSettings())
    assert await error(client, asking) == (303, "PHONE_MIGRATE_2")
    assert await error(client, NEAREST) == (303, "NETWORK_MIGRATE_2")


async def test_faults_can_be_cleared(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("flood", times=100)
    telegram.clear_faults()
    await client.call(ME)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "earthquake"}, {"kind": "flood", "times": 0}, {"kind": "flood", "seconds": -1}, {"kind": "FLOOD"}],
)
def test_an_impossible_fault_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fault"):
        Emulator().fault(**wrong)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "revoke"}, {"kind": "flood"}, {"kind": "close"}, {"kind": "flood", "method": "users.getUsers"}],
)
async def test_a_number_without_an_account_is_refused(telegram: Emulator, client: RawClient, fault: Any) -> None:
    """A typing error would else be a fault that never happens."""
    with pytest.raises(ConfigError, match="9996621235"):
        telegram.fault(phone="+999 66 2 1235", **fault)
    await client.call(ME)
    assert not telegram._mischief.waiting


@pytest.mark.parametrize("method", ["auth.sendCode", "auth.resendCode", "auth.signIn", "auth.signUp"])
async def test_a_number_may_lack_an_account_where_one_is_still_to_be_made(
    telegram: Emulator, raw: Any, method: str
) -> None:
    requests = {
        "auth.sendCode": functions.auth.SendCodeRequest(PHONE, api_id=1, api_hash="x", settings=types.CodeSettings()),
        "auth.resendCode": functions.auth.ResendCodeRequest(PHONE, "x"),
        "auth.signIn": functions.auth.SignInRequest(PHONE, "x", phone_code="22222"),
        "auth.signUp": functions.auth.SignUpRequest(PHONE, "x", "Ada", ""),
    }
    client = await raw(telegram.fresh_key(dc=2))
    telegram.fault("flood", phone=PHONE, method=method)
    assert await error(client, requests[method]) == (420, "FLOOD_WAIT_30")


async def test_all_documented_kinds_exist() -> None:
    documented = (
        "flood premium-flood slowmode takeout revoke unregister expire ban duplicated forget error migrate "
        "drop-before drop-after delay close bad-salt"
    )
    assert set(documented.split()) == set(KINDS)


async def test_a_delayed_request_does_not_outlive_the_emulator(ada: Any, telegram: Emulator, raw: Any) -> None:
    client = await raw(telegram.mint(ada))
    telegram.fault("delay", seconds=3600)
    await client.say(ME)
    await client.ping()
    await telegram.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_ban_reaches_accounts_that_are_not_logged_in(telegram: Emulator, ada: Any, raw: Any) -> None:
    telegram.fault("ban", phone=PHONE)
    fresh = await raw(telegram.fresh_key(dc=2))
    asking = functions.auth.SendCodeRequest(phone_number=PHONE, api_id=1, api_hash="x", settings=types.CodeSettings())
    assert await error(fresh, asking) == (400, "PHONE_NUMBER_BANNED")


async def test_a_key_is_forgotten_at_the_next_request_of_a_method(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("forget", method="users.getUsers")
    await client.call(NEAREST)
    await client.say(ME)
    with pytest.raises(TransportRefusal) as refusal:
        await client.result(0)
    assert refusal.value.args == (-404,)


async def test_a_request_lost_before_it_was_carried_out_may_come_again_as_it_was(
    telegram: Emulator, client: RawClient, session: Session, raw: Any
) -> None:
    """The same message id on the next connection: the server never had it."""
    telegram.fault("drop-before", method="users.getUsers")
    sent, message = client.message(ME)
    await client.send(message)
    with pytest.raises(Gone):
        await client.result(sent)
    again = await raw(session, ready=False, session_id=client.session_id)
    again.salt = client.salt
    await again.send(message)
    await again.result(sent)
