"""Who is told, in which order, and under which number."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.client import NEW_SESSION, RawClient, unzipped
from telekeep.emulator import Emulator
from telekeep.mtproto.schema import functions, read, types
from telekeep.session.model import Session

SERVICE_AND_RESULTS = {0x62D6B459, 0x347773C5, 0xF35C6D01, NEW_SESSION, 0xEDAB447B}


def news(seq: int = 0) -> Any:
    return types.Updates(updates=[types.UpdateConfig()], users=[], chats=[], date=None, seq=seq)


async def heard(client: RawClient) -> list[Any]:
    """The updates that have come up to now."""
    await client.ping()
    return [read(unzipped(each.body)) for each in client.seen if each.constructor not in SERVICE_AND_RESULTS]


async def until_closed(telegram: Emulator, left: int) -> None:
    """Wait until the emulator has noticed that all connections but ``left`` are closed."""
    lines = telegram._registry.lines
    for line in list(lines)[: len(lines) - left]:
        await line.wait_closed()


@pytest.fixture
async def client(session: Session, raw: Any) -> RawClient:
    found: RawClient = await raw(session)
    return found


async def test_every_authorization_counts_its_own_seq(
    telegram: Emulator, ada: Any, client: RawClient, raw: Any
) -> None:
    telegram.push(ada.id, news())
    late = await raw(telegram.mint(ada))
    telegram.push(ada.id, news())
    telegram.push(ada.id, news())
    assert [each.seq for each in await heard(client)] == [1, 2, 3]
    assert [each.seq for each in await heard(late)] == [1, 2]


async def test_whoever_caused_it_is_spared(telegram: Emulator, ada: Any, client: RawClient, raw: Any) -> None:
    other = await raw(telegram.mint(ada))
    lines = {line.ip: line for line in telegram._registry.lines}
    assert len(lines) == 1
    (own, *_rest) = telegram._registry.lines_of(telegram.authorizations(ada)[0])
    telegram.push(ada.id, news(), skip=own)
    assert await heard(client) == []
    assert len(await heard(other)) == 1


async def test_a_connection_without_updates_hears_nothing(telegram: Emulator, ada: Any, raw: Any) -> None:
    client = await raw(telegram.mint(ada), ready=False)
    config = functions.help.GetConfigRequest()
    await client.call(functions.InvokeWithoutUpdatesRequest(query=config), init=True)
    telegram.push(ada.id, news())
    assert await heard(client) == []
    await client.call(config)
    telegram.push(ada.id, news())
    assert len(await heard(client)) == 1


async def test_one_authorization_can_be_told_alone(telegram: Emulator, ada: Any, client: RawClient, raw: Any) -> None:
    other = await raw(telegram.mint(ada))
    telegram.push(ada.id, news(), only=telegram.authorizations(ada)[1])
    assert await heard(client) == []
    assert len(await heard(other)) == 1


async def test_updates_may_differ_for_each_authorization(
    telegram: Emulator, ada: Any, client: RawClient, raw: Any
) -> None:
    """Access hashes do."""
    other = await raw(telegram.mint(ada))
    hashes = [each.hash for each in telegram.authorizations(ada)]

    def made(authorization: Any) -> Any:
        return types.UpdateShort(update=types.UpdatePtsChanged(), date=hashes.index(authorization.hash))

    telegram.push(ada.id, made)
    for expected, each in enumerate((client, other)):
        (update,) = await heard(each)
        assert int(update.date.timestamp()) == expected


async def test_a_dead_authorization_hears_nothing(telegram: Emulator, ada: Any, client: RawClient) -> None:
    telegram.fault("revoke")
    telegram.push(ada.id, news())
    assert await heard(client) == []


async def test_updates_have_the_low_bits_of_a_notice(telegram: Emulator, ada: Any, client: RawClient) -> None:
    """core.telegram.org/mtproto/description: an answer is 1 modulo 4, anything else 3."""
    telegram.push(ada.id, news())
    await client.call(functions.help.GetConfigRequest())
    results = [each for each in client.seen if each.constructor == 0xF35C6D01]
    (update,) = [each for each in client.seen if each.constructor == types.Updates.CONSTRUCTOR_ID]
    assert update.id & 3 == 3
    assert {each.id & 3 for each in results} == {1}


async def test_a_conversation_that_is_forgotten_is_announced_and_hears_again(
    telegram: Emulator, ada: Any, client: RawClient
) -> None:
    """What came in between is lost: the client has to ask for the difference."""
    telegram.forget_conversations(ada)
    telegram.push(ada.id, news())
    await client.call(functions.help.GetConfigRequest())
    assert len([each for each in client.seen if each.constructor == NEW_SESSION]) == 2
    assert await heard(client) == []
    telegram.push(ada.id, news())
    assert len(await heard(client)) == 1


async def test_updates_not_acknowledged_come_again_to_the_same_conversation(
    telegram: Emulator, ada: Any, client: RawClient, session: Session, raw: Any
) -> None:
    client.acks = False
    telegram.push(ada.id, news())
    await heard(client)
    again = await raw(session, ready=False, session_id=client.session_id)
    again.salt, again._last_id, again._sequence = client.salt, client._last_id, client._sequence
    again.acks = False
    (update,) = await heard(again)
    assert update.seq == 1


async def test_the_last_active_connection_is_told_and_no_other(telegram: Emulator, raw: Any) -> None:
    """core.telegram.org/api/updates. A key without a login may have several main connections: updateLoginToken."""
    key = telegram.fresh_key(dc=2)
    first, second = await raw(key), await raw(key)
    authorization = telegram.authorization_of(key)
    telegram.push(0, news(), only=authorization)
    assert (len(await heard(first)), len(await heard(second))) == (0, 1)
    await first.call(functions.help.GetConfigRequest())
    telegram.push(0, news(), only=authorization)
    assert (len(await heard(first)), len(await heard(second))) == (1, 1)
    await first.close()
    await until_closed(telegram, 1)
    telegram.push(0, news(), only=authorization)
    assert len(await heard(second)) == 2


async def test_a_media_connection_is_never_the_one_that_is_told(
    telegram: Emulator, ada: Any, client: RawClient, session: Session, raw: Any
) -> None:
    media = await raw(session, next(each for each in telegram.network.addresses if each.media))
    await media.call(functions.help.GetConfigRequest())
    telegram.push(ada.id, news())
    assert (len(await heard(client)), len(await heard(media))) == (1, 0)


async def test_a_client_that_reads_nothing_is_cut_off(telegram: Emulator, ada: Any, client: RawClient) -> None:
    (line,) = telegram._registry.lines
    notice = types.UpdateServiceNotification("x", "x" * 1_000_000, types.MessageMediaEmpty(), [])
    for _ in range(60):
        telegram.push(ada.id, types.Updates(updates=[notice], users=[], chats=[], date=None, seq=0))
        line.flush()
    await line.wait_closed()
    assert not telegram._registry.lines
