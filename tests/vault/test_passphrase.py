"""The passphrase: known at once to be wrong, asked for no more than needed, stretched as the vault says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telekeep.errors import ConfigError, SessionCorrupt, SessionSealed
from telekeep.testing.contracts.vault import VAULT_ID, a_session
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import rows

PHRASE = "Mürrisches Pferd, falsche Batterie"


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    monkeypatch.setattr(passphrase, "PASSES", 1)


class Person:
    """Types what they are told to, and counts how often they were asked."""

    def __init__(self, *phrases: str) -> None:
        self._phrases = list(phrases)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self._phrases.pop(0) if len(self._phrases) > 1 else self._phrases[0]


def test_the_key_is_stretched_as_the_design_says(place: Place) -> None:
    """Argon2id, 64 MiB, 3 passes; the parameters lie in the vault so that they can grow later."""
    vault = place.create(Passphrase(lambda: PHRASE))
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    ((kind, parameters),) = rows(place.sessions, "SELECT source, parameters FROM vault")
    said = json.loads(parameters)
    assert (kind, said["memory"], said["passes"]) == ("passphrase", 64 * 1024, 3)
    assert place.open(Passphrase(lambda: PHRASE)).load("a").auth_key == a_session(1).auth_key


@pytest.mark.usefixtures("cheap")
def test_a_wrong_passphrase_is_known_at_once_and_can_be_typed_again(place: Place) -> None:
    place.create(Passphrase(lambda: PHRASE)).keep("a", a_session(1), fence=1, expected=None)
    person = Person("wrong", PHRASE)
    with place.open(Passphrase(person)) as vault:
        assert person.asked == 0
        assert len(vault.entries()) == 1
        assert person.asked == 0, "the list needs no key"
        with pytest.raises(SessionSealed, match="another key"):
            vault.load("a")
        assert vault.load("a").auth_key == a_session(1).auth_key
        vault.keep("a", a_session(2), fence=1, expected=1)
        vault.load("a")
        assert person.asked == 2


@pytest.mark.usefixtures("cheap")
def test_the_same_passphrase_typed_with_other_keys_is_the_same(place: Place) -> None:
    """ü as one character, or as u with two dots on it."""
    from unicodedata import normalize

    assert normalize("NFD", PHRASE) != PHRASE
    place.create(Passphrase(lambda: PHRASE)).keep("a", a_session(1), fence=1, expected=None)
    typed = Passphrase(lambda: normalize("NFD", PHRASE))
    assert place.open(typed).load("a").auth_key == a_session(1).auth_key


@pytest.mark.usefixtures("cheap")
def test_a_file_may_hold_it(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.create(Passphrase(lambda: PHRASE)).keep("a", a_session(1), fence=1, expected=None)
    with place.open() as vault:
        with pytest.raises(SessionSealed) as sealed:
            vault.load("a")
        assert "TELEKEEP_PASSPHRASE_FILE" in (sealed.value.remedy or "")
        file = tmp_path / "phrase"
        file.write_text(PHRASE + "\n")
        file.chmod(0o600)
        monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(file))
        assert vault.load("a").auth_key == a_session(1).auth_key
    file.chmod(0o644)
    with place.open() as vault, pytest.raises(ConfigError, match="open to other users"):
        vault.load("a")


def test_no_passphrase_and_an_empty_one_make_no_vault(place: Place) -> None:
    for source in (Passphrase(), Passphrase(lambda: "")):
        with pytest.raises(ConfigError):
            place.create(source)
        assert not Vault.exists(place.folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": 1 << 40},
        {"memory": 1},
        {"passes": 0},
        {"passes": 1 << 20},
        {"lanes": 1 << 20},
        {"salt": ""},
        {"salt": "*"},
        {"salt": "AAAA"},
        {"passes": "many"},
    ],
)
def test_a_vault_that_asks_for_absurd_stretching_is_not_obeyed(wrong: dict[str, str | int]) -> None:
    """What lies unsealed may have been written by somebody else: it must not eat all memory."""
    said = {"salt": "AAAAAAAAAAAAAAAAAAAAAA==", "memory": 64, "passes": 1, "lanes": 1, **wrong}
    with pytest.raises(SessionCorrupt):
        Passphrase(lambda: PHRASE).masters(VAULT_ID, said)
