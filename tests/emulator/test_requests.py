"""What every request must come in, and what a server says to those that do not."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from mtproto.client import RawClient, Refused, initialised
from telekeep.emulator import Emulator
from telekeep.mtproto.schema import LAYER, functions, types
from telekeep.session.model import Session

CONFIG = functions.help.GetConfigRequest()
ME = functions.users.GetUsersRequest(id=[types.InputUserSelf()])


async def refused(client: RawClient, request: Any, message: str) -> None:
    """``request`` is answered with this error; the connection lives on."""
    with pytest.raises(Refused) as refusal:
        await client.call(request)
    assert refusal.value.args == (400, message)


@pytest.fixture
async def fresh(telegram: Emulator, session: Session, raw: Any) -> RawClient:
    """A client that has not said initConnection yet."""
    found: RawClient = await raw(session, ready=False)
    await found.learn_salt()
    return found


@pytest.fixture
async def client(session: Session, raw: Any) -> RawClient:
    found: RawClient = await raw(session)
    return found


async def test_a_first_request_without_init_connection_is_refused(fresh: RawClient) -> None:
    await refused(fresh, ME, "CONNECTION_NOT_INITED")
    await refused(fresh, functions.InvokeWithLayerRequest(layer=LAYER, query=ME), "CONNECTION_NOT_INITED")


async def test_init_connection_without_a_layer_is_refused(fresh: RawClient) -> None:
    await refused(fresh, initialised(CONFIG).query, "CONNECTION_LAYER_INVALID")


@pytest.mark.parametrize("layer", [LAYER + 1, 1 << 30, 0, -1, 5])
async def test_a_layer_above_ours_or_an_absurd_one_is_refused(fresh: RawClient, layer: int) -> None:
    await refused(fresh, initialised(CONFIG, layer=layer), "CONNECTION_LAYER_INVALID")
    await refused(fresh, ME, "CONNECTION_NOT_INITED")  # and it is not remembered


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"api_id": 0}, "CONNECTION_API_ID_INVALID"),
        ({"device_model": ""}, "CONNECTION_DEVICE_MODEL_EMPTY"),
        ({"system_version": ""}, "CONNECTION_SYSTEM_EMPTY"),
        ({"app_version": ""}, "CONNECTION_APP_VERSION_EMPTY"),
    ],
)
async def test_init_connection_must_say_who_asks(fresh: RawClient, fields: dict[str, Any], message: str) -> None:
    await refused(fresh, initialised(CONFIG, **fields), message)


async def test_layer_and_application_are_remembered_with_the_key(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    client = await raw(session)
    await client.call(initialised(CONFIG, layer=LAYER - 1, device_model="first"))
    await client.close()
    second = await raw(session, ready=False)
    await second.call(ME)
    (authorization,) = telegram.authorizations(session.user.id)
    assert authorization.layer == LAYER - 1
    assert authorization.application.device_model == "first"


async def test_a_request_without_a_handler_fails_by_name(client: RawClient) -> None:
    await refused(
        client, functions.langpack.GetLanguagesRequest(lang_pack=""), "METHOD_NOT_IMPLEMENTED_langpack.getLanguages"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (struct.pack("<I", 0xDEADBEEF), "INPUT_CONSTRUCTOR_INVALID_DEADBEEF"),
        (bytes(ME) + bytes(4), "INPUT_FETCH_FAIL"),
        (bytes(ME)[:-4], "INPUT_FETCH_FAIL"),
        (bytes(types.InputUserSelf()), "INPUT_METHOD_INVALID"),
        (b"\xb5\x75\x72\x99", "INPUT_METHOD_INVALID"),
    ],
)
async def test_what_is_no_request_is_refused(client: RawClient, body: bytes, message: str) -> None:
    await refused(client, body, message)
    await client.call(ME)


async def test_wrappers_are_peeled_off_in_any_order(client: RawClient) -> None:
    await client.call(functions.InvokeWithoutUpdatesRequest(query=initialised(ME)))
    await client.call(initialised(functions.InvokeWithoutUpdatesRequest(query=ME)))


async def test_endless_wrappers_are_refused(client: RawClient) -> None:
    request = ME
    for _ in range(30):
        request = functions.InvokeWithoutUpdatesRequest(query=request)
    await refused(client, request, "INPUT_REQUEST_TOO_DEEP")


async def test_a_takeout_that_was_not_begun_is_refused(client: RawClient) -> None:
    await refused(client, functions.InvokeWithTakeoutRequest(takeout_id=5, query=ME), "TAKEOUT_INVALID")


async def test_a_business_connection_that_is_none_is_refused(client: RawClient) -> None:
    request = functions.InvokeWithBusinessConnectionRequest(connection_id="x", query=ME)
    await refused(client, request, "CONNECTION_ID_INVALID")


async def test_a_request_waits_for_the_one_it_comes_after(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("delay", method="users.getUsers", seconds=0.1)
    first = await client.say(ME)
    second = await client.say(functions.InvokeAfterMsgRequest(msg_id=first, query=CONFIG))
    third = await client.say(functions.InvokeAfterMsgsRequest(msg_ids=[first, second], query=CONFIG))
    for message_id in (third, second, first):
        await client.result(message_id)
    answered = [struct.unpack_from("<q", each.body, 4)[0] for each in client.seen if each.constructor == 0xF35C6D01]
    assert answered[-3:] == [first, second, third]


async def test_a_request_after_one_that_failed_fails(telegram: Emulator, client: RawClient) -> None:
    telegram.fault("error", method="users.getUsers")
    first = await client.say(ME)
    second = await client.say(functions.InvokeAfterMsgRequest(msg_id=first, query=CONFIG))
    with pytest.raises(Refused, match="RPC_CALL_FAIL"):
        await client.result(first)
    with pytest.raises(Refused, match="MSG_WAIT_FAILED"):
        await client.result(second)


async def test_a_request_after_one_that_never_came_fails(client: RawClient) -> None:
    await refused(client, functions.InvokeAfterMsgRequest(msg_id=4, query=ME), "MSG_WAIT_FAILED")


async def test_a_key_without_a_login_is_told_so(telegram: Emulator, raw: Any) -> None:
    client = await raw(telegram.fresh_key(dc=2))
    with pytest.raises(Refused) as refusal:
        await client.call(ME)
    assert refusal.value.args == (401, "AUTH_KEY_UNREGISTERED")


async def test_a_key_means_nothing_on_another_data_center(telegram: Emulator, session: Session, raw: Any) -> None:
    client = await raw(session, telegram.network.dc(4), ready=False)
    await client.say(CONFIG)
    assert await client.is_closed()


async def test_pings_and_acks_are_not_counted_as_requests(telegram: Emulator, client: RawClient) -> None:
    before = telegram.stats.rpc
    for _ in range(3):
        await client.ping()
    await client.call(ME)
    assert telegram.stats.rpc == before + 1
