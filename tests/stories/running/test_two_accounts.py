"""Two accounts are never mixed: what is not provably the session that is lent is refused, in words, before it connects.

A bot stays a bot: it never gets the loan of a user, and never acts as one.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from stories.running.house import BOT, House, ended, names
from stories.running.test_any_session import real_session

UNKNOWN = bytes(range(1, 256)) + b"\x01"  # an auth key nobody has


def test_the_string_of_another_kept_session_is_refused(house: House, folder: Path) -> None:
    program = folder / "two.py"
    program.write_text((Path(__file__).parent / "two_users.py").read_text().replace("*sys.argv[1:]", "*open('them')"))
    program.write_text(program.read_text().replace("map(made, sys.argv[1:])", "map(made, open('them').read().split())"))
    (folder / "them").write_text(f"{house.string} {house.other}")
    before = house.lending.stats()["rpc"]
    said = house.run(program, cwd=folder)
    assert (said.code, said.out) == (6, f"one {house.ada}"), said
    assert "StringSession) is that of 'second', which telekeep keeps too" in said.err
    assert "telekeep run second" in said.err
    assert house.lending.stats()["rpc"] - before < 10


@pytest.mark.parametrize("user", [None, 4711])
def test_the_file_of_an_account_nobody_knows_is_refused_and_left_alone(
    house: House, folder: Path, user: int | None
) -> None:
    file = folder / "bot.session"
    real_session(file, house, key=UNKNOWN, user=user)
    before = file.read_bytes(), file.stat().st_ino
    said = house.run("by_name.py", "bot", cwd=folder)
    assert (said.code, said.out) == (6, ""), said
    assert "not provably that of 'main'" in said.err and "telekeep adopt" in said.err and "Traceback" not in said.err
    assert (file.read_bytes(), file.stat().st_ino) == before
    assert names(folder) == ["bot.session"]


def test_a_file_that_is_no_session_is_refused_and_left_alone(house: House, folder: Path) -> None:
    (folder / "bot.session").write_text("shopping list")
    said = house.run("by_name.py", "bot", cwd=folder)
    assert said.code == 6 and "cannot be read" in said.err, said
    assert (folder / "bot.session").read_text() == "shopping list"


@pytest.mark.parametrize("proof", ["its key", "its user", "nobody"])
def test_a_file_that_is_provably_the_same_account_is_set_aside_and_comes_back(
    house: House, folder: Path, proof: str
) -> None:
    file = folder / "bot.session"
    if proof == "its key":
        real_session(file, house)
    elif proof == "its user":
        real_session(file, house, key=UNKNOWN, user=int(house.ada))
    else:
        real_session(file, house, key=b"\0" * 256)
    before = file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns
    said = house.run("by_name.py", "bot", cwd=folder)
    assert (said.code, said.out.splitlines()[0]) == (0, f"{house.ada}|['from bot']|['bot.session']"), said
    assert (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns) == before
    assert names(folder) == ["bot.session"]


def test_two_names_in_which_nobody_is_logged_in_may_be_two_accounts(house: House, folder: Path) -> None:
    said = house.run("two_users.py", "alice", "bob", cwd=folder)
    assert (said.code, said.out) == (6, f"one {house.ada}"), said
    assert "bob.session besides" in said.err and "alice.session" in said.err
    assert not list(folder.iterdir())


def test_two_names_that_are_provably_the_same_account_are_both_the_loan(house: House, folder: Path) -> None:
    real_session(folder / "alice.session", house)
    said = house.run("two_users.py", "alice", "bob", cwd=folder)
    assert (said.code, said.out) == (0, f"one {house.ada}\ntwo {house.ada}"), said
    said = house.run("two_users.py", "bob", "bob", cwd=folder)  # one name, twice
    assert (said.code, said.out) == (0, f"one {house.ada}\ntwo {house.ada}"), said
    assert names(folder) == ["alice.session"]


def test_two_sessions_do_not_share_a_file(house: House, folder: Path) -> None:
    first = house.start("listener.py", cwd=folder)
    assert first.stdout is not None and first.stdout.readline() == "ready\n"
    said = house.run("by_name.py", "listener", cwd=folder, name="second")
    assert said.code == 6 and "in use by a program that runs on a loan of 'main'" in said.err, said
    again = house.run("by_name.py", "listener", cwd=folder)
    assert (again.code, again.out.split("|")[0]) == (0, house.ada), again
    assert names(folder) == ["listener.session"]
    os.killpg(first.pid, signal.SIGKILL)
    ended(first)
    assert house.run("from_environment.py", cwd=folder).code == 0  # the next run tidies up
    assert not list(folder.iterdir())


# ---- bots


def _bot(house: House, folder: Path, how: str) -> tuple[str, ...]:
    pem = folder.parent / "emulator.pem"
    pem.write_text(house.network.keys[0])
    port = next(each.port for each in house.network.addresses if each.dc_id == 2 and not each.media)
    return str(port), str(pem), BOT, how


@pytest.mark.parametrize("how", ["file", "string"])
def test_a_bot_beside_a_user_stays_a_bot(house: House, folder: Path, how: str) -> None:
    said = house.run("user_and_bot.py", *_bot(house, folder, how), cwd=folder)
    assert (said.code, said.out) == (0, f"{house.ada}|False|{BOT.split(':')[0]}|True|1|True"), said
    assert names(folder) == (["bot.session"] if how == "file" else [])
    house.begun = house.lending.stats()  # the bot's login is its own
    if how == "file":
        assert house.key not in (folder / "bot.session").read_bytes()
        again = house.run("user_and_bot.py", *_bot(house, folder, how), cwd=folder)
        assert again.out == said.out, again
        assert house.lending.stats()["logins"] == house.begun["logins"]  # its session was where it left it


@pytest.mark.parametrize("how", ["late", "asks first", "on the user"])
def test_bot_code_never_acts_as_the_user(house: House, folder: Path, how: str) -> None:
    said = house.run("user_and_bot.py", *_bot(house, folder, how), cwd=folder)
    assert said.code == 6, said
    assert "|" not in said.out
    assert not list(folder.glob("*.session*"))


def test_a_bots_own_session_is_lent_to_its_own_program(house: House, folder: Path) -> None:
    token = house.stage.write("token", BOT)
    said = house.stage.telekeep("auth", "robot", "--bot-token-file", str(token))
    assert said.code == 0, said
    house.begun = house.lending.stats()
    program = folder / "bot.py"
    program.write_text(
        "from telethon import TelegramClient\n"
        f"bot = TelegramClient('bot', 1, 'a' * 32).start(bot_token={BOT!r})\n"
        "print(bot.loop.run_until_complete(bot.get_me()).bot, bot.session.server_address)\n"
    )
    said = house.run(program, cwd=folder, name="robot")
    assert (said.code, said.out) == (0, "True 127.0.0.1"), said
    assert names(folder) == ["bot.py"]
