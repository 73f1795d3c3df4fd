"""Methods whose subject this world does not have: asked as programs ask, answered as for an account that has none."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.mtproto.schema import functions, types


@pytest.fixture
def device(bench: Bench) -> Device:
    return bench.device(bench.world.add_account("9996621234", first_name="Ada", messages=20))


def test_there_is_one_folder_and_there_are_no_drafts(device: Device) -> None:
    folders = device(functions.messages.GetDialogFiltersRequest())
    folders = getattr(folders, "filters", folders)
    assert [type(each) for each in folders] == [types.DialogFilterDefault]
    assert device(functions.messages.GetAllDraftsRequest()).updates == []


@pytest.mark.skipif(not hasattr(functions.messages, "GetForumTopicsRequest"), reason="newer than this schema")
def test_a_group_is_no_forum(device: Device) -> None:
    def topics(peer: Any) -> Any:
        return functions.messages.GetForumTopicsRequest(peer, None, 0, 0, 100)

    assert device.refused(topics(types.InputPeerSelf())) == "CHANNEL_FORUM_MISSING"
    assert device.refused(topics(types.InputPeerChannel(5, 5))) == "CHANNEL_INVALID"


def test_nobody_has_a_picture(device: Device) -> None:
    found = device(functions.photos.GetUserPhotosRequest(types.InputUserSelf(), 0, 0, 10))
    assert (found.photos, len(found.users)) == ([], 1)
    nobody = types.InputUser(999, 5)
    assert device.refused(functions.photos.GetUserPhotosRequest(nobody, 0, 0, 10)) == "USER_ID_INVALID"
    assert device.refused(functions.photos.GetUserPhotosRequest(types.InputUserSelf(), 0, -1, 10)) == "MAX_ID_INVALID"
