"""The acts of the demo. Each does one thing on the stage and returns what was seen; it raises `Broken` if it fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from telekeep.cli.demo.programs import BARE, LISTENER, NOTEBOOK, STOCK, WORKER
from telekeep.cli.demo.stage import Said, Stage, first_line

PHONE, CODE, PASSWORD = "9996621234", "22222", "correct horse"
SPARE_PHONE, SPARE_CODE = "9996625678", "22222"


class Broken(Exception):
    """A step did not hold: what was expected, and what was seen instead."""


class Act(NamedTuple):
    """One step: what it claims, what that is about in plain words, and the function that shows it.

    ``play`` returns what was seen.
    """

    claim: str
    about: str
    play: Callable[[], str]


def _expect(condition: bool, said: Said | str) -> None:
    if not condition:
        raise Broken(said if isinstance(said, str) else f"exit {said.code}: {said.last}")


def acts(stage: Stage) -> Iterator[Act]:
    """The whole story, in order. Later acts stand on earlier ones."""
    worker_file = stage.write("worker.py", WORKER)
    notebook_file = stage.write("notebook.py", NOTEBOOK)
    listener_file = stage.write("listener.py", LISTENER)
    stock_file = stage.write("stock.py", STOCK)
    stage.write("password", PASSWORD + "\n")
    worker = None

    def telegram() -> str:
        line = first_line(stage.start("-m", "telekeep", "emulator", "serve", "--network-file", str(stage.network)))
        _expect(line.startswith("ready"), line)
        for words in (
            ("--phone", PHONE, "--password", PASSWORD, "--messages", "12"),
            ("--phone", SPARE_PHONE),
        ):
            said = stage.telekeep("emulator", "account", *words)
            _expect(said.code == 0, said)
        return "a Telegram of our own listens on loopback, with two pretend accounts"

    yield Act(
        "Start a Telegram on loopback",
        "Real MTProto over TCP, in a process of its own. It ends sessions as Telegram does.",
        telegram,
    )

    def login() -> str:
        said = stage.telekeep("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "password")
        _expect(said.code == 0, said)
        seen = stage.stats()
        _expect(seen["logins"] == 1 and seen["codes_sent"] == 1, f"logins {seen['logins']}")
        return "one code, one password, one login"

    yield Act(
        "Log in with code and password",
        "`telekeep auth main` asks for the code and the two-step password; here a script answers.",
        login,
    )

    def sealed() -> str:
        said = stage.telekeep("export", "main", "--to", "telethon-string", "--yes")
        _expect(said.code == 0 and len(said.out) in (353, 369), said)
        stage.write("copy.txt", said.out + "\n")
        found = [path for path in _files(stage.folder / "home") if _holds_key(path, said.out)]
        _expect(not found, f"the key lies open in {found}")
        return "the key lies in no file of the home in the clear"

    yield Act(
        "Seal the key in the vault",
        "Whoever has the auth key has the account. Every file of the home is searched for it.",
        sealed,
    )

    def speak() -> str:
        said = stage.run(notebook_file.name, "main")
        _expect(said.code == 0 and said.out.startswith("sent message"), said)
        _expect(stage.stats()["codes_sent"] == 1, "a second code was sent")
        return f"a new process, no code asked: {said.out}"

    yield Act(
        "Speak again from a new process",
        "notebook.py opens the kept session and writes to Saved Messages. Nobody is asked anything.",
        speak,
    )

    listeners: list[Popen[str]] = []

    def borrowed() -> str:
        listeners.extend(stage.start(listener_file.name) for _ in range(2))
        said = [first_line(each) for each in listeners]
        _expect(all(line.startswith("listening as") for line in said), "; ".join(said))
        loan = stage.telekeep("lend", "main", "--as", "stock", "--for", "1h")
        _expect(loan.code == 0, loan)
        stage.write("loan.txt", loan.out + "\n")
        sent = stage.run(stock_file.name, "loan.txt", "hello to everybody")
        _expect(sent.code == 0, sent)
        heard = [first_line(each) for each in listeners]
        _expect(heard == ["heard: hello to everybody"] * 2, "; ".join(heard))
        seen = stage.stats()
        _expect(seen["duplicated"] == 0 and seen["overlap"] == 0, str(seen))
        return "a stock Telethon script sent with a loan string; both others heard it, over one connection"

    yield Act(
        "Lend the session to three programs at once",
        "Two programs borrow by name, an unmodified one with a loan string. None of them has the key.",
        borrowed,
    )

    def restarted() -> str:
        pid = stage.daemon_pid()
        _expect(pid is not None, "no daemon runs")
        os.kill(pid or 0, signal.SIGKILL)
        said = stage.telekeep("emulator", "send", "--to", PHONE, "--text", "while the daemon was dead")
        _expect(said.code == 0, said)
        heard = [first_line(each) for each in listeners]
        _expect(heard == ["heard: while the daemon was dead"] * 2, "; ".join(heard))
        _expect(stage.daemon_pid() not in (None, pid), "the daemon is not another one")
        for each in listeners:
            stage.kill(each)
        return "another daemon took over, and both programs heard what came in between"

    yield Act(
        "kill -9 the daemon: borrowers go on",
        "A message arrives while nobody owns the session. Nobody restarts anything by hand.",
        restarted,
    )

    def limited() -> str:
        loan = stage.telekeep("lend", "main", "--as", "reader", "--grant", "read-only")
        _expect(loan.code == 0, loan)
        stage.write("reader.txt", loan.out + "\n")
        read = stage.run(stock_file.name, "reader.txt")
        _expect(read.code == 0, read)
        wrote = stage.run(stock_file.name, "reader.txt", "may I?")
        _expect(wrote.code != 0 and "NOT_GRANTED" in wrote.err, wrote)
        ended = stage.telekeep("loans", "revoke", "reader")
        _expect(ended.code == 0, ended)
        after = stage.run(stock_file.name, "reader.txt")
        _expect(after.code != 0 and "LOAN_REVOKED" in after.err, after)
        return f"{read.out}; sending refused; after `loans revoke`: LOAN_REVOKED"

    yield Act(
        "A loan may do what its grant says, for as long as it lasts",
        "A read-only loan reads, may not send, and ends when it is revoked.",
        limited,
    )

    def refused() -> str:
        nonlocal worker
        worker = stage.start(worker_file.name)
        first_line(worker)
        said = stage.run(notebook_file.name, "main")
        _expect(said.code != 0 and str(worker.pid) in said.err, said)
        return said.last

    yield Act(
        "Refuse a second process, and say who holds it",
        "worker.py holds the session itself (direct=True) and stays. notebook.py wants to do the same.",
        refused,
    )

    def copy_refused() -> str:
        said = stage.telekeep("import", "copy.txt", "--as", "copy", home="elsewhere")
        _expect(said.code == 3, said)
        return f"exit 3: {said.err.splitlines()[0] if said.err else said.last}"

    yield Act(
        "Refuse a copy of the key under another home",
        "The same key, exported as a string and brought in elsewhere, is still the same lease.",
        copy_refused,
    )

    def killed() -> str:
        assert worker is not None
        stage.kill(worker)
        began = time.monotonic()
        said = stage.run(notebook_file.name, "main")
        took = time.monotonic() - began
        _expect(said.code == 0, said)
        return f"{said.out}, {took:.1f} s after kill -9, start of Python included"

    yield Act(
        "kill -9 the holder: the session is free at once",
        "No lock file to delete, no pid to look up: the kernel gives the lease back.",
        killed,
    )

    def counted() -> str:
        seen = stage.stats()
        _expect(seen["duplicated"] == 0 and seen["overlap"] == 0, str(seen))
        return f"{seen['rpc']} calls, 0 duplicated, 0 overlap"

    yield Act(
        "Telegram never saw two connections",
        "What the server counted through all of this.",
        counted,
    )

    def without() -> str:
        said = stage.telekeep("auth", "spare", "--phone", SPARE_PHONE, "--code", SPARE_CODE)
        _expect(said.code == 0, said)
        said = stage.telekeep("export", "spare", "--to", "telethon-string", "--yes")
        _expect(said.code == 0, said)
        spare = stage.write("spare.txt", said.out)
        bare = stage.write("bare.py", BARE)
        pair = [stage.start(str(bare), str(spare)) for _ in range(2)]
        ends = [stage.finish(process) for process in pair]
        _expect(any("406 AuthKeyDuplicatedError" in end.err for end in ends), "; ".join(end.last for end in ends))
        _expect(stage.stats()["duplicated"] >= 1, "the emulator counted none")
        return "; ".join(sorted({end.last for end in ends}))

    yield Act(
        "The same with two bare Telethon processes",
        "A throw-away account, its string in two programs, and nothing in between.",
        without,
    )

    def dead() -> str:
        said = stage.telekeep("test", "spare")
        _expect(said.code == 1, said)
        return said.out.splitlines()[0] if said.out else said.last

    yield Act(
        "That session is dead for good",
        "`telekeep test` asks Telegram about the throw-away session.",
        dead,
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _holds_key(path: Path, string: str) -> bool:
    from base64 import urlsafe_b64decode

    key = urlsafe_b64decode(string[1:])[-256:]
    content = path.read_bytes()
    return key in content or string[40:200].encode() in content
