"""Files on their way up: whole, in order, of the right size, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import md5

import pytest

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.uploads import LARGEST_PART, Uploads

ADA = (1, 2)
KIB = 1024


def refused(message: str, call: Callable[[], object]) -> None:
    with pytest.raises(RpcError) as raised:
        call()
    assert raised.value.message == message


def test_parts_in_any_order_make_the_file_and_a_part_sent_again_replaces_it() -> None:
    uploads, data = Uploads(), os.urandom(5 * KIB + 17)
    for part in (2, 0, 1):
        uploads.save(ADA, 7, part, data[part * 2 * KIB : (part + 1) * 2 * KIB])
    uploads.save(ADA, 7, 1, data[2 * KIB : 4 * KIB])
    assert uploads.whole(ADA, 7, 3, big=False, checksum=md5(data).hexdigest()) == data
    assert uploads.whole(ADA, 7, 3, big=False) == data


@pytest.mark.parametrize(
    ("part", "size", "total", "message"),
    [
        (-1, 1, None, "FILE_PART_INVALID"),
        (4000, 1, None, "FILE_PART_INVALID"),
        (3, 1, 3, "FILE_PART_INVALID"),
        (0, 1, 0, "FILE_PARTS_INVALID"),
        (0, 1, 4001, "FILE_PARTS_INVALID"),
        (0, 0, None, "FILE_PART_EMPTY"),
        (0, LARGEST_PART + 1, None, "FILE_PART_TOO_BIG"),
        (0, 1000, 2, "FILE_PART_SIZE_INVALID"),
        (0, 3 * KIB, 2, "FILE_PART_SIZE_INVALID"),  # whole KiB, but 512 KiB are no multiple
    ],
)
def test_a_part_that_cannot_be_is_refused(part: int, size: int, total: int | None, message: str) -> None:
    refused(message, lambda: Uploads().save(ADA, 7, part, bytes(size), total=total))


def test_a_big_file_keeps_its_number_and_size_of_parts() -> None:
    uploads = Uploads()
    uploads.save(ADA, 7, 0, bytes(KIB), total=3)
    refused("FILE_PARTS_INVALID", lambda: uploads.save(ADA, 7, 1, bytes(KIB), total=4))
    refused("FILE_PARTS_INVALID", lambda: uploads.save(ADA, 7, 1, bytes(KIB)))
    refused("FILE_PART_SIZE_CHANGED", lambda: uploads.save(ADA, 7, 1, bytes(2 * KIB), total=3))
    refused("FILE_PARTS_INVALID", lambda: uploads.whole(ADA, 7, 3, big=False))


def test_a_file_with_a_hole_names_it() -> None:
    uploads = Uploads()
    refused("FILE_PART_0_MISSING", lambda: uploads.whole(ADA, 7, 1, big=False))
    uploads.save(ADA, 7, 0, bytes(KIB))
    uploads.save(ADA, 7, 2, bytes(KIB))
    refused("FILE_PART_1_MISSING", lambda: uploads.whole(ADA, 7, 3, big=False))


@pytest.mark.parametrize("parts", [0, 4001, 1])
def test_a_number_of_parts_that_is_not_what_came_is_refused(parts: int) -> None:
    uploads = Uploads()
    for part in range(2):
        uploads.save(ADA, 7, part, bytes(KIB))
    refused("FILE_PARTS_INVALID", lambda: uploads.whole(ADA, 7, parts, big=False))


def test_uneven_parts_of_a_small_file_are_refused_at_its_end() -> None:
    uploads = Uploads()
    for part, size in enumerate((KIB, 2 * KIB, KIB)):
        uploads.save(ADA, 7, part, bytes(size))
    refused("FILE_PART_SIZE_CHANGED", lambda: uploads.whole(ADA, 7, 3, big=False))
    for part in range(2):
        uploads.save(ADA, 8, part, bytes(1000))
    refused("FILE_PART_SIZE_INVALID", lambda: uploads.whole(ADA, 8, 2, big=False))


def test_a_wrong_checksum_is_refused() -> None:
    uploads = Uploads()
    uploads.save(ADA, 7, 0, b"data")
    refused("MD5_CHECKSUM_INVALID", lambda: uploads.whole(ADA, 7, 1, big=False, checksum="0" * 32))


def test_more_than_ten_mebibytes_must_come_as_a_big_file() -> None:
    uploads = Uploads()
    for part in range(21):
        uploads.save(ADA, 7, part, bytes(LARGEST_PART))
        uploads.save(ADA, 8, part, bytes(LARGEST_PART), total=21)
    refused("FILE_PARTS_INVALID", lambda: uploads.whole(ADA, 7, 21, big=False))
    assert len(uploads.whole(ADA, 8, 21, big=True)) == 21 * LARGEST_PART


def test_parts_belong_to_who_saved_them_where() -> None:
    uploads = Uploads()
    uploads.save(ADA, 7, 0, b"data")
    for other in ((2, 2), (1, 4)):
        refused("FILE_PART_0_MISSING", lambda other=other: uploads.whole(other, 7, 1, big=False))


def test_what_is_kept_is_bounded_and_the_oldest_go() -> None:
    uploads = Uploads(kept=10 * KIB)
    for file_id in (1, 2, 3):
        uploads.save(ADA, file_id, 0, bytes(4 * KIB))
    refused("FILE_PART_0_MISSING", lambda: uploads.whole(ADA, 1, 1, big=False))
    assert uploads.whole(ADA, 3, 1, big=False)
    uploads.save(ADA, 4, 0, bytes(8 * KIB), total=2)
    refused("FILE_PARTS_INVALID", lambda: uploads.save(ADA, 4, 1, bytes(3 * KIB), total=2))
