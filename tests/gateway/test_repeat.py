"""What may be sent a second time when nobody knows whether the first arrived."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.requests import example, methods
from telekeep.gateway.asked import asked
from telekeep.gateway.repeat import is_repeatable
from telekeep.mtproto.schema import functions, types

SELF = types.InputPeerSelf()
SEND = functions.messages.SendMessageRequest(SELF, "a", random_id=5)


def repeatable(request: Any) -> bool:
    return is_repeatable(asked(bytes(request)))


def album(*random_ids: int) -> Any:
    media = types.InputMediaUploadedPhoto(types.InputFile(1, 1, "a", ""))
    return functions.messages.SendMultiMediaRequest(
        SELF, [types.InputSingleMedia(media, "", random_id=each) for each in random_ids]
    )


def forward(*random_ids: int, of: int) -> Any:
    return functions.messages.ForwardMessagesRequest(SELF, list(range(1, of + 1)), SELF, random_id=list(random_ids))


@pytest.mark.parametrize(
    "request_",
    [
        functions.users.GetUsersRequest([types.InputUserSelf()]),
        functions.messages.GetHistoryRequest(SELF, 0, None, 0, 1, 0, 0, 0),
        functions.messages.GetMessagesViewsRequest(SELF, [1], False),
        functions.upload.SaveFilePartRequest(1, 0, b"x"),
        functions.upload.SaveBigFilePartRequest(1, 0, 1, b"x"),
        SEND,
        album(1),
        album(1, 2),
        forward(1, 2, of=2),
        functions.InvokeWithTakeoutRequest(1, functions.messages.GetHistoryRequest(SELF, 0, None, 0, 1, 0, 0, 0)),
        functions.InvokeAfterMsgRequest(1, SEND),
    ],
    ids=lambda request: type(request).__name__,
)
def test_it_may_be_repeated(request_: Any) -> None:
    assert repeatable(request_)


@pytest.mark.parametrize(
    "request_",
    [
        functions.messages.DeleteMessagesRequest([1]),
        functions.channels.CreateChannelRequest("a", "b"),
        functions.messages.CreateChatRequest([types.InputUserSelf()], "a"),
        functions.messages.GetMessagesViewsRequest(SELF, [1], True),
        functions.messages.GetBotCallbackAnswerRequest(SELF, 1),
        functions.account.InitTakeoutSessionRequest(),
        functions.messages.SendMessageRequest(SELF, "a", random_id=0),
        album(),
        album(1, 0),
        album(1, 1),
        forward(of=0),
        forward(1, of=2),
        forward(1, 0, of=2),
        forward(1, 1, of=2),
        functions.InvokeAfterMsgRequest(1, functions.messages.DeleteMessagesRequest([1])),
    ],
    ids=lambda request: type(request).__name__,
)
def test_it_is_in_doubt(request_: Any) -> None:
    assert not repeatable(request_)


# Said twice they are the same: where one is now, how far one has read.
PRESENCE = {
    "account.updateStatus",
    "channels.readHistory",
    "channels.readMessageContents",
    "messages.readHistory",
    "messages.readMessageContents",
    "messages.setTyping",
}


def test_of_all_writes_only_those_with_a_random_id_may_be_repeated() -> None:
    """The name of an advertisement is called random_id too: clicking on it twice is two clicks."""
    repeated = {name for name, kind in methods().items() if repeatable(example(kind))}
    assert {"messages.sendMedia", "messages.startBot", "messages.sendInlineBotResult"} <= repeated
    assert not {"messages.clickSponsoredMessage", "messages.viewSponsoredMessage"} & repeated
    for name in repeated:
        request, room_and_verb = example(methods()[name]), name.partition(".")[2]
        carries = any(hasattr(each, "random_id") for each in (request, *getattr(request, "multi_media", [])))
        reads = room_and_verb.startswith(("get", "search", "resolve", "check", "can", "suggest", "export"))
        assert (
            carries
            or reads
            or name in PRESENCE
            or name
            in {
                "upload.saveFilePart",
                "upload.saveBigFilePart",
                "upload.reuploadCdnFile",
                "stats.loadAsyncGraph",
            }
        )


def test_reading_up_to_whatever_is_newest_is_not_the_same_twice() -> None:
    """Another message may have come in between, which nobody has read."""
    assert repeatable(functions.messages.ReadHistoryRequest(SELF, max_id=7))
    assert not repeatable(functions.messages.ReadHistoryRequest(SELF, max_id=0))
