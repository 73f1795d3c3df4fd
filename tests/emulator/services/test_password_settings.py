from __future__ import annotations

import os
from typing import Any

import pytest
from telethon import password as client_side

from emulator.services.bench import Bench, Device
from telekeep.mtproto.schema import functions, types

GET = functions.account.GetPasswordRequest()
NONE = types.InputCheckPasswordEmpty()


@pytest.fixture
def device(bench: Bench) -> Device:
    return bench.device(bench.world.add_account("9996621234"))


def settings(algorithm: Any, words: str, **more: Any) -> Any:
    digest = client_side.compute_digest(algorithm, words) if words else b""
    return types.account.PasswordInputSettings(
        new_algo=algorithm, new_password_hash=digest, hint=more.pop("hint", ""), **more
    )


def set_password(device: Device, words: str, *, old: str = "", hint: str = "") -> Any:
    known = device(GET)
    algorithm = known.new_algo
    algorithm.salt1 += os.urandom(32)
    proof = client_side.compute_check(known, old) if old else NONE
    return functions.account.UpdatePasswordSettingsRequest(
        password=proof, new_settings=settings(algorithm, words, hint=hint)
    )


def test_a_password_is_set_changed_with_the_old_one_and_removed(device: Device) -> None:
    assert not device(GET).has_password
    assert device(set_password(device, "first", hint="ordinal")) is True
    assert device(GET).hint == "ordinal"
    assert device(set_password(device, "second", old="first")) is True
    assert device.refused(set_password(device, "third", old="first")) == "PASSWORD_HASH_INVALID"
    assert device(set_password(device, "", old="second")) is True
    assert not device(GET).has_password


def test_a_password_that_was_set_is_the_one_a_login_needs(bench: Bench, device: Device) -> None:
    device(set_password(device, "new one"))
    fresh = bench.device()
    sent = fresh(functions.auth.SendCodeRequest("9996621234", 1, "any", types.CodeSettings()))
    request = functions.auth.SignInRequest("9996621234", sent.phone_code_hash, phone_code="22222")
    assert fresh.refused(request) == "SESSION_PASSWORD_NEEDED"
    proof = client_side.compute_check(fresh(GET), "new one")
    assert fresh(functions.auth.CheckPasswordRequest(password=proof)).user.is_self


def test_a_change_without_the_old_password_is_refused(device: Device) -> None:
    device(set_password(device, "first"))
    assert device.refused(set_password(device, "second")) == "PASSWORD_HASH_INVALID"


def test_salts_the_server_did_not_propose_to_this_key_are_refused(bench: Bench, device: Device) -> None:
    other = bench.device(bench.world.add_account("9996625678"))
    proposed_to_other = other(GET).new_algo
    proposed_to_other.salt1 += os.urandom(32)
    device(GET)
    request = functions.account.UpdatePasswordSettingsRequest(NONE, settings(proposed_to_other, "x"))
    assert device.refused(request) == "NEW_SALT_INVALID"


def test_a_salt_the_client_did_not_lengthen_is_refused(device: Device) -> None:
    request = functions.account.UpdatePasswordSettingsRequest(NONE, settings(device(GET).new_algo, "x"))
    assert device.refused(request) == "NEW_SALT_INVALID"


def test_a_hash_of_the_wrong_size_is_refused(device: Device) -> None:
    request = set_password(device, "x")
    request.new_settings.new_password_hash = b"short"
    assert device.refused(request) == "NEW_SETTINGS_INVALID"


def test_no_change_at_all_is_refused(device: Device) -> None:
    request = functions.account.UpdatePasswordSettingsRequest(NONE, types.account.PasswordInputSettings())
    assert device.refused(request) == "NEW_SETTINGS_EMPTY"
