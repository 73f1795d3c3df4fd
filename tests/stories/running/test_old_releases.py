"""Programs pinned to old releases, in environments without telekeep: the hook is all they have of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stories.running.house import House
from stories.running.test_any_session import real_session
from stories.running.test_two_accounts import UNKNOWN

RELEASES = Path(__file__).parents[3] / ".venv" / "releases"


@pytest.mark.parametrize("release", ["1.26.1", "1.36.0", "1.39.0", "1.42.0"])
def test_an_old_release_gets_the_loan(house: House, folder: Path, release: str) -> None:
    python = RELEASES / f"telethon-{release}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"make {python.parents[1].relative_to(RELEASES.parents[1])}")
    said = house.run("old_release.py", cwd=folder, python=python)
    assert said.code == 0, said
    about, outcome = said.out.splitlines()
    assert about == f"{release}|7|2|127.0.0.1"
    assert outcome == f"as {house.ada}"
    assert not list(folder.iterdir())
    real_session(folder / "old.session", house, key=UNKNOWN)
    before = (folder / "old.session").read_bytes()
    said = house.run("by_name.py", "old", cwd=folder, python=python)
    assert said.code == 6 and "not provably" in said.err, said
    assert (folder / "old.session").read_bytes() == before


@pytest.mark.parametrize("release", ["1.26.1", "1.36.0", "1.39.0", "1.42.0"])
def test_an_old_releases_bot_stays_a_bot(house: House, folder: Path, release: str) -> None:
    """It is given back its own session before it connects: one that leads nowhere, so nobody is reached."""
    python = RELEASES / f"telethon-{release}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"make {python.parents[1].relative_to(RELEASES.parents[1])}")
    program = folder / "bot.py"
    program.write_text(
        "from telethon import TelegramClient, events\n"
        "bot = TelegramClient('bot', 1, 'a' * 32, connection_retries=0, retry_delay=0, timeout=1)\n"
        "bot.session.set_dc(2, '127.0.0.1', 9)\n"
        "bot.add_event_handler(print, events.NewMessage)\n"
        "try: bot.start(bot_token='5551234:' + 'A' * 35)\n"
        "except ConnectionError: pass\n"
        "print(bot.session.port, bool(bot.session.auth_key), len(bot.list_event_handlers()))\n"
    )
    said = house.run(program, cwd=folder, python=python)
    assert (said.code, said.out) == (0, "9 False 1"), said
    assert house.lending.stats()["logins"] == house.begun["logins"]
