from __future__ import annotations

from typing import Any

import pytest

from emulator.pictures import png
from emulator.services.bench import Bench, Device
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world import Account
from telekeep.emulator.world.peer import user
from telekeep.mtproto.schema import functions, types

messages = functions.messages
EVERYWHERE = types.InputPeerEmpty()


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account("9996621234", first_name="Ada", messages=250)


@pytest.fixture
def device(bench: Bench, ada: Account) -> Device:
    return bench.device(ada)


@pytest.fixture
def bob(bench: Bench, ada: Account) -> Account:
    account = bench.world.add_account("9996625678", first_name="Bob")
    bench.world.meet(ada, account)
    return account


def of(device: Device, account: Account) -> Any:
    return types.InputPeerUser(
        account.id, device.bench.world.viewers.of(device.authorization.hash).access_hash("user", account.id)
    )


def search(peer: Any, q: str = "", *, filter: Any = None, limit: int = 100, **more: Any) -> Any:
    offsets = {"min_date": None, "max_date": None, "offset_id": 0, "add_offset": 0, "max_id": 0, "min_id": 0, "hash": 0}
    return messages.SearchRequest(
        peer=peer, q=q, filter=filter or types.InputMessagesFilterEmpty(), limit=limit, **{**offsets, **more}
    )


def texts(answer: Any) -> list[str]:
    return [message.message for message in answer.messages]


def test_words_are_found_by_their_beginnings_whatever_their_case(
    bench: Bench, device: Device, ada: Account, bob: Account
) -> None:
    for text in ("The quick brown Fox", "a fox is quicker", "unquick foxglove", "nothing"):
        bench.world.post.send(bob, user(ada.id), text)
    assert texts(device(search(of(device, bob), "QUICK fox"))) == ["a fox is quicker", "The quick brown Fox"]
    assert texts(device(search(of(device, bob), "quick, brown!"))) == ["The quick brown Fox"]
    assert texts(device(search(of(device, bob), "absent"))) == []


def test_one_dialog_is_searched_or_all_of_them(bench: Bench, device: Device, ada: Account, bob: Account) -> None:
    bench.world.post.send(bob, user(ada.id), "needle")
    bench.world.post.send(ada, user(ada.id), "needle, to remember")
    assert texts(device(search(types.InputPeerSelf(), "needle"))) == ["needle, to remember"]
    found = device(search(EVERYWHERE, "needle"))
    assert texts(found) == ["needle, to remember", "needle"]
    assert {each.id for each in found.users} == {ada.id, bob.id}


def test_everything_is_met_once_in_pages_and_counted(device: Device, ada: Account) -> None:
    seen: list[int] = []
    while True:
        page = device(search(EVERYWHERE, "message", offset_id=seen[-1] if seen else 0, limit=60))
        if not page.messages:
            break
        assert page.count == 250
        seen += [message.id for message in page.messages]
    assert seen == sorted(range(1, 251), reverse=True)


def test_who_wrote_and_when_narrow_it(bench: Bench, device: Device, ada: Account) -> None:
    group = next(dialog for dialog in ada.box.dialogs.values() if dialog.peer.kind == "chat")
    peer = types.InputPeerChat(group.peer.id)
    mine = device(search(peer, from_id=types.InputPeerSelf()))
    assert mine.messages and all(message.out for message in mine.messages)
    assert len(mine.messages) < len(group.messages)
    middle = group.messages[len(group.messages) // 2]
    early, late = device(search(peer, max_date=middle.date)), device(search(peer, min_date=middle.date))
    assert len(early.messages) + len(late.messages) == len(group.messages) - 1
    assert all(message.id < middle.id for message in early.messages)
    assert device.refused(search(peer, from_id=peer)) == "FROM_PEER_INVALID"
    assert device.refused(search(peer, from_id=types.InputPeerUser(999, 5))) == "FROM_PEER_INVALID"


def test_files_are_found_by_what_they_are(bench: Bench, device: Device, ada: Account, bob: Account) -> None:
    world, here = bench.world, {"dc_id": 2, "date": bench.world.now}
    documents = {
        "song": types.DocumentAttributeAudio(duration=1),
        "voice": types.DocumentAttributeAudio(duration=1, voice=True),
        "film": types.DocumentAttributeVideo(duration=1, w=1, h=1),
        "circle": types.DocumentAttributeVideo(duration=1, w=1, h=1, round_message=True),
        "paper": types.DocumentAttributeFilename("paper.pdf"),
    }
    for name, attribute in documents.items():
        file = world.files.add_document(b"x", mime_type="", attributes=(attribute,), **here)
        world.post.send(bob, user(ada.id), name, media=file)
    world.post.send(bob, user(ada.id), "picture", media=world.files.add_photo(png(8, 8), "a.png", **here))
    world.post.send(bob, user(ada.id), "see https://example.org")
    wanted = {
        types.InputMessagesFilterPhotos: ["picture"],
        types.InputMessagesFilterVideo: ["film"],
        types.InputMessagesFilterPhotoVideo: ["picture", "film"],
        types.InputMessagesFilterDocument: ["paper"],
        types.InputMessagesFilterMusic: ["song"],
        types.InputMessagesFilterVoice: ["voice"],
        types.InputMessagesFilterRoundVideo: ["circle"],
        types.InputMessagesFilterRoundVoice: ["circle", "voice"],
        types.InputMessagesFilterUrl: ["see https://example.org"],
        types.InputMessagesFilterGif: [],
        types.InputMessagesFilterPinned: [],
        types.InputMessagesFilterMyMentions: [],
        types.InputMessagesFilterGeo: [],
    }
    for kind, names in wanted.items():
        assert texts(device(search(of(device, bob), filter=kind()))) == names, kind
    for kind in (types.InputMessagesFilterChatPhotos, types.InputMessagesFilterContacts):
        assert texts(device(search(EVERYWHERE, filter=kind()))) == []
    calls = types.InputMessagesFilterPhoneCalls(missed=True)
    assert texts(device(search(EVERYWHERE, filter=calls))) == []


def test_what_is_known_already_is_not_sent_again(device: Device) -> None:
    found = device(search(EVERYWHERE, "message", limit=5))
    again = search(EVERYWHERE, "message", limit=5, hash=fold(message.id for message in found.messages))
    assert isinstance(device(again), types.messages.MessagesNotModified)


def test_asking_everywhere_for_nothing_is_refused(device: Device) -> None:
    assert device.refused(search(EVERYWHERE, " ")) == "SEARCH_QUERY_EMPTY"
    assert device.refused(search(EVERYWHERE, "x", top_msg_id=5)) == "MSG_ID_INVALID"
    assert device.refused(search(types.InputPeerChannel(5, 5), "x")) == "CHANNEL_INVALID"
    assert device.refused(search(types.InputPeerUser(999, 5), "x")) == "PEER_ID_INVALID"


def test_a_bot_does_not_search(bench: Bench) -> None:
    bot = bench.device(bench.world.add_account(bot_token="77:secret"))
    assert bot.refused(search(EVERYWHERE, "x")) == "BOT_METHOD_INVALID"


def everywhere(q: str, *, rate: int = 0, number: int = 0, **more: Any) -> Any:
    return messages.SearchGlobalRequest(
        q=q,
        filter=types.InputMessagesFilterEmpty(),
        min_date=None,
        max_date=None,
        offset_rate=rate,
        offset_peer=EVERYWHERE,
        offset_id=number,
        limit=100,
        **more,
    )


def test_a_global_search_leads_on_until_everything_was_met_once(device: Device) -> None:
    seen: list[int] = []
    rate = 0
    while rate is not None:
        page = device(everywhere("message", rate=rate, number=seen[-1] if seen else 0))
        seen += [message.id for message in page.messages]
        rate = page.next_rate
    assert seen == sorted(range(1, 251), reverse=True)


def test_a_global_search_can_be_kept_to_groups(device: Device) -> None:
    found = device(everywhere("message", groups_only=True))
    assert found.messages and all(isinstance(each.peer_id, types.PeerChat) for each in found.messages)
    assert device(everywhere("message", broadcasts_only=True)).messages == []
    assert device.refused(everywhere("")) == "SEARCH_QUERY_EMPTY"
    assert device.refused(everywhere("x", folder_id=3)) == "FOLDER_ID_INVALID"
