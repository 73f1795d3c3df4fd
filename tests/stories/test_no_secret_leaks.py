"""Secrets are planted, every command is made to fail and to succeed, and everything written is searched for them."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from telekeep.cli.demo.programs import WORKER
from telekeep.cli.demo.stage import Stage, first_line


def _spellings(secret: bytes) -> set[bytes]:
    """Every form a program could show a part of the secret in: raw, hex, and base64 at each of three alignments."""
    middle = secret[64:112]
    forms = {middle, middle.hex().encode(), middle.hex().upper().encode(), repr(middle)[2:-1].encode()}
    for offset in range(3):
        part = secret[63 + offset : 63 + offset + 33]
        forms |= {b64encode(part)[:40], urlsafe_b64encode(part)[:40]}
    return forms


def test_no_command_error_log_or_argument_shows_a_secret(kept: Stage) -> None:
    string = kept.telekeep("export", "main", "--to", "telethon-string", "--yes").out
    key = urlsafe_b64decode(string[1:])[-256:]
    kept.write("good.txt", string)
    kept.write("short.txt", string[:-20])
    kept.write("quoted.txt", f'"{string}"')
    kept.write("broken.txt", string[:100] + "!" + string[101:])
    kept.write(".env", f"TELEGRAM_SESSION_STRING={string}\n")
    planted = _spellings(key) | {string[40:80].encode(), b"correct horse battery"}

    outputs = []
    for words in (
        ["status"], ["status", "main"], ["list"], ["test", "main"], ["check", "good.txt"], ["check", "short.txt"],
        ["check", "quoted.txt"], ["check", "broken.txt"], ["import", "good.txt", "--as", "again"],
        ["import", "short.txt", "--as", "x"], ["import", "broken.txt", "--as", "x"], ["import", string],
        ["import", "--env", "--as", "env"], ["export", "nobody", "--to", "telethon-string"], ["vault", "status"],
        ["vault", "rotate"], ["remove", "again", "--yes"], ["emulator", "stats"], ["auth", "main", "--phone", "1"],
        ["export", "main", "--to", "nothing"], ["test", "nobody"],
    ):  # fmt: skip
        for extra in ([], ["--json"]):
            said = kept.telekeep(*words, *extra)
            outputs.append((words, said.out + said.err))
    worker = kept.start(str(kept.write("worker.py", WORKER)))
    first_line(worker)
    arguments = _arguments(kept)
    assert b"worker.py" in arguments, "they are looked at"
    kept.telekeep("emulator", "fault", "duplicated")
    said = kept.telekeep("test", "main")
    kept.kill(worker)
    outputs.append((["worker"], said.out + said.err))

    for secret in planted:
        for words, text in outputs:
            assert secret not in text.encode(), f"{words} shows a secret"
        assert secret not in arguments
    for path in [*_files(kept.folder / "home"), *_files(kept.folder / "leases"), *_files(kept.folder / "home.state")]:
        content = path.read_bytes()
        assert not any(secret in content for secret in planted), f"{path.name} holds a secret in the clear"


def _arguments(stage: Stage) -> bytes:
    """Of every process on this stage: those of other stages tell their own emulator the same pretend password."""
    ours, found = bytes(stage.folder), b""
    for each in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended, or is somebody else's
            if each.name.isdigit() and ours in (each / "environ").read_bytes():
                found += (each / "cmdline").read_bytes()
    return found


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
