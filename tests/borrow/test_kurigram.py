"""kurigram programs with the hook of `telekeep run` in them: whatever session they name, they get the loan or nothing.

The programs are stock ones in an environment without telekeep; a small launcher stands for the start-up hook.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from borrow.served import Served
from telekeep.borrow import asking
from telekeep.session.formats import FORMATS
from telekeep.session.model import DataCenter, Session, User

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "releases" / "kurigram-2.2.26" / "bin" / "python"
PROGRAMS = ROOT / "tests" / "stories" / "kurigram"
HOOK = ROOT / "src" / "telekeep" / "borrow" / "hook"
REFUSED, ENDED = 6, 8  # exit codes: telekeep_hook.refusal
TOKEN = "77000:secret"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="kurigram is not set up: make layers")


class Program:
    """One that runs, with lines in and out."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self, seconds: float = 30.0) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), seconds)).decode().strip()

    async def told(self, order: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n".encode())
        return (await self.line()).removeprefix(f"{order.split()[0]} ")

    async def ends(self, seconds: float = 30.0) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        _, err = await asyncio.wait_for(self.process.communicate(), seconds)
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


class Run:
    """A loan as `telekeep run` makes one, and programs that are started with it in a folder of their own."""

    def __init__(self, served: Served, plan: dict[str, Any], folder: Path) -> None:
        self.served = served
        self.plan = plan
        self.folder = folder
        self.programs: list[Program] = []
        (folder / "run").mkdir(mode=0o700)

    @property
    def key(self) -> bytes:
        """The real one."""
        return self.served.owner._client.kept_session.auth_key.reveal()

    async def start(
        self, *words: object, program: str = "obeying.py", environ: dict[str, str] | None = None
    ) -> Program:
        (self.folder / "run" / "plan.json").write_text(json.dumps(self.plan))
        process = await asyncio.create_subprocess_exec(
            str(PYTHON), str(PROGRAMS / "launcher.py"), str(HOOK), str(PROGRAMS / program), *map(str, words),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "TELEKEEP_RUN": str(self.folder / "run"), **(environ or {})},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.programs.append(Program(process))
        return self.programs[-1]

    def files(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir())

    def written(self, name: str, key: bytes, *, user_id: int, dc: DataCenter | None = None) -> Path:
        """A session file of kurigram's."""
        from telekeep.session.model import AuthKey

        session = Session(dc or DataCenter(2, "149.154.167.51", 443), AuthKey(key), User(user_id, False))
        path = self.folder / f"{name}.session"
        path.write_bytes(FORMATS["pyrogram-sqlite"].write(session))
        return path


def string(key: bytes, user_id: int) -> str:
    packed = struct.pack(">BI?256sQ?", 2, 1, False, key, user_id, False)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def key_id(key: bytes) -> str:
    from telekeep.session.model import AuthKey

    return f"{AuthKey(key).id:016x}"


@pytest.fixture
async def run(served: Served, tmp_path: Path) -> AsyncIterator[Run]:
    given = await asyncio.to_thread(
        asking.ask, served.home, "lend", timeout=60.0, name="main", label="run", grant="full", seconds=None
    )
    folder = tmp_path / "program"
    folder.mkdir()
    plan = {
        "v": 1,
        "name": "main",
        "loan": given["id"],
        "string": FORMATS["telethon-string"].write(_session(given)).decode(),
        "key": given["key"],
        "dcs": [{"id": dc, "host": host, "port": port} for dc, host, port in given["addresses"]],
        "rsa": given["server_key"],
        "test": False,
        "user": {"id": given["user_id"], "bot": given["is_bot"]},
        "own_keys": [],
        "other_keys": {},
        "api_id": 1,
        "api_hash": "0" * 32,
    }
    found = Run(served, plan, folder)
    plan["own_keys"] = [key_id(found.key), key_id(bytes.fromhex(given["key"]))]
    yield found
    for program in found.programs:
        if program.process.returncode is None:
            program.process.kill()
            await program.process.communicate()


def _session(given: dict[str, Any]) -> Session:
    from telekeep.session.model import AuthKey

    dc, host, port = given["addresses"][0]
    return Session(DataCenter(dc, host, port), AuthKey(bytes.fromhex(given["key"])))


# ---- programs that get the loan


WAYS: dict[str, Callable[[Run], list[str]]] = {
    "a name": lambda run: ["my_account"],
    "in memory": lambda run: ["x", "in_memory=True"],
    "a phone number": lambda run: ["x", "phone_number='+15550100'", "password='secret'"],
    "the loan's own string": lambda run: ["x", f"session_string={run.plan['string']!r}"],
    "the kept session's string": lambda run: ["x", f"session_string={string(run.key, 1)!r}"],
    "another login of the same account": lambda run: [
        "x", f"session_string={string(os.urandom(256), run.plan['user']['id'])!r}"
    ],
    "proxy, IPv6 and test servers": lambda run: [
        "x", "proxy=dict(scheme='socks5',hostname='127.0.0.1',port=1)", "ipv6=True", "test_mode=True"
    ],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_program_gets_the_loan_and_leaves_no_file(run: Run, way: Callable[[Run], list[str]]) -> None:
    program = await run.start(*way(run))
    assert await program.line() == "ready 9996621234 Ada"
    assert await program.told("note hello") == "hello"
    assert await program.told("history") == "4"
    assert await program.told("stop") == "stopped"
    assert (await program.ends())[0] == 0
    assert run.files() == ["run"]
    assert run.served.telegram.stats.handshakes == 0


async def test_a_file_of_the_kept_session_is_left_as_it_is_and_whom_it_knows_is_known(run: Run) -> None:
    bob = run.served.telegram.add_account("9996625678", first_name="Bob", username="bob")
    run.served.telegram.world.meet(run.served.ada, bob)
    path = run.written("my_account", run.key, user_id=run.plan["user"]["id"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO peers VALUES (?, 42, 'user', NULL, 0)", (bob.id,))
    before = path.read_bytes()
    program = await run.start("my_account")
    assert await program.line() == "ready 9996621234 Ada"
    assert await program.told("stop") == "stopped"
    assert (await program.ends())[0] == 0
    assert path.read_bytes() == before
    assert run.files() == ["my_account.session", "run"]


async def test_what_was_sent_while_the_line_was_down_is_heard(run: Run) -> None:
    program = await run.start("my_account")
    assert (await program.line()).startswith("ready")
    await run.served.stop()
    run.served.telegram.send("9996621234", "missed", 2)
    await run.served.start()
    run.served.telegram.send("9996621234", "after")
    assert [await program.line() for _ in range(3)] == ["heard missed", "heard missed", "heard after"]


async def test_files_of_another_data_center_come_through_the_gateway_before_and_after_it_was_restarted(
    run: Run, tmp_path: Path
) -> None:
    telegram = run.served.telegram
    telegram.send_file("9996621234", b"a file", "notes.txt", dc=4)
    program = await run.start("my_account")
    assert (await program.line()).startswith("ready")
    from hashlib import sha256

    for _ in range(2):
        assert await program.told("fetch") == sha256(b"a file").hexdigest()
        await run.served.stop()
        await run.served.start()
    # the owner's own, one for each of its lives: the program's key is made at the gateway
    assert telegram.stats.handshakes == 2


async def test_messages_are_heard_once_also_with_a_connection_for_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some bytes")
    program = await run.start("my_account")
    assert (await program.line()).startswith("ready")
    assert len(await program.told(f"document {tmp_path / 'file'}")) == 64
    for number in range(3):
        run.served.telegram.send("9996621234", f"message {number}")
    assert [await program.line() for _ in range(3)] == [f"heard message {number}" for number in range(3)]
    assert await program.told("note done") == "done"  # and not: heard message 0


async def test_a_flood_wait_is_the_program_s_own_affair(run: Run) -> None:
    run.served.telegram.fault("flood", method="messages.sendMessage", seconds=30)
    program = await run.start("my_account")
    assert (await program.line()).startswith("ready")
    assert await program.told("note hello") == "FloodWait 30"


# ---- programs that are refused


async def refused(run: Run, *words: object, program: str = "obeying.py") -> str:
    """What a program that is refused says; nobody heard of it."""
    telegram = run.served.telegram
    before = telegram.stats.rpc, telegram.stats.connections
    code, err = await (await run.start(*words, program=program)).ends()
    assert code == REFUSED, err
    assert "✗ telekeep: " in err and "→ " in err
    assert (telegram.stats.rpc, telegram.stats.connections) == before
    return err


async def test_a_string_of_somebody_else_is_refused(run: Run) -> None:
    err = await refused(run, "x", f"session_string={string(os.urandom(256), 4711)!r}")
    assert "not provably that of 'main'" in err


async def test_a_string_of_another_kept_session_is_refused_by_its_name(run: Run) -> None:
    other = os.urandom(256)
    run.plan["other_keys"] = {key_id(other): "work"}
    err = await refused(run, "x", f"session_string={string(other, 4711)!r}")
    assert "that of 'work'" in err and "telekeep run work" in err


async def test_what_is_no_string_is_refused(run: Run) -> None:
    assert "no session string" in await refused(run, "x", "session_string='nonsense'")


async def test_a_file_of_somebody_else_is_refused_and_untouched(run: Run) -> None:
    path = run.written("my_account", os.urandom(256), user_id=4711)
    before = path.read_bytes()
    assert "not provably that of 'main'" in await refused(run, "my_account")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 40, b"SQLite format 3\0" + bytes(600)])
async def test_a_file_that_cannot_be_read_is_refused_and_untouched(run: Run, content: bytes) -> None:
    path = run.folder / "my_account.session"
    path.write_bytes(content)
    assert "cannot be read" in await refused(run, "my_account")
    assert path.read_bytes() == content


async def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(run: Run) -> None:
    os.mkfifo(run.folder / "my_account.session")
    assert "it is not a file" in await refused(run, "my_account")


async def test_a_login_that_was_begun_and_not_finished_is_nobody_s_key_but_not_ours_either(run: Run) -> None:
    """kurigram writes a key before anybody has logged in: whose it was to be cannot be told."""
    path = run.written("my_account", os.urandom(256), user_id=1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sessions SET user_id = NULL, is_bot = NULL")
    assert "not provably" in await refused(run, "my_account")


async def test_a_second_session_that_is_nobody_s_is_refused(run: Run) -> None:
    first = await run.start("one")
    assert (await first.line()).startswith("ready")
    assert "only 'main' is lent" in await refused(run, "two")
    again = await run.start("one")
    assert (await again.line()).startswith("ready")


# ---- a bot beside the user


@pytest.fixture
def bot(run: Run, tmp_path: Path) -> list[object]:
    """The words of the program that runs one."""
    telegram = run.served.telegram
    telegram.add_account(bot_token=TOKEN, first_name="Helper")
    pem = tmp_path / "telegram.pem"
    pem.write_text(telegram.network.keys[0])
    place = telegram.network.dc(2)
    return [place.host, place.port, pem, TOKEN]


@pytest.mark.judge  # the bot goes to the emulator itself
async def test_a_bot_beside_the_user_stays_a_bot(run: Run, bot: list[object], served: Served) -> None:
    program = await run.start(*bot, program="bot_beside.py")
    assert await program.line() == f"{run.plan['user']['id']}|False|77000|True"
    assert (await program.ends())[0] == 0
    assert run.files() == ["bot.session", "run"]
    with closing(sqlite3.connect(run.folder / "bot.session")) as connection:
        [(key,)] = connection.execute("SELECT auth_key FROM sessions").fetchall()
    assert key not in (run.key, bytes.fromhex(run.plan["key"]))
    assert served.telegram.stats.logins == 1  # the bot's
    served.telegram.stats.logins = 0


async def test_a_bot_is_not_started_with_the_user_s_session(run: Run, bot: list[object]) -> None:
    run.written("my_account", run.key, user_id=run.plan["user"]["id"])
    assert "starts a bot with it" in await refused(run, *bot, "my_account", program="bot_beside.py")


async def test_the_real_key_is_used_by_nobody_whatever_the_program_does(run: Run) -> None:
    err = await refused(run, run.key.hex(), program="smuggler.py")
    assert "has put another key into the session" in err


# ---- the end of the loan


async def test_an_ended_loan_ends_the_program_in_words(run: Run) -> None:
    program = await run.start("my_account")
    assert (await program.line()).startswith("ready")
    await asyncio.to_thread(asking.ask, run.served.home, "revoke", loan=run.plan["loan"])
    code, err = await program.ends()
    assert code == ENDED
    assert "The loan of 'main' that this program was started with has ended." in err
    late = await run.start("my_account")
    code, err = await late.ends()
    assert (code, "has ended" in err) == (ENDED, True)
    assert run.files() == ["run"]


async def test_pyrogram_without_addresses_is_refused_with_the_way_out(run: Run) -> None:
    code, err = await (await run.start("x", environ={"PYTHONPATH": str(ROOT / "tests/stories/kurigram/old")})).ends()
    assert code == REFUSED
    assert "Pyrogram 2.0.106 keeps no address" in err and "kurigram" in err


def test_the_hook_needs_nothing_but_the_standard_library() -> None:
    for name in ("kurigram.py", "kurigram_line.py", "kurigram_sessions.py"):
        text = (HOOK / "telekeep_hook" / name).read_text()
        assert "telekeep." not in text.replace("telekeep.client(", ""), name
