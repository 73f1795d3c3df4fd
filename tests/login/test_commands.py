"""`telekeep auth` and `telekeep generate` as people and scripts run them: as processes, with and without a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from telekeep.emulator import Emulator
from telekeep.session import formats
from telekeep.session.network import dump

PHONE, CODE, PASSWORD = "9996621234", "22222", "correct horse"
API_HASH = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Shell:
    """A folder of its own, an environment that names nothing of the user's, and the command."""

    def __init__(self, folder: Path, network: str) -> None:
        self.folder = folder
        (folder / "network.toml").write_text(network)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELEGRAM_", "TELEKEEP_"))}
        self.environ = kept | {
            "TELEKEEP_HOME": str(folder / "home"),
            "TELEKEEP_KEY_FILE": str(folder / "config" / "key"),
            "TELEKEEP_STATE": str(folder / "state"),
            "TELEKEEP_LEASES": str(folder / "leases"),
            "TELEKEEP_NETWORK": str(folder / "network.toml"),
            "TELEGRAM_API_ID": "12345",
            "TELEGRAM_API_HASH": API_HASH,
            "NO_COLOR": "1",
        }

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return name

    async def start(self, *words: str, stdin: Any, stdout: Any = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "telekeep", *words,
            cwd=self.folder, env=self.environ, stdin=stdin, stdout=stdout, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def run(self, *words: str) -> Said:
        """Run it without a terminal, and with a line on standard input that nobody must read."""
        process = await self.start(*words, stdin=asyncio.subprocess.PIPE)
        assert process.stdin is not None
        out, err = await asyncio.wait_for(process.communicate(b"11111\n"), 60)
        return Said(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def terminal(self, *words: str) -> AsyncIterator[Typist]:
        """Run it at a terminal, where a person types."""
        hands, keyboard = os.openpty()
        process = await self.start(*words, stdin=keyboard)
        os.close(keyboard)
        try:
            yield Typist(process, hands)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            os.close(hands)


class Typist:
    """Reads questions and types answers."""

    def __init__(self, process: asyncio.subprocess.Process, hands: int) -> None:
        self.process = process
        self.hands = hands
        self.read = ""
        self._decode = getincrementaldecoder("utf-8")().decode  # a letter may come in two parts

    async def asked(self, question: str) -> None:
        """Wait until ``question`` is asked, after all that was asked before."""
        assert self.process.stderr is not None
        seen = len(self.read)
        while question not in self.read[seen:]:
            more = await asyncio.wait_for(self.process.stderr.read(1024), 60)
            assert more, f"{question!r} was not asked: {self.read}"
            self.read += self._decode(more)

    def types(self, text: str) -> None:
        os.write(self.hands, f"{text}\n".encode())

    async def answers(self, *pairs: tuple[str, str]) -> None:
        for question, answer in pairs:
            await self.asked(question)
            self.types(answer)

    async def ends(self) -> Said:
        out, err = await asyncio.wait_for(self.process.communicate(), 60)
        return Said(self.process.returncode or 0, out.decode(), self.read + self._decode(err, True))


@pytest.fixture
async def telegram() -> AsyncIterator[Emulator]:
    async with Emulator() as telegram:
        telegram.add_account(PHONE, password=PASSWORD, username="ada")
        yield telegram


@pytest.fixture
def shell(telegram: Emulator, tmp_path: Path) -> Shell:
    return Shell(tmp_path, dump(telegram.network))


async def test_auth_needs_no_terminal_when_all_answers_are_given(shell: Shell, telegram: Emulator) -> None:
    shell.file("pw", PASSWORD + "\nsecond line\n")
    said = await shell.run("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw", "--json")
    assert said.code == 0, said
    told = json.loads(said.out)
    assert told["name"] == "main"
    assert told["user"]["username"] == "ada"
    assert telegram.stats.logins == 1


async def test_auth_says_where_the_code_went_and_what_the_terms_are(shell: Shell) -> None:
    """001-10: personal use, no scraping at scale, no spam, own risk."""
    shell.file("pw", PASSWORD)
    said = await shell.run("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")
    assert said.code == 0, said
    assert "by SMS" in said.err
    assert all(word in said.err for word in ("personal", "scraping", "spam", "risk"))
    assert "✓ Logged in as @ada" in said.out


@pytest.mark.parametrize(
    ("words", "code", "flag"),
    [
        ((), 6, "--phone"),
        (("--phone", PHONE), 1, "--code"),
        (("--phone", PHONE, "--code", CODE), 1, "--password-file"),
        (("--bot",), 6, "--bot-token-file"),
        (("--qr",), 6, "--phone"),
    ],
)
async def test_without_a_terminal_a_missing_answer_is_an_error_that_names_its_flag(
    shell: Shell, telegram: Emulator, words: tuple[str, ...], code: int, flag: str
) -> None:
    """003-F1, X-3: never input(), and no code is asked for that nobody types."""
    said = await shell.run("auth", "main", *words)
    assert (said.code, said.out) == (code, "")
    assert flag in said.err
    assert telegram.stats.codes_sent == (1 if "--code" in words else 0)
    assert "--code" in words or telegram.stats.connections == 0


@pytest.mark.parametrize("command", ["auth", "generate"])
async def test_a_malformed_number_given_as_an_option_ends_before_anything_else(
    shell: Shell, telegram: Emulator, command: str
) -> None:
    said = await shell.run(command, "main", "--phone", "99966x9999", "--code", CODE, "--json")
    assert said.code == 6
    assert json.loads(said.out)["error"] == "ConfigError"
    assert "99966x9999" not in said.out
    assert telegram.stats.connections == 0
    assert not (shell.folder / "home").exists()


async def test_the_terms_are_not_told_before_a_login_that_never_begins(shell: Shell, telegram: Emulator) -> None:
    shell.file("pw", PASSWORD)
    words = ("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")
    telegram.fault("flood", method="auth.sendCode", seconds=79200)
    assert "scraping" not in (await shell.run("auth", "main")).err, "no number, and nobody to ask"
    said = await shell.run(*words)
    assert said.code == 4
    assert "before the next auth.sendCode: 22.0 hours remaining" in said.err
    assert "scraping" not in said.err + (await shell.run(*words)).err, "nor when the budget is spent"
    del shell.environ["TELEGRAM_API_ID"]
    assert "scraping" not in (await shell.run(*words)).err


async def test_a_wrong_code_given_as_a_flag_is_called_wrong(shell: Shell) -> None:
    said = await shell.run("auth", "main", "--phone", PHONE, "--code", "11111")
    assert said.code == 1
    assert "That is not the code Telegram sent." in said.err


async def test_without_api_id_and_hash_the_steps_to_get_them_are_told(shell: Shell, telegram: Emulator) -> None:
    del shell.environ["TELEGRAM_API_ID"], shell.environ["TELEGRAM_API_HASH"]
    said = await shell.run("auth", "main", "--phone", PHONE)
    assert said.code == 6
    assert "https://my.telegram.org/apps" in said.err
    assert telegram.stats.connections == 0


@pytest.mark.parametrize("mode", [0o644, 0o640])
async def test_a_password_file_open_to_others_is_refused(shell: Shell, telegram: Emulator, mode: int) -> None:
    shell.file("pw", PASSWORD, mode)
    said = await shell.run("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")
    assert said.code == 6
    assert "chmod 600" in said.err
    assert telegram.stats.codes_sent == 0


async def test_a_bot_token_comes_from_a_file_or_the_environment(shell: Shell, telegram: Emulator) -> None:
    first, second = "123456789:AAE-thisisnotarealtokenatall_12345", "987654321:AAE-thisisnotarealtokenatall_54321"
    telegram.add_account(bot_token=first)
    telegram.add_account(bot_token=second)
    shell.file("token", first + "\n")
    said = await shell.run("auth", "first", "--bot-token-file", "token")
    assert said.code == 0, said
    shell.environ["TELEGRAM_BOT_TOKEN"] = second
    said = await shell.run("auth", "second", "--bot")
    assert said.code == 0, said
    assert telegram.stats.logins == 2


async def test_a_kept_session_is_replaced_only_with_a_flag(shell: Shell, telegram: Emulator) -> None:
    shell.file("pw", PASSWORD)
    words = ("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")
    assert (await shell.run(*words)).code == 0
    said = await shell.run(*words)
    assert said.code == 6
    assert "--replace" in said.err
    assert telegram.stats.codes_sent == 1
    said = await shell.run(*words, "--replace", "--json")
    assert json.loads(said.out)["generation"] == 2


async def test_at_a_terminal_auth_asks_and_shows_no_secret(shell: Shell, telegram: Emulator) -> None:
    async with shell.terminal("auth", "main") as person:
        await person.answers(("Phone number", f"+{PHONE}"), ("Code:", "11111"), ("Code:", CODE), ("password", PASSWORD))
        said = await person.ends()
    assert said.code == 0, said
    assert "by SMS" in said.err
    assert "not the code" in said.err
    assert PASSWORD not in said.err + said.out
    assert telegram.stats.codes_sent == 1


@pytest.mark.parametrize("question", ["Phone number", "Code:", "password"])
async def test_ctrl_c_at_a_question_ends_auth_with_words_and_changes_nothing(
    shell: Shell, telegram: Emulator, question: str
) -> None:
    answers = [("Phone number", PHONE), ("Code:", CODE), ("password", PASSWORD)]
    async with shell.terminal("auth", "main") as person:
        await person.answers(*answers[: [asked for asked, _ in answers].index(question)])
        await person.asked(question)
        person.process.send_signal(signal.SIGINT)
        said = await person.ends()
    assert said.code == 130
    assert "Nothing was changed." in said.err
    assert "Traceback" not in said.err
    assert telegram.stats.logins == 0
    listed = await shell.run("list", "--json")
    assert "main" not in listed.out


async def test_generate_asks_in_the_documents_order_and_updates_env(shell: Shell, telegram: Emulator) -> None:
    """000-12, 000-F5, 001-2: API id, API hash, phone, code, password; one line in .env, mode 0600, comments kept."""
    del shell.environ["TELEGRAM_API_ID"], shell.environ["TELEGRAM_API_HASH"]
    shell.file(".env", "# mine\nTELEGRAM_SESSION_STRING=old\nPORT=3000\nTELEGRAM_SESSION_STRING=older\n", 0o644)
    async with shell.terminal("generate") as person:
        await person.answers(
            ("API id:", "12345"),
            ("API hash", API_HASH),
            ("Phone number", PHONE),
            ("Code:", CODE),
            ("password", PASSWORD),
            ("Show the string?", "n"),
            (".env", "y"),
        )
        said = await person.ends()
    assert said.code == 0, said
    assert said.out == ""
    lines = (shell.folder / ".env").read_text().splitlines()
    assert [line.partition("=")[0] for line in lines] == ["# mine", "PORT", "TELEGRAM_SESSION_STRING"]
    assert stat.S_IMODE((shell.folder / ".env").stat().st_mode) == 0o600
    string = lines[-1].partition("=")[2].strip("'\"")
    session = formats.read(string.encode())
    assert telegram.authorization_of(session) is not None
    assert string not in said.err


async def test_generate_prints_the_string_only_on_request(shell: Shell, telegram: Emulator) -> None:
    """000-F7: the string was always printed."""
    shell.file("pw", PASSWORD)
    words = ("generate", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")
    said = await shell.run(*words)
    assert (said.code, said.out) == (0, "")
    assert "telekeep export main" in said.err
    assert not (shell.folder / ".env").exists()
    said = await shell.run(*words, "--replace", "--show")
    assert said.code == 0
    assert telegram.authorization_of(formats.read(said.out.strip().encode())) is not None
    assert len(said.out.splitlines()) == 1


async def test_generate_writes_the_name_a_program_reads_already(shell: Shell) -> None:
    """001-4: some programs read TELEGRAM_SESSION."""
    shell.file("pw", PASSWORD)
    shell.file("other.env", "export TELEGRAM_SESSION='x' # theirs\n")
    words = ("--phone", PHONE, "--code", CODE, "--password-file", "pw", "--env", "--env-file", "other.env")
    said = await shell.run("generate", "main", *words)
    assert said.code == 0, said
    text = (shell.folder / "other.env").read_text()
    assert text.startswith("export TELEGRAM_SESSION='1")
    assert text.endswith("# theirs\n")
    assert "STRING" not in text


async def test_generate_does_not_write_through_a_link(shell: Shell) -> None:
    """000-F6: symlinks are refused, and the session is kept all the same."""
    shell.file("pw", PASSWORD)
    shell.file("elsewhere", "KEEP=1\n")
    (shell.folder / ".env").symlink_to("elsewhere")
    said = await shell.run("generate", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw", "--env")
    assert said.code == 6
    assert (shell.folder / "elsewhere").read_text() == "KEEP=1\n"


async def test_ctrl_c_at_the_second_question_keeps_the_answer_to_the_first(shell: Shell, telegram: Emulator) -> None:
    async with shell.terminal("generate") as person:
        await person.answers(
            ("Phone number", PHONE), ("Code:", CODE), ("password", PASSWORD), ("Show the string?", "y")
        )
        await person.asked(".env?")
        person.process.send_signal(signal.SIGINT)
        said = await person.ends()
    assert said.code == 0, said
    assert telegram.authorization_of(formats.read(said.out.strip().encode())) is not None
    assert not (shell.folder / ".env").exists()


async def test_a_slip_in_the_api_id_is_asked_for_again(shell: Shell, telegram: Emulator) -> None:
    del shell.environ["TELEGRAM_API_ID"], shell.environ["TELEGRAM_API_HASH"]
    async with shell.terminal("generate") as person:
        await person.answers(
            ("API id:", "12 345"), ("API id:", "12345"), ("API hash", API_HASH[1:]), ("API hash", API_HASH)
        )
        await person.asked("Phone number")
        person.process.send_signal(signal.SIGINT)
        said = await person.ends()
    assert said.code == 130
    assert "An API id is a positive number." in said.err
    assert API_HASH[1:] not in said.err
    async with shell.terminal("generate") as person:
        await person.answers(("API id:", "x"), ("API id:", "y"), ("API id:", "z"))
        assert (await person.ends()).code == 6
    assert telegram.stats.connections == 0


async def test_generate_asks_about_a_session_of_that_name_before_anything_else(
    shell: Shell, telegram: Emulator
) -> None:
    shell.file("pw", PASSWORD)
    assert (await shell.run("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "pw")).code == 0
    del shell.environ["TELEGRAM_API_ID"], shell.environ["TELEGRAM_API_HASH"]
    said = await shell.run("generate")
    assert said.code == 6
    assert "--replace" in said.err
    async with shell.terminal("generate") as person:
        await person.answers(("Replace it", "y"), ("API id:", "12345"), ("API hash", API_HASH))
        await person.answers(
            ("Phone number", PHONE), ("Code:", CODE), ("password", PASSWORD), ("Show", "n"), ("?", "n")
        )
        said = await person.ends()
    assert said.code == 0, said
    assert said.err.count("Replace it") == 1


async def test_ctrl_c_after_the_login_of_generate_is_a_no_and_the_session_is_kept(shell: Shell) -> None:
    async with shell.terminal("generate") as person:
        await person.answers(("Phone number", PHONE), ("Code:", CODE), ("password", PASSWORD))
        await person.asked("Show the string?")
        person.process.send_signal(signal.SIGINT)
        said = await person.ends()
    assert said.code == 0, said
    assert "telekeep export main" in said.err
    assert '"main"' in (await shell.run("list", "--json")).out
