"""Access hashes are rewritten wherever a person or chat is named, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.requests import WRAPPERS, example, request_classes
from telekeep.gateway.asked import asked
from telekeep.gateway.peers import objects_in, rewrite, service_chat_in
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import PeerKind

OURS = {(PeerKind.USER, 5): 5005, (PeerKind.CHANNEL, 7): 7007}
HASHED = {
    "InputPeerUser": "user_id",
    "InputUser": "user_id",
    "InputPeerChannel": "channel_id",
    "InputChannel": "channel_id",
}


def hash_of(kind: PeerKind, number: int) -> int | None:
    return OURS.get((kind, number))


def peers_in(found: Any) -> Iterator[tuple[str, int, int]]:
    """Class, id and hash of every input peer that has a hash: another way to find them."""
    if isinstance(found, dict):
        if (field := HASHED.get(found.get("_", ""))) is not None:
            yield found["_"], found[field], found["access_hash"]
        for value in found.values():
            yield from peers_in(value)
    elif isinstance(found, list):
        for value in found:
            yield from peers_in(value)


def dialog_filter(user: Any, channel: Any) -> Any:
    title: Any = types.TextWithEntities("work", []) if hasattr(types, "TextWithEntities") else "work"
    return types.DialogFilter(2, title, pinned_peers=[channel], include_peers=[user], exclude_peers=[])


def requests() -> dict[str, Any]:
    """Made anew for each test: they are changed in place."""
    user, channel = types.InputPeerUser(5, 1), types.InputPeerChannel(7, 1)
    media = types.InputMediaUploadedPhoto(types.InputFile(1, 1, "a", ""))
    mention = types.InputMessageEntityMentionName(0, 1, types.InputUser(5, 1))
    return {
        "a peer": functions.messages.ReadHistoryRequest(user, 0),
        "users": functions.users.GetUsersRequest([types.InputUserSelf(), types.InputUser(5, 1), types.InputUser(5, 0)]),
        "a channel": functions.channels.GetFullChannelRequest(types.InputChannel(7, 1)),
        "both": functions.channels.GetParticipantRequest(types.InputChannel(7, 1), user),
        "a dialog": functions.messages.GetPeerDialogsRequest(
            [types.InputDialogPeer(user), types.InputDialogPeer(channel)]
        ),
        "a folder": functions.messages.UpdateDialogFilterRequest(2, dialog_filter(user, channel)),
        "seen in a chat": functions.users.GetFullUserRequest(types.InputUserFromMessage(channel, 3, 99)),
        "an answer": functions.messages.SendMessageRequest(
            user, "a", reply_to=types.InputReplyToMessage(3, reply_to_peer_id=channel), random_id=1
        ),
        "a story answered": functions.messages.SendMessageRequest(
            types.InputPeerSelf(), "a", reply_to=types.InputReplyToStory(user, 3), random_id=1
        ),
        "a mention": functions.messages.EditMessageRequest(types.InputPeerSelf(), 3, message="a", entities=[mention]),
        "an album": functions.messages.SendMultiMediaRequest(
            channel, [types.InputSingleMedia(media, "", random_id=1, entities=[mention])], send_as=user
        ),
        "a story sent": functions.messages.SendMediaRequest(
            user, types.InputMediaStory(channel, 3), "", random_id=1, send_as=channel
        ),
        "a profile photo": functions.upload.GetFileRequest(types.InputPeerPhotoFileLocation(user, 3), 0, 4096),
        "notifications": functions.account.GetNotifySettingsRequest(types.InputNotifyPeer(user)),
    }


@pytest.mark.parametrize("where", requests())
def test_the_owners_hash_takes_the_place_of_the_borrowers(where: str) -> None:
    found = asked(bytes(requests()[where]))
    before = found.body
    assert list(peers_in(found.request.to_dict()))
    assert rewrite(found.request, hash_of)
    found.repack()
    after = asked(found.body)
    assert found.body != before and len(found.body) == len(before)
    for _, number, access_hash in peers_in(after.request.to_dict()):
        assert access_hash == (5005 if number == 5 else 7007)


def test_what_is_right_already_needs_no_second_packing() -> None:
    request = requests()["both"]
    assert rewrite(request, hash_of)
    assert not rewrite(request, hash_of)


def test_whom_the_owner_has_not_met_stays_as_it_came() -> None:
    request = functions.users.GetUsersRequest([types.InputUser(99, 1), types.InputUser(7, 1)])
    before = bytes(request)
    assert not rewrite(request, hash_of)  # 7 is a channel
    assert bytes(request) == before


@pytest.mark.parametrize(
    "request_",
    [
        functions.help.GetNearestDcRequest(),
        functions.messages.DeleteMessagesRequest([5, 7]),
        functions.messages.ReadHistoryRequest(types.InputPeerChat(5), 0),
    ],
    ids=lambda request: type(request).__name__,
)
def test_requests_that_name_nobody_with_a_hash_stay_as_they_are(request_: Any) -> None:
    before = bytes(request_)
    assert not rewrite(request_, lambda kind, number: 1)
    assert bytes(request_) == before


def test_no_place_in_any_request_of_the_schema_is_forgotten() -> None:
    seen = 0
    for kind in request_classes():
        if kind.__name__ in WRAPPERS:
            continue
        for share, seed in ((0.0, 0), (1.0, 0), (1.0, 1), (0.5, 0)):
            request = example(kind, seed=seed, share=share)
            named = list(peers_in(request.to_dict()))
            assert rewrite(request, lambda kind, number: -number) == bool(named)
            again = list(peers_in(request.to_dict()))
            assert again == [(name, number, -number) for name, number, _ in named]
            seen += len(named)
    assert seen > 300


@pytest.mark.parametrize("name", ["InputPeerUser", "InputUser", "InputPeerUserFromMessage", "InputUserFromMessage"])
def test_the_service_chat_is_found_by_whatever_names_a_user(name: str) -> None:
    def named(number: int) -> Any:
        kind = getattr(types, name)
        user = kind(types.InputPeerSelf(), 3, number) if "From" in name else kind(number, 1)
        return functions.users.GetUsersRequest([types.InputUserSelf(), user])

    assert service_chat_in(named(777000))
    assert not service_chat_in(named(777001))


def test_every_object_of_a_request_is_walked_once() -> None:
    request = requests()["an album"]
    kinds = [type(each).__name__ for each in objects_in(request)]
    assert sorted(kinds) == sorted(
        [
            "SendMultiMediaRequest",
            "InputPeerChannel",
            "InputPeerUser",
            "InputSingleMedia",
            "InputMediaUploadedPhoto",
            "InputFile",
            "InputMessageEntityMentionName",
            "InputUser",
        ]
    )
