"""Files that were sent: what is a photo, how much is kept, how long a reference is good."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.pictures import gif, jpeg, png
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.files import LARGEST_PHOTO, File, Files
from telekeep.emulator.world.hashes import REFERENCE_LASTS, Viewer
from telekeep.emulator.world.image import dimensions


def document(files: Files, data: bytes) -> File:
    return files.add_document(data, mime_type="", attributes=(), dc_id=2, date=0)


@pytest.mark.parametrize("make", [png, gif, jpeg])
def test_a_picture_is_measured(make: Any) -> None:
    assert dimensions(make(320, 200)) == (320, 200)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"hello" * 9])
def test_what_is_no_picture_has_no_size(data: bytes) -> None:
    assert dimensions(data) is None


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (png(), "cat.txt", "PHOTO_EXT_INVALID"),
        (b"no picture", "cat.png", "IMAGE_PROCESS_FAILED"),
        (png() + bytes(LARGEST_PHOTO), "cat.png", "PHOTO_SAVE_FILE_INVALID"),
        (gif(9_000, 2_000), "cat.gif", "PHOTO_INVALID_DIMENSIONS"),
        (gif(210, 10), "cat.gif", "PHOTO_INVALID_DIMENSIONS"),
        (gif(0, 0), "cat.gif", "PHOTO_INVALID_DIMENSIONS"),
    ],
)
def test_what_cannot_be_a_photo_is_refused(data: bytes, name: str, message: str) -> None:
    with pytest.raises(RpcError, match=message):
        Files().add_photo(data, name, dc_id=2, date=0)


def test_what_is_kept_is_bounded_and_the_oldest_bytes_go() -> None:
    files = Files(kept=100)
    first, second, third = [document(files, bytes(40)) for _ in range(3)]
    assert files.find(first.id) is None and first.data == b"" and first.size == 40
    assert files.find(second.id) is second and files.find(third.id) is third


def test_a_reference_is_good_for_a_while_and_looks_the_same_meanwhile() -> None:
    viewer = Viewer(b"secret", 1)
    given = viewer.reference(5, 1_000_000 * REFERENCE_LASTS)
    assert viewer.reference(5, 1_000_000 * REFERENCE_LASTS + 10) == given
    viewer.check_reference(5, given, 1_000_001 * REFERENCE_LASTS)
    with pytest.raises(RpcError, match="FILE_REFERENCE_EXPIRED"):
        viewer.check_reference(5, given, 1_000_002 * REFERENCE_LASTS)


def test_a_reference_is_of_one_file_and_one_authorization() -> None:
    viewer, now = Viewer(b"secret", 1), 1e9
    given = viewer.reference(5, now)
    later = (int.from_bytes(given[:4], "big") + 10_000).to_bytes(4, "big") + given[4:]
    for reference, who, file_id in ((given, viewer, 6), (given, Viewer(b"secret", 2), 5), (later, viewer, 5)):
        with pytest.raises(RpcError, match="FILE_REFERENCE_INVALID"):
            who.check_reference(file_id, reference, now)
    with pytest.raises(RpcError, match="FILE_REFERENCE_EMPTY"):
        viewer.check_reference(5, b"", now)
