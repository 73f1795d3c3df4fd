"""Sessions that went through other formats still open: stock Telethon and kurigram sign on with what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from telethon import TelegramClient
from telethon.sessions import StringSession

from emulator.stock import QUICK, trust
from telekeep.emulator import Emulator
from telekeep.session import formats
from telekeep.session.model import Session, User

ON_THE_WAY = [name for name, form in formats.FORMATS.items() if form.follows_address and name != "gramjs-string"]


@pytest.fixture
def ada(telegram: Emulator) -> Session:
    account = telegram.add_account("9996621234", first_name="Ada", username="ada")
    return replace(telegram.mint(account), user=User(account.id, False, "ada"))


def through(session: Session, form: str, telegram: Emulator) -> Session:
    """``session`` after it was written as ``form`` and read again."""
    return formats.read(formats.write(session, form), network=telegram.network)


@pytest.mark.parametrize("variant", [7, None, "string"])
async def test_telethon_signs_on_with_what_came_through_every_format(
    variant: int | str | None, ada: Session, telegram: Emulator, tmp_path: Path
) -> None:
    trust(telegram)
    session = ada
    for form in ON_THE_WAY:  # one after the other: each gets what the one before has left
        session = replace(through(session, form, telegram), user=ada.user)
    if variant == "string":
        store: object = StringSession(formats.write(session, "telethon-string").decode())
    else:
        (tmp_path / "bot.session").write_bytes(formats.write(session, "telethon-sqlite", variant=variant))
        store = str(tmp_path / "bot")
    client = TelegramClient(store, 1, "0" * 32, **QUICK)
    async with client:
        assert (await client.get_me()).username == "ada"
    assert (telegram.stats.handshakes, telegram.stats.logins, telegram.stats.codes_sent) == (0, 0, 0)


@pytest.mark.judge
@pytest.mark.parametrize("form", ["telethon-v2", "mtcute-sqlite", "gramjs-store"])
async def test_kurigram_signs_on_with_a_file_made_of_another_librarys(
    form: str, ada: Session, telegram: Emulator, tmp_path: Path
) -> None:
    pyrogram = pytest.importorskip("pyrogram")
    session = replace(through(ada, form, telegram), user=ada.user)
    (tmp_path / "judge.session").write_bytes(formats.write(session, "pyrogram-sqlite"))
    client = pyrogram.Client("judge", api_id=1, api_hash="0" * 32, workdir=tmp_path)
    client.sleep_threshold = 0
    assert await client.connect() is True
    me = await client.get_me()
    await client.disconnect()
    assert (me.username, telegram.stats.handshakes, telegram.stats.logins) == ("ada", 0, 0)


@pytest.mark.judge
async def test_kurigram_runs_on_the_vault(
    ada: Session, telegram: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyrogram = pytest.importorskip("pyrogram")
    from telekeep.keeper.keeper import Keeper
    from telekeep.upstream.storages.kurigram_storage import VaultStorage

    for name in ("LEASES", "STATE", "HOME"):
        monkeypatch.setenv(f"TELEKEEP_{name}", str(tmp_path / name))
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(tmp_path / "config" / "key"))
    (tmp_path / "LEASES").mkdir(mode=0o700)
    with Keeper.open(network=telegram.network) as keeper:
        lease = keeper.leases.try_acquire(ada.auth_key.id)
        keeper.vault_for_writing().keep("main", ada, fence=lease.fence, expected=None)
        lease.release()
    storage = VaultStorage("main", network=telegram.network)
    client = pyrogram.Client("main", api_id=1, api_hash="0" * 32, storage_engine=storage)
    client.sleep_threshold = 0
    assert await client.connect() is True
    assert (await client.get_me()).username == "ada"
    await client.disconnect()
    with Keeper.open(network=telegram.network) as keeper:
        keeper.leases.try_acquire(ada.auth_key.id).release()
        assert keeper.vault.load("main").auth_key == ada.auth_key
