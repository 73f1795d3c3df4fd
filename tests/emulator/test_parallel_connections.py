"""The rule that matters: two main connections of one authorization end it. Who breaks it, and who does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mtproto.client import PONG, RawClient, Refused, initialised
from telekeep.emulator import Emulator
from telekeep.emulator.parallel import Mains
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import Session
from telekeep.session.network import Address

ME = functions.users.GetUsersRequest(id=[types.InputUserSelf()])


async def duplicated(client: RawClient) -> None:
    with pytest.raises(Refused) as refusal:
        await client.call(ME)
    assert refusal.value.args == (406, "AUTH_KEY_DUPLICATED")


def media_address(telegram: Emulator) -> Address:
    return next(each for each in telegram.network.addresses if each.media)


async def test_two_main_connections_that_both_ask_end_the_authorization(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    first = await raw(session)
    second = await raw(session, ready=False)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await second.call(functions.help.GetConfigRequest(), init=True)
    await duplicated(first)
    await duplicated(second)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (1, 1)
    assert not telegram.authorizations(session.user.id)


async def test_what_is_dead_stays_dead_for_a_lone_connection(telegram: Emulator, session: Session, raw: Any) -> None:
    first, second = await raw(session), await raw(session, ready=False)
    with pytest.raises(Refused):
        await second.call(ME, init=True)
    await first.close()
    await second.close()
    third = await raw(session, ready=False)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await third.call(ME, init=True)
    assert telegram.stats.duplicated == 1


async def test_a_request_that_waits_is_answered_with_406_too(telegram: Emulator, session: Session, raw: Any) -> None:
    first = await raw(session)
    telegram.fault("delay", method="users.getUsers", seconds=60)
    waiting = await first.say(ME)
    await first.ping()
    second = await raw(session, ready=False)
    with pytest.raises(Refused):
        await second.call(functions.help.GetConfigRequest(), init=True)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await first.result(waiting)


async def test_the_address_a_client_comes_from_does_not_matter(telegram: Emulator, session: Session, raw: Any) -> None:
    """ "From the same or different IP addresses" (core.telegram.org/api/errors; 000-F14, 003-F7)."""
    await raw(session, ip="127.0.0.2")
    second = await raw(session, ready=False, ip="127.0.0.3")
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await second.call(ME, init=True)


async def test_addresses_of_clients_are_told_apart(telegram: Emulator, session: Session, raw: Any) -> None:
    await raw(session, ip="127.0.0.9")
    (authorization,) = telegram.authorizations(session.user.id)
    assert authorization.ip == "127.0.0.9"


async def test_pings_are_no_requests_but_count_as_overlap(telegram: Emulator, session: Session, raw: Any) -> None:
    """A second connection that only keeps itself alive is not punished, but no timing hides it."""
    first = await raw(session)
    second = await raw(session, ready=False)
    await second.learn_salt()
    await second.ping()
    await first.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 1)


async def test_a_pair_of_connections_overlaps_once(telegram: Emulator, session: Session, raw: Any) -> None:
    await raw(session)
    second, third = await raw(session, ready=False), await raw(session, ready=False)
    for client in (second, third):
        await client.learn_salt()
        for _ in range(3):
            await client.ping()
    assert telegram.stats.overlap == 3
    assert telegram.stats.duplicated == 0


async def test_a_connection_that_was_opened_but_says_nothing_does_not_count(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    first = await raw(session)
    await raw(session, ready=False)
    await first.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_one_connection_after_another_is_no_overlap(telegram: Emulator, session: Session, raw: Any) -> None:
    for _ in range(5):
        client = await raw(session)
        await client.call(ME)
        await client.close()
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_reconnect_of_the_same_conversation_replaces_a_half_open_connection(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    """The old TCP connection is still open on the server's side: the client's cable was pulled."""
    old = await raw(session)
    new = await raw(session, ready=False, session_id=old.session_id)
    new.salt, new._last_id, new._sequence = old.salt, old._last_id, old._sequence
    await new.call(ME)
    assert await old.is_closed()
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_closed_connection_of_which_the_server_has_not_read_the_end_is_no_overlap(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    """Telethon reconnects with a new session id right after it closed the old connection."""
    old = await raw(session)
    (old_line,) = telegram._registry.lines
    old_line._transport.pause_reading()  # the server is slow to notice
    await old.close()
    new = await raw(session)
    await new.call(ME)
    assert old_line.is_open
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)
    old_line._transport.resume_reading()


async def test_what_a_closed_connection_sent_before_its_end_is_not_held_against_the_next(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    """The server reads the old connection's last request after the new one's first."""
    old = await raw(session)
    (old_line,) = telegram._registry.lines
    old_line._transport.pause_reading()
    await old.say(ME)
    await old.close()
    new = await raw(session)
    old_line._transport.resume_reading()
    await old_line.wait_closed()
    await new.call(ME)
    assert telegram.stats.rpc == 4, "all were read"
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def visit(session: Session, salt: int, raw: Any, *, half: bool) -> RawClient:
    """A connection that sends one request, and is closed before anybody can have read it."""
    client: RawClient = await raw(session, ready=False)
    client.salt, client.acks = salt, False
    _, message = client.message(initialised(ME))
    client.wire.writer.write(client.wire.framed(client.encrypted(message)))
    if half:
        client.wire.writer.write_eof()
    else:
        await client.close()
    return client


async def test_a_visitor_that_half_closes_after_its_request_is_caught(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    """Its answer would still reach it: the connection it was opened beside is open and speaking all the time."""
    resident = await raw(session)
    visitor = await visit(session, resident.salt, raw, half=True)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await visitor.result(visitor._last_id)
    await duplicated(resident)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (1, 1)


async def test_a_visitor_that_closes_after_its_request_is_caught(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    resident = await raw(session)
    await visit(session, resident.salt, raw, half=False)
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        for _ in range(100):  # until the server has read what the visitor left
            await resident.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (1, 1)


async def test_every_visitor_counts(telegram: Emulator, session: Session, raw: Any) -> None:
    resident = await raw(session)
    for _ in range(5):
        visitor = await raw(session, ready=False)
        await visitor.learn_salt()
        await visitor.ping()
        visitor.wire.writer.write_eof()
        assert await visitor.is_closed()
    await resident.ping()
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 5)


async def test_media_addresses_may_be_used_beside_the_main_connection(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    main = await raw(session)
    media = await raw(session, media_address(telegram))
    for client in (main, media, main):
        await client.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_main_connection_beside_many_media_ones_is_alone(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    media = [await raw(session, media_address(telegram)) for _ in range(3)]
    main = await raw(session)
    for client in [*media, main]:
        await client.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_exported_authorizations_may_be_used_in_parallel(telegram: Emulator, session: Session, raw: Any) -> None:
    main = await raw(session)
    exported = await main.call(functions.auth.ExportAuthorizationRequest(dc_id=4))
    other_key = telegram.fresh_key(dc=4)
    importing = functions.auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes)
    one = await raw(other_key)
    await one.call(importing)
    two = await raw(other_key)
    for client in (one, two, main, one):
        await client.call(functions.help.GetNearestDcRequest())
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_key_without_a_login_may_be_used_in_parallel(telegram: Emulator, raw: Any) -> None:
    key = telegram.fresh_key(dc=2)
    one, two = await raw(key), await raw(key)
    for client in (one, two, one):
        await client.call(functions.help.GetNearestDcRequest())
    assert telegram.stats.duplicated == 0


async def test_connections_that_were_in_use_before_the_login_overlap_from_it_on(
    telegram: Emulator, ada: Any, raw: Any
) -> None:
    """Afterwards they need not say anything."""
    key = telegram.fresh_key(dc=2)
    one, _two, _three = [await raw(key) for _ in range(3)]
    asking = functions.auth.SendCodeRequest(
        phone_number=ada.phone, api_id=1, api_hash="x", settings=types.CodeSettings()
    )
    sent = await one.call(asking)
    assert telegram.stats.overlap == 0
    code = telegram.world.login_code(ada.phone)
    await one.call(functions.auth.SignInRequest(ada.phone, sent.phone_code_hash, phone_code=code))
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 3)


async def test_a_key_that_was_exported_once_and_logs_in_itself_is_a_main_one(
    telegram: Emulator, session: Session, raw: Any
) -> None:
    main = await raw(session)
    exported = await main.call(functions.auth.ExportAuthorizationRequest(dc_id=4))
    key = telegram.fresh_key(dc=4)
    one, two = await raw(key), await raw(key)
    await one.call(functions.auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes))
    authorization = telegram.authorization_of(key)
    assert authorization is not None
    authorization.log_in(session.user.id, at=telegram.clock.wall())
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await two.call(functions.help.GetNearestDcRequest())
    with pytest.raises(Refused, match="AUTH_KEY_DUPLICATED"):
        await one.call(functions.help.GetNearestDcRequest())


async def test_two_logins_of_one_account_do_not_disturb_each_other(telegram: Emulator, ada: Any, raw: Any) -> None:
    one, two = await raw(telegram.mint(ada)), await raw(telegram.mint(ada))
    for client in (one, two, one):
        await client.call(ME)
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_the_end_of_one_login_spares_the_others(telegram: Emulator, ada: Any, raw: Any) -> None:
    safe = await raw(telegram.mint(ada))
    session = telegram.mint(ada)
    await raw(session)
    second = await raw(session, ready=False)
    with pytest.raises(Refused):
        await second.call(ME, init=True)
    await safe.call(ME)


async def test_a_storm_of_connections_is_never_missed(telegram: Emulator, session: Session, raw: Any) -> None:
    """Whatever the interleaving: when two were open and both asked, the authorization is dead."""
    clients = await asyncio.gather(*(raw(session, ready=False) for _ in range(8)))
    outcomes = await asyncio.gather(*(client.call(ME, init=True) for client in clients), return_exceptions=True)
    assert telegram.stats.duplicated == 1
    assert sum(isinstance(each, Refused) for each in outcomes) >= 7
    assert telegram.stats.overlap >= 1
    assert not [each for client in clients for each in client.inbox if each.constructor == PONG]


# ---- the decision itself


class Line:
    def __init__(self) -> None:
        self.is_reachable = True


def mains_of(*lines: Line, session_ids: tuple[int, ...]) -> Mains:
    """All of them in use, opened in this order."""
    mains = Mains()
    for number, (line, session_id) in enumerate(zip(lines, session_ids, strict=True)):
        mains.used(line, number, session_id)
    return mains


def test_only_lines_of_other_conversations_count() -> None:
    one, two, three = Line(), Line(), Line()
    mains = mains_of(one, two, three, session_ids=(1, 2, 1))
    assert not mains.speaks(one)
    assert not mains.speaks(three)  # the same conversation as `one`
    assert mains.speaks(two)


def test_a_closed_line_is_excused_towards_those_opened_after_it() -> None:
    old, new = Line(), Line()
    mains = mains_of(old, new, session_ids=(1, 2))
    old.is_reachable = False
    assert not mains.speaks(new)
    assert not mains.speaks(old)  # what it still brings was sent before
    assert mains.all_overlaps() == 0


def test_a_closed_line_is_not_excused_towards_those_opened_before_it() -> None:
    old, new = Line(), Line()
    mains = mains_of(old, new, session_ids=(1, 2))
    assert not mains.speaks(old)
    new.is_reachable = False
    assert mains.speaks(new)
    assert mains.speaks(old)
    assert (mains.overlaps(new), mains.overlaps(old)) == (1, 0)


def test_the_order_of_opening_decides_not_that_of_the_first_word() -> None:
    old, new = Line(), Line()
    mains = Mains()
    mains.used(new, 2, 20)
    mains.used(old, 1, 10)
    assert not mains.speaks(new)
    old.is_reachable = False
    assert not mains.speaks(old)
    old.is_reachable, new.is_reachable = True, False
    assert mains.speaks(old)
