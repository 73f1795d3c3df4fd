"""The traps a gateway can fall into, each over the wire: other people's answers, dangerous methods in disguise, calls
in doubt, and errors that would make a program do something foolish.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import struct
from typing import Any

import pytest
from telethon import TelegramClient, errors, functions, types

from gateway.house import Ear, House
from gateway.requests import example, methods, wrapped
from mtproto.client import GZIP, RawClient, Refused, initialised
from telekeep.gateway.methods import LOCAL, never
from telekeep.mtproto.schema import LAYER, TLObject, read
from telekeep.upstream.carrier import Carrier
from upstream.place import Wire, first_line, until

# ---- 1: answers are cut exactly


@pytest.mark.parametrize("way", ["quick", "by Telethon"])
async def test_answers_that_come_in_one_container_never_run_into_each_other(
    house: House, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is parsed whole: neither a neighbour's bytes nor padding are left over."""
    if way == "by Telethon":  # packets that hold more than answers go that way
        monkeypatch.setattr(Carrier, "take", lambda *_: False)
    requests = [
        functions.users.GetUsersRequest([types.InputUserSelf()]),
        functions.help.GetNearestDcRequest(),
        functions.messages.GetDialogsRequest(0, 0, types.InputPeerEmpty(), 20, 0),
        functions.upload.SaveFilePartRequest(5, 0, b"x" * 1024),
        functions.messages.GetDialogFiltersRequest(),
        functions.account.UpdateStatusRequest(offline=False),
    ]
    async with await house.raw() as one, await house.raw() as other:
        asked: list[tuple[RawClient, int, int]] = []
        for client in (one, other):
            messages = [client.message(requests[number % len(requests)]) for number in range(120)]
            asked += [(client, message_id, number) for number, (message_id, _) in enumerate(messages)]
            await client.send(client.container(*(message for _, message in messages))[1])
        kinds: dict[int, set[bytes]] = {}
        for client, message_id, number in asked:
            try:
                body = await client.result(message_id)
                read(body) if body[:4] not in _BOOLS else _exactly(4, body)
                kinds.setdefault(number % len(requests), set()).add(body[:4])
            except Refused:
                kinds.setdefault(number % len(requests), set()).add(b"refused")
    assert all(len(found) == 1 for found in kinds.values())  # each kind of request got one kind of answer
    assert len(kinds) == len(requests)


_BOOLS = (struct.pack("<I", 0x997275B5), struct.pack("<I", 0xBC799737))


def _exactly(length: int, body: bytes) -> None:
    assert len(body) == length


# ---- 2 and 14: dangerous methods


def _zipped(request: Any) -> bytes:
    return struct.pack("<I", GZIP) + bytes(TLObject.serialize_bytes(gzip.compress(bytes(request))))


DANGEROUS = {
    name: kind for name, kind in methods().items() if "." in name and never(name) is not None and name not in LOCAL
}
WORST = (
    "auth.resetAuthorizations",
    "auth.signIn",
    "auth.sendCode",
    "auth.acceptLoginToken",
    "auth.exportLoginToken",
    "auth.bindTempAuthKey",
    "auth.dropTempAuthKeys",
    "account.deleteAccount",
    "account.updatePasswordSettings",
    "account.resetPassword",
    "account.resetAuthorization",
    "account.getAuthorizations",
    "account.setAuthorizationTTL",
    "account.changePhone",
    "account.sendVerifyEmailCode",
    "account.getPassword",
)


async def _refusals(client: RawClient, bodies: list[tuple[str, Any]], *, at_once: int = 100) -> None:
    """Send all of these, alone and in containers by turns; every one has to be refused."""
    for start in range(0, len(bodies), at_once):
        part = [(name, *client.message(body)) for name, body in bodies[start : start + at_once]]
        if start // at_once % 2:
            await client.send(client.container(*(message for _, _, message in part))[1])
        else:
            for _, _, message in part:
                await client.send(message)
        for name, message_id, _ in part:
            with pytest.raises(Refused) as refused:
                await client.result(message_id)
                pytest.fail(f"{name} was carried out")
            assert refused.value.args[0] in (400, 403), name
            assert refused.value.args[0] == 403 or name.startswith("invoke"), (name, refused.value)


async def test_no_dangerous_method_is_sent_on_whatever_it_is_packed_in(house: House) -> None:
    asked = len(house.log)
    async with await house.raw() as client:
        bare = [(name, example(kind)) for name, kind in DANGEROUS.items()]
        assert len(bare) > 100
        bodies = [*bare, *((name, _zipped(request)) for name, request in bare)]
        for name in WORST:
            for wrapper, request in wrapped(example(DANGEROUS[name])).items():
                bodies += [(f"{wrapper} {name}", request), (f"{wrapper} {name}", _zipped(request))]
            once = initialised(functions.InvokeWithoutUpdatesRequest(example(DANGEROUS[name])))
            bodies += [(name, once), (name, _zipped(once))]
        await _refusals(client, [(name.partition(" ")[2] or name, body) for name, body in bodies])
        assert (await client.call(functions.users.GetUsersRequest([types.InputUserSelf()]))) is not None
    assert set(house.log[asked:]) <= {"users.getUsers"}
    assert house.authorization.ended is None


@pytest.mark.parametrize("disguise", ["plain", "zipped", "container", "zipped in a container", "wrapped"])
async def test_log_out_ends_the_loan_and_never_the_login(house: House, disguise: str) -> None:
    loan = house.lend()
    async with await house.raw(loan) as client:
        request: Any = functions.auth.LogOutRequest()
        if disguise == "wrapped":
            request = initialised(functions.InvokeWithoutUpdatesRequest(request))
        message_id, message = client.message(_zipped(request) if "zipped" in disguise else request)
        if "container" in disguise:
            message = client.container(message, client.message(functions.PingRequest(1), content=False)[1])[1]
        await client.send(message)
        assert isinstance(read(await client.result(message_id)), types.auth.LoggedOut)
    assert house.owner.register.loans[loan.id].ended_why == "logged out"
    assert "auth.logOut" not in house.log
    async with house.stock() as another:
        assert (await another.get_me()).id == house.ada.id


async def test_what_the_schema_does_not_know_is_not_sent_on(house: House) -> None:
    asked = len(house.log)
    history = functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 10, 0, 0, 0)
    send = functions.messages.SendMessageRequest(types.InputPeerSelf(), "hello", random_id=1)
    flags = bytearray(bytes(send))
    flags[7] |= 0x40  # a flag of no release
    deep = bytes(history)
    for _ in range(5000):
        deep = struct.pack("<I", functions.InvokeWithoutUpdatesRequest.CONSTRUCTOR_ID) + deep
    nested = history
    for _ in range(20):
        nested = functions.InvokeAfterMsgRequest(msg_id=4, query=nested)
    bodies = [
        bytes(history) + b"\0\0\0\0",
        bytes(flags),
        deep,
        bytes(nested),
        struct.pack("<I", 0x12345678),
        bytes(types.InputPeerSelf()),
        _zipped(_Raw(_zipped(history))),
    ]
    async with await house.raw() as client:
        for body in bodies:
            with pytest.raises(Refused) as refused:
                await client.result(await client.say(body))
            assert refused.value.args[0] == 400
        assert await client.call(history)
    assert house.log[asked:] == ["messages.getHistory"]


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def __bytes__(self) -> bytes:
        return self._body


# ---- 9: layers


async def test_a_program_of_another_release_is_told_so_by_name(house: House) -> None:
    where = house.owner.endpoint.home
    async with await RawClient.open(where, house.lend().key.reveal()) as client:
        await client.learn_salt()
        with pytest.raises(Refused, match=f"CONNECTION_LAYER_INVALID: layer {LAYER - 1} is not served"):
            await client.result(await client.say(initialised(functions.help.GetConfigRequest(), layer=LAYER - 1)))
    assert house.authorization.layer == LAYER


# ---- 6: the line to Telegram is lost in the middle of a call

LOST = ("drop-before", "drop-after")


@pytest.mark.parametrize("fault", LOST)
async def test_a_read_whose_answer_was_lost_is_asked_again(house: House, fault: str) -> None:
    async with house.stock() as client:
        house.telegram.fault(fault, method="messages.getDialogs")
        assert len(await client.get_dialogs()) == 4
    assert house.log.count("messages.getDialogs") == 2


@pytest.mark.parametrize("fault", LOST)
async def test_a_message_whose_answer_was_lost_is_sent_once(house: House, fault: str) -> None:
    async with house.stock() as client, house.stock() as other:
        ear = Ear(other)
        house.telegram.fault(fault, method="messages.sendMessage")
        sent = await client.send_message("me", "once")
        house.arrive("after")
        await until(lambda: "after" in ear.texts)
        assert ear.texts == ["once", "after"]
        assert sent.id == house.ada.box.last_id - 1


@pytest.mark.parametrize("fault", LOST)
async def test_a_call_that_may_have_been_carried_out_is_told_to_be_in_doubt(house: House, fault: str) -> None:
    async with house.stock() as client, house.stock() as other:
        sent = await client.send_message("me", "to be deleted")
        house.telegram.fault(fault, method="messages.deleteMessages")
        with pytest.raises(errors.BadRequestError, match="MAYBE_DONE") as told:
            await client.delete_messages("me", [sent.id])
        assert told.value.code == 400
        is_gone = house.ada.box.message(sent.id) is None
        assert is_gone == (fault == "drop-after")
        assert house.log.count("messages.deleteMessages") == 1
        assert (await other.get_messages("me", ids=sent.id) is None) == is_gone
        await client.delete_messages("me", [sent.id])  # who asks anew is obeyed
        assert house.ada.box.message(sent.id) is None
    assert house.log.count("messages.deleteMessages") == 2


async def test_a_deletion_whose_answer_was_lost_is_still_told_to_the_others(house: House) -> None:
    async with house.stock() as client, house.stock() as other:
        ear = Ear(other)
        sent = await client.send_message("me", "to be deleted")
        house.telegram.fault("drop-after", method="messages.deleteMessages")
        with pytest.raises(errors.BadRequestError, match="MAYBE_DONE"):
            await client.delete_messages("me", [sent.id])
        await until(lambda: ("deleted", sent.id) in ear.heard)


# ---- the borrower's own line is lost in the middle of a call


async def test_a_call_that_a_program_sends_again_on_a_new_line_is_carried_out_once(house: House) -> None:
    """Stock clients send everything again that has no answer yet, under new message ids."""
    async with house.behind() as (session, wire), house.stock(session) as client:
        sent = await client.send_message("me", "to be deleted")
        house.telegram.fault("delay", method="messages.deleteMessages", seconds=0.4)
        deleting = asyncio.create_task(client.delete_messages("me", [sent.id]))
        await until(lambda: "messages.deleteMessages" in house.log)
        await wire.cut()
        await wire.mend()
        assert (await deleting)[0].pts_count == 1
    assert house.log.count("messages.deleteMessages") == 1


async def test_an_answer_that_was_lost_on_the_way_to_the_program_is_given_again(house: House) -> None:
    bob = house.bob()
    async with house.behind() as (session, wire), house.stock(session) as client:
        users = [await client.get_input_entity("bob")]
        wire.freeze()
        creating = asyncio.create_task(client(functions.messages.CreateChatRequest(users, "only one")))
        await asyncio.sleep(0.05)
        assert "messages.createChat" not in house.log  # it is in the wire
        wire._flowing.set()
        await until(lambda: "messages.createChat" in house.log)
        wire.freeze()
        await asyncio.sleep(0.1)  # the answer, if it was not quicker than us
        await wire.cut()
        await wire.mend()
        await creating
    assert house.log.count("messages.createChat") == 1
    assert len([each for each in bob.chats if house.telegram.world.chats[each].title == "only one"]) == 1


async def test_the_same_call_made_twice_on_purpose_is_carried_out_twice(house: House) -> None:
    house.bob()
    async with house.stock() as client:
        users = [await client.get_input_entity("bob")]
        for _ in range(2):
            await client(functions.messages.CreateChatRequest(users, "one of two"))
    assert house.log.count("messages.createChat") == 2


OWNER = """
import asyncio
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.own import own

async def main():
    keeper = Keeper.open()
    owner = await own(keeper, "main")
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_call_in_doubt_is_not_repeated_by_the_owner_after_a_killed_one(house: House) -> None:
    loan = house.lend()
    async with house.stock(loan) as client:
        sent = await client.send_message("me", "to be deleted")
    session = house.session(house.string(loan))
    await house.close()
    process = await house.place.start(OWNER)
    assert await first_line(process) == "ready"
    client = house.stock(session, connection_retries=None)
    try:
        await client.connect()
        house.telegram.fault("delay", method="messages.deleteMessages", seconds=0.3)
        deleting = asyncio.create_task(client.delete_messages("me", [sent.id]))
        await until(lambda: "messages.deleteMessages" in house.log)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.communicate()
    await house.open()
    with pytest.raises(errors.BadRequestError, match="MAYBE_DONE"):
        await deleting
    assert (await client.get_me()).id == house.ada.id
    assert house.log.count("messages.deleteMessages") == 1


async def test_an_owner_that_closes_lets_running_calls_end(house: House) -> None:
    async with house.stock() as client:
        house.telegram.fault("delay", method="messages.sendMessage", seconds=0.3)
        sending = asyncio.create_task(client.send_message("me", "the last one"))
        await until(lambda: "messages.sendMessage" in house.log)
        await asyncio.gather(house.close(grace=5.0), sending)
        assert sending.result().text == "the last one"
        await house.open()
    assert house.log.count("messages.sendMessage") == 1


# ---- 8: errors arrive as Telethon's own, with their numbers


async def test_waits_arrive_with_their_seconds(house: House) -> None:
    async with house.stock() as client:
        house.telegram.fault("flood", method="messages.sendMessage", seconds=42)
        with pytest.raises(errors.FloodWaitError) as flood:
            await client.send_message("me", "hello")
        assert flood.value.seconds == 42
        house.telegram.fault("slowmode", method="messages.sendMedia", seconds=7)
        with pytest.raises(errors.SlowModeWaitError) as slow:
            await client.send_file("me", b"file")
        assert slow.value.seconds == 7
        house.telegram.fault("premium-flood", method="messages.getHistory", seconds=5)
        with pytest.raises(errors.FloodError) as premium:
            await client.get_messages("me")
        assert getattr(premium.value, "seconds", 5) == 5
        house.telegram.fault("takeout", method="account.initTakeoutSession", seconds=3600)
        with pytest.raises(errors.TakeoutInitDelayError) as delay:
            async with client.takeout():
                pass
        assert delay.value.seconds == 3600


async def test_other_errors_arrive_word_for_word(house: House) -> None:
    get = functions.upload.GetFileRequest(types.InputDocumentFileLocation(1, 2, b"", ""), 0, 4096)
    async with await house.raw() as raw, house.stock() as client:
        house.telegram.fault("error", method="upload.getFile", code=303, message="FILE_MIGRATE_4", times=2)
        with pytest.raises(errors.FileMigrateError) as migrate:
            await client(get)
        assert migrate.value.new_dc == 4
        with pytest.raises(Refused) as refused:
            await raw.call(get)
        assert refused.value.args == (303, "FILE_MIGRATE_4")
        house.telegram.fault("error", method="users.getFullUser", code=400, message="A_NEW_ERROR_7", times=2)
        full = functions.users.GetFullUserRequest(types.InputUserSelf())
        with pytest.raises(errors.BadRequestError, match="A_NEW_ERROR_7"):
            await client(full)
        with pytest.raises(Refused) as refused:
            await raw.call(full)
        assert refused.value.args == (400, "A_NEW_ERROR_7")


async def test_a_key_that_nobody_knows_is_told_so(house: House) -> None:
    session = house.put_into(house.session(""), house.lend())
    session.auth_key.key = os.urandom(256)
    with pytest.raises(errors.AuthKeyNotFound):
        await house.stock(session).connect()


# ---- 12: a login that is over is told at the start, and nobody is asked for anything


def _nobody_asks(*_: Any) -> str:
    raise AssertionError("a person was asked for something")


async def _started(client: TelegramClient) -> None:
    await client.start(phone=_nobody_asks, code_callback=_nobody_asks, password=_nobody_asks)


ENDS = {
    "revoke": errors.SessionRevokedError,
    "unregister": errors.AuthKeyUnregisteredError,
    "expire": errors.SessionExpiredError,
    "ban": errors.UserDeactivatedBanError,
    "duplicated": errors.AuthKeyDuplicatedError,
    "forget": errors.AuthKeyNotFound,
}


@pytest.mark.parametrize("fault", ENDS)
async def test_a_session_that_telegram_has_ended_is_told_at_the_start(house: House, fault: str) -> None:
    client = house.stock()
    async with house.stock(connection_retries=0) as other:
        house.telegram.fault(fault)
        with pytest.raises((errors.RPCError, OSError, errors.AuthKeyNotFound)):
            await other.get_dialogs()
        await until(lambda: house.owner.verdict is not None)
        expected = {"unregister": errors.RPCError}.get(fault, ENDS[fault])
        with pytest.raises(expected):
            await _started(client)


@pytest.mark.parametrize("fault", ["revoke", "unregister", "expire", "ban"])
async def test_a_program_that_finds_its_session_ended_asks_nobody_for_a_code(house: House, fault: str) -> None:
    """Stock get_me() answers None to any 401, and start() then asks for a phone number."""
    async with house.stock() as client:
        house.telegram.fault(fault, method="users.getUsers")
        with pytest.raises(errors.RPCError):
            await client.get_me()
        with pytest.raises(errors.RPCError):
            await _started(client)


@pytest.mark.parametrize("how", ["revoked", "expired", "logged out"])
async def test_a_loan_that_has_ended_is_told_by_its_own_name(house: House, how: str) -> None:
    loan = house.lend()
    house.owner.end_loan(loan.id, how)
    client = house.stock(loan)
    with pytest.raises(errors.BadRequestError, match=f"LOAN_{how.upper().replace(' ', '_')}") as told:
        await _started(client)
    assert told.value.code == 400  # on a 401 some programs delete their session file, and others ask for a code
    assert not isinstance(told.value, errors.UnauthorizedError | errors.AuthKeyError)


PROGRAM = """
import asyncio
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    client = TelegramClient(StringSession({string!r}), 1, "0" * 32)
    try:
        await client.start(phone="+9996621234")
    finally:
        await client.disconnect()

asyncio.run(main())
"""


async def test_a_script_with_an_ended_loan_ends_with_the_reason_and_reads_no_input(house: House) -> None:
    loan = house.lend()
    house.owner.end_loan(loan.id, "revoked")
    code, out, err = await house.place.run(PROGRAM.format(string=house.string(loan)))
    assert (code, out) == (1, "")
    assert "LOAN_REVOKED" in err
    assert "EOFError" not in err


# ---- 13: nothing hangs


async def test_a_call_does_not_hang_when_the_owner_loses_its_lease(house: House) -> None:
    async with house.stock() as client:
        sent = await client.send_message("me", "to be deleted")
        house.telegram.fault("delay", method="messages.deleteMessages", seconds=30)
        deleting = asyncio.create_task(client.delete_messages("me", [sent.id]))
        await until(lambda: "messages.deleteMessages" in house.log)
        name = house.place.vault.entry("main").lease
        leases = (house.place.root / "leases").iterdir()
        (file,) = (each for each in leases if name in each.name and each.suffix == ".lease")
        file.unlink()
        reading = asyncio.create_task(client.get_me())  # it is this one's packet that is refused
        with pytest.raises(errors.RPCError, match="MAYBE_DONE"):
            await deleting
        assert (await reading).id == house.ada.id  # the owner took the lease anew, as nobody else had


async def test_a_program_may_ask_for_what_it_missed(wired: House, wire: Wire) -> None:
    async with wired.stock() as client:
        ear = Ear(client)
        wired.arrive("before")
        await until(lambda: len(ear) == 1)
        await wire.cut()
        wired.arrive("meanwhile")
        await wire.mend()
        await client.catch_up()
        await until(lambda: len(ear) == 2)
        await client.catch_up()
        assert (await client.get_me()).id == wired.ada.id
        assert ear.texts == ["before", "meanwhile"]
