"""Files up and down, alone and in albums: stock Telethon byte for byte, and what a careless client is told."""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import pytest
from telethon import errors, events, functions, types

from emulator.pictures import png
from emulator.services.bench import Bench, Device
from emulator.services.conftest import Connect
from emulator.services.test_over_the_wire import arrive, listen
from telekeep.emulator import Emulator
from telekeep.emulator.world.files import File
from telekeep.emulator.world.hashes import REFERENCE_LASTS

ADA, BOB, ON_4 = "9996621234", "9996625678", "9996641234"
MIB = 1 << 20
SELF = types.InputPeerSelf()


def named(data: bytes, name: str) -> io.BytesIO:
    stream = io.BytesIO(data)
    stream.name = name
    return stream


# ---- stock Telethon


@pytest.mark.parametrize("size", [1, 4096, 300_000, MIB, 11 * MIB + 5])
async def test_a_document_comes_back_byte_for_byte(telegram: Emulator, connect: Connect, size: int) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    data = os.urandom(size)
    sent = await client.send_file("me", named(data, "data.bin"), caption="**here**")
    assert (sent.file.name, sent.file.size, sent.text) == ("data.bin", size, "**here**")
    [message] = await client.get_messages("me")
    assert await message.download_media(bytes) == data
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_a_photo_has_sizes_and_comes_back(telegram: Emulator, connect: Connect) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    sent = await client.send_file("me", named(png(64, 48), "cat.png"))
    assert [(each.w, each.h) for each in sent.photo.sizes] == [(64, 48)] * 2
    assert await sent.download_media(bytes) == png(64, 48)
    assert await sent.download_media(bytes, thumb=0) == png(64, 48)


async def test_a_thumbnail_can_be_fetched_alone(telegram: Emulator, connect: Connect) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    thumb = named(png(), "small.png")
    sent = await client.send_file("me", named(b"data" * 99, "data.bin"), thumb=thumb, force_document=True)
    assert await sent.download_media(bytes, thumb=0) == png()
    assert await sent.download_media(bytes) == b"data" * 99


async def test_a_file_of_another_data_center_is_fetched_there(telegram: Emulator, connect: Connect) -> None:
    """By an exported authorization, from a message of somebody who lives there; and beside the main connection."""
    ada, abroad = telegram.add_account(ADA), telegram.add_account(ON_4, username="abroad")
    client, theirs = await connect(telegram.mint(ada)), await connect(telegram.mint(abroad))
    received = listen(theirs, events.NewMessage(incoming=True))
    await client.send_message("abroad", "send it")
    [asked] = await arrive(received, 1)
    data = os.urandom(2 * MIB + 3)
    arriving = listen(client, events.NewMessage(incoming=True))
    await asked.respond(file=named(data, "far.bin"))
    [event] = await arrive(arriving, 1)
    assert event.document.dc_id == 4
    before = telegram.stats.handshakes
    found, _me, again = await asyncio.gather(
        event.download_media(bytes), client.get_me(), event.message.download_media(bytes)
    )
    assert found == again == data
    assert (telegram.stats.handshakes - before, telegram.stats.duplicated, telegram.stats.overlap) == (1, 0, 0)


async def test_a_client_that_asks_at_home_is_sent_where_the_file_lies(telegram: Emulator, connect: Connect) -> None:
    account = telegram.add_account(ADA)
    client = await connect(telegram.mint(account))
    data = os.urandom(700_000)
    telegram.send_file(ADA, data, "far.bin", dc=4)
    [dialog] = await client.get_dialogs()
    document = dialog.message.document
    location = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
    with pytest.raises(errors.FileMigrateError) as raised:
        await client(functions.upload.GetFileRequest(location, 0, 4096))
    assert raised.value.new_dc == 4
    assert await client.download_file(location, bytes, dc_id=2) == data  # follows


async def test_a_reference_expires_and_the_message_brings_a_new_one(telegram: Emulator, connect: Connect) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    data = os.urandom(50_000)
    photo, document = [
        await client.send_file("me", named(each, name)) for each, name in ((png(), "a.png"), (data, "a"))
    ]
    telegram.advance(2 * REFERENCE_LASTS)
    with pytest.raises(errors.FileReferenceExpiredError):
        await photo.download_media(bytes)
    with pytest.raises(errors.FileReferenceExpiredError):
        await client.send_file("me", document.media)
    assert await document.download_media(bytes) == data  # Telethon fetches the message again by itself
    fresh = await client.get_messages("me", ids=photo.id)
    assert fresh.photo.file_reference != photo.photo.file_reference
    assert await fresh.download_media(bytes) == png()


async def test_a_file_is_sent_on_without_uploading_it_again(telegram: Emulator, connect: Connect) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    for data, name in ((png(), "a.png"), (b"data", "a.txt")):
        first = await client.send_file("me", named(data, name))
        second = await client.send_file("me", first.media)
        one, other = first.photo or first.document, second.photo or second.document
        assert one.id == other.id and second.id != first.id
        assert await second.download_media(bytes) == data


async def test_a_file_goes_up_and_down_on_a_media_connection_beside_the_main_one(
    telegram: Emulator, connect: Connect, raw: Any
) -> None:
    session = telegram.mint(telegram.add_account(ADA))
    client = await connect(session)
    media = await raw(session, next(each for each in telegram.network.addresses if each.media))
    await media.call(functions.upload.SaveFilePartRequest(file_id=9, file_part=0, bytes=b"beside"))
    await client.get_me()
    sent = await client.send_file("me", types.InputFile(9, 1, "beside.txt", ""))
    place = types.InputDocumentFileLocation(
        sent.document.id, sent.document.access_hash, sent.document.file_reference, ""
    )
    found = await media.call(functions.upload.GetFileRequest(location=place, offset=0, limit=4096))
    await client.get_me()
    assert found.bytes == b"beside"
    assert (telegram.stats.duplicated, telegram.stats.overlap) == (0, 0)


async def test_many_pieces_asked_for_at_once_come_on_one_connection(telegram: Emulator, connect: Connect) -> None:
    """They are more than a client that reads nothing may leave unread."""
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    telegram.send_file(ADA, os.urandom(MIB))
    [dialog] = await client.get_dialogs()
    document = dialog.message.document
    place = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
    await asyncio.gather(*(client(functions.upload.GetFileRequest(place, 0, MIB)) for _ in range(24)))
    assert telegram.stats.connections == 1


async def test_an_album_arrives_as_one_on_both_sides(telegram: Emulator, connect: Connect) -> None:
    ada, bob = telegram.add_account(ADA), telegram.add_account(BOB, username="bob")
    hers, his = await connect(telegram.mint(ada)), await connect(telegram.mint(bob))
    albums = listen(his, events.Album())
    pictures = [png(shade=each) for each in range(3)]
    sent = await hers.send_file("bob", [named(each, "a.png") for each in pictures], caption=["one", "two", "three"])
    assert len({each.grouped_id for each in sent}) == 1 and sent[0].grouped_id
    [album] = await arrive(albums, 1)
    assert [each.text for each in album.messages] == ["one", "two", "three"]
    assert [await each.download_media(bytes) for each in album.messages] == pictures


async def test_the_file_of_a_message_is_exchanged(telegram: Emulator, connect: Connect) -> None:
    client = await connect(telegram.mint(telegram.add_account(ADA)))
    sent = await client.send_file("me", named(png(), "a.png"), caption="old")
    edited = await client.edit_message("me", sent.id, "new", file=named(png(shade=9), "b.png"))
    assert (edited.id, edited.text) == (sent.id, "new")
    assert await edited.download_media(bytes) == png(shade=9)


# ---- rules


@pytest.fixture
def device(bench: Bench) -> Device:
    return bench.device(bench.world.add_account(ADA, first_name="Ada"))


def uploaded(device: Device, data: bytes = b"data", file_id: int = 1) -> Any:
    device(functions.upload.SaveFilePartRequest(file_id=file_id, file_part=0, bytes=data))
    return types.InputFile(id=file_id, parts=1, name="a.png", md5_checksum="")


def as_document(file: Any) -> Any:
    return types.InputMediaUploadedDocument(file=file, mime_type="", attributes=[])


def send(media: Any, random_id: int = 1, message: str = "", **more: Any) -> Any:
    return functions.messages.SendMediaRequest(peer=SELF, media=media, message=message, random_id=random_id, **more)


def album(*singles: Any) -> Any:
    return functions.messages.SendMultiMediaRequest(peer=SELF, multi_media=list(singles))


def single(media: Any, random_id: int, message: str = "") -> Any:
    return types.InputSingleMedia(media=media, random_id=random_id, message=message)


def kept(device: Device, data: bytes = b"data") -> Any:
    """A document that was uploaded, as InputDocument."""
    media = as_document(uploaded(device, data))
    found = device(functions.messages.UploadMediaRequest(peer=SELF, media=media)).document
    return types.InputDocument(found.id, found.access_hash, found.file_reference)


def get(document: Any, offset: int = 0, limit: int = 4096, *, thumb: str = "", precise: bool | None = None) -> Any:
    place = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, thumb)
    return functions.upload.GetFileRequest(location=place, offset=offset, limit=limit, precise=precise)


@pytest.mark.parametrize(
    ("offset", "limit", "precise", "message"),
    [
        (-4096, 4096, None, "OFFSET_INVALID"),
        (1024, 4096, None, "OFFSET_INVALID"),
        (1000, 1024, True, "OFFSET_INVALID"),
        (0, 0, None, "LIMIT_INVALID"),
        (0, -4096, None, "LIMIT_INVALID"),
        (0, 1024, None, "LIMIT_INVALID"),
        (0, 3 * 4096, None, "LIMIT_INVALID"),  # 1 MiB is no multiple
        (0, 2 * MIB, None, "LIMIT_INVALID"),
        (0, 1000, True, "LIMIT_INVALID"),
        (0, MIB + 1024, True, "LIMIT_INVALID"),
        (MIB - 4096, 8192, None, "LIMIT_INVALID"),  # reaches into the next MiB
        (MIB - 1024, 2048, True, "LIMIT_INVALID"),
    ],
)
def test_a_piece_has_its_rules(device: Device, offset: int, limit: int, precise: bool | None, message: str) -> None:
    assert device.refused(get(kept(device), offset, limit, precise=precise)) == message


def test_a_piece_is_cut_exactly_and_beyond_the_end_is_nothing(device: Device) -> None:
    data = os.urandom(10_000)
    document = kept(device, data)
    assert device(get(document, 4096, 4096)).bytes == data[4096:8192]
    assert device(get(document, 8192, 4096)).bytes == data[8192:]
    assert device(get(document, 3072, 3072, precise=True)).bytes == data[3072:6144]
    assert device(get(document, 12288, 4096)).bytes == b""


def test_a_file_needs_its_id_its_hash_and_its_reference(bench: Bench, device: Device) -> None:
    document = kept(device)
    good = document.id, document.access_hash, document.file_reference
    for change, message in (
        ((5, *good[1:]), "FILE_ID_INVALID"),
        ((good[0], 5, good[2]), "FILE_ID_INVALID"),
        ((*good[:2], b""), "FILE_REFERENCE_EMPTY"),
        ((*good[:2], bytes(20)), "FILE_REFERENCE_INVALID"),
    ):
        assert device.refused(get(types.InputDocument(*change))) == message
    assert device.refused(get(document, thumb="m")) == "LOCATION_INVALID"
    photo = types.InputPhotoFileLocation(*good, thumb_size="x")
    assert device.refused(functions.upload.GetFileRequest(photo, 0, 4096)) == "FILE_ID_INVALID"
    other = types.InputPeerPhotoFileLocation(peer=SELF, photo_id=1)
    assert device.refused(functions.upload.GetFileRequest(other, 0, 4096)) == "LOCATION_INVALID"


def test_hash_and_reference_are_of_one_login(bench: Bench, device: Device) -> None:
    other = bench.device(bench.world.accounts[device.authorization.user_id or 0])
    document = kept(device)
    assert other.refused(get(document)) == "FILE_ID_INVALID"
    assert other.refused(send(types.InputMediaDocument(document))) == "DOCUMENT_INVALID"


def test_an_expired_reference_is_refused_everywhere(bench: Bench, device: Device) -> None:
    document = kept(device)
    bench.clock.advance(2 * REFERENCE_LASTS)
    media = types.InputMediaDocument(document)
    assert device.refused(get(document)) == "FILE_REFERENCE_EXPIRED"
    assert device.refused(send(media)) == "FILE_REFERENCE_EXPIRED"
    fresh = types.InputMediaDocument(kept(device))
    assert device.refused(album(single(fresh, 1), single(media, 2))) == "FILE_REFERENCE_1_EXPIRED"


def test_parts_saved_on_another_data_center_are_not_found_at_home(bench: Bench, device: Device) -> None:
    abroad = bench.device(dc=4)
    abroad.authorization.log_in(device.authorization.user_id or 0, at=0, origin=device.authorization)
    file = uploaded(abroad)
    assert device.refused(send(as_document(file))) == "FILE_PART_0_MISSING"


def test_a_file_must_be_uploaded_whole_and_unchanged(device: Device) -> None:
    file = uploaded(device)
    file.md5_checksum = "0" * 32
    assert device.refused(send(as_document(file))) == "MD5_CHECKSUM_INVALID"
    missing = types.InputFile(id=1, parts=2, name="a.png", md5_checksum="")
    assert device.refused(send(as_document(missing))) == "FILE_PART_1_MISSING"
    request = functions.upload.SaveBigFilePartRequest(file_id=3, file_part=0, file_total_parts=0, bytes=b"x")
    assert device.refused(request) == "FILE_PARTS_INVALID"


@pytest.mark.parametrize(
    ("media", "message"),
    [
        (types.InputMediaEmpty(), "MEDIA_EMPTY"),
        (types.InputMediaGeoPoint(types.InputGeoPointEmpty()), "MEDIA_INVALID"),
        (types.InputMediaDocument(types.InputDocument(1, 2, b"x")), "DOCUMENT_INVALID"),
        (types.InputMediaPhoto(types.InputPhoto(1, 2, b"x")), "PHOTO_INVALID"),
        (types.InputMediaDocument(types.InputDocument(1, 2, b"x"), ttl_seconds=5), "TTL_MEDIA_INVALID"),
    ],
)
def test_what_is_no_file_of_this_world_is_refused(device: Device, media: Any, message: str) -> None:
    assert device.refused(send(media)) == message
    assert device.refused(functions.messages.UploadMediaRequest(peer=SELF, media=media)) == message


def test_a_caption_has_a_limit_of_its_own(device: Device) -> None:
    media = types.InputMediaDocument(kept(device))
    assert device.refused(send(media, message="x" * 1025)) == "MEDIA_CAPTION_TOO_LONG"
    assert device(send(media, message="x" * 1024))
    assert device.refused(send(media, 2, schedule_date=2_000_000_000)) == "SCHEDULE_DATE_INVALID"


def test_a_file_sent_again_with_its_random_id_is_one_message(bench: Bench, device: Device) -> None:
    media = types.InputMediaDocument(kept(device))
    first = device(send(media, 7))
    bench.clock.advance(2 * REFERENCE_LASTS)  # the answer was lost, and the reference is old by now
    again = device(send(media, 7))
    assert again.updates[0].id == first.updates[0].id
    assert [each.updates[1].pts_count for each in (first, again)] == [1, 0]


def test_a_message_whose_file_was_forgotten_shows_it_still(device: Device) -> None:
    document = kept(device)
    sent = device(send(types.InputMediaDocument(document)))
    files = device.bench.world.files
    forgotten = files._files.pop(document.id)
    assert isinstance(forgotten, File)
    asked = functions.messages.GetMessagesRequest(id=[types.InputMessageID(sent.updates[0].id)])
    assert device(asked).messages[0].media.document.size == 4
    assert device.refused(get(document)) == "FILE_ID_INVALID"


def test_an_album_has_its_rules_and_leaves_no_trace_if_it_breaks_one(bench: Bench, device: Device) -> None:
    media = types.InputMediaDocument(kept(device))
    box = bench.world.accounts[device.authorization.user_id or 0].box
    before = box.pts
    uploading = as_document(uploaded(device))
    for request, message in (
        (album(), "MEDIA_EMPTY"),
        (album(*(single(media, each + 1) for each in range(11))), "MULTI_MEDIA_TOO_LONG"),
        (album(single(media, 1), single(media, 1)), "RANDOM_ID_DUPLICATE"),
        (album(single(media, 1), single(media, 0)), "RANDOM_ID_EMPTY"),
        (album(single(media, 1), single(uploading, 2)), "MEDIA_INVALID"),
        (album(single(media, 1), single(media, 2, "x" * 1025)), "MEDIA_CAPTION_TOO_LONG"),
    ):
        assert device.refused(request) == message
    assert box.pts == before


def test_an_album_sent_again_is_the_same_album(device: Device) -> None:
    media = types.InputMediaDocument(kept(device))
    request = album(single(media, 1), single(media, 2))
    first, again = device(request), device(request)
    assert [each.id for each in again.updates[:2]] == [each.id for each in first.updates[:2]]
    assert [each.pts_count for each in again.updates[2:]] == [0, 0]
    assert len({each.message.grouped_id for each in (*first.updates[2:], *again.updates[2:])}) == 1


def test_an_album_is_told_in_one_piece_and_numbered_as_one(bench: Bench, device: Device) -> None:
    other = bench.device(bench.world.accounts[device.authorization.user_id or 0])
    media = types.InputMediaDocument(kept(device))
    device(album(*(single(media, each) for each in (1, 2, 3))))
    [told] = other.updates
    assert [type(each) for each in told.updates] == [types.UpdateNewMessage] * 3
    assert [each.pts for each in told.updates] == list(range(told.updates[0].pts, told.updates[0].pts + 3))
