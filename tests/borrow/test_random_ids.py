from __future__ import annotations

from telethon import functions, types

from telekeep.borrow.random_ids import RandomIds

ME = types.InputPeerSelf()


def send(text: str) -> functions.messages.SendMessageRequest:
    return functions.messages.SendMessageRequest(ME, text)


def ids(seed: bytes, *texts: str) -> list[int]:
    numbers, requests = RandomIds(seed), [send(text) for text in texts]
    for each in requests:
        numbers.number(each)
        numbers.number(each)  # a request that is sent again keeps its id
    return [each.random_id for each in requests]


def test_the_same_work_has_the_same_ids_in_any_order() -> None:
    first, second = ids(b"task", "one", "two"), ids(b"task", "two", "one")
    assert first == second[::-1] and len(set(first)) == 2
    assert set(ids(b"another task", "one", "two")).isdisjoint(first)


def test_what_is_said_twice_is_said_twice() -> None:
    assert len(set(ids(b"task", "again", "again"))) == 2
    assert ids(b"task", "again", "again") == ids(b"task", "again", "again")


def test_lists_and_albums_and_wrapped_requests_are_numbered() -> None:
    def made() -> list[object]:
        numbers = RandomIds(b"task")
        forward = functions.messages.ForwardMessagesRequest(ME, [1, 2], ME)
        photo = types.InputMediaPhotoExternal("x")
        album = functions.messages.SendMultiMediaRequest(
            ME, [types.InputSingleMedia(photo, "a"), types.InputSingleMedia(photo, "b")]
        )
        takeout = functions.InvokeWithTakeoutRequest(1, send("wrapped"))
        for each in (forward, album, takeout):
            numbers.number(each)
        return [forward.random_id, [each.random_id for each in album.multi_media], takeout.query.random_id]

    found = made()
    assert found == made()
    assert len({*found[0], *found[1], found[2]}) == 5  # type: ignore[misc]
