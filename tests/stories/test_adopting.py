"""Programs as their authors wrote them, before their file is adopted, after it, and after the way back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.conftest import CODE, PHONE
from telekeep.borrow import asking
from telekeep.cli.demo.stage import Said, Stage

PROGRAMS = Path(__file__).parent / "adopting"
OTHER = "9996627777"


@pytest.fixture
def lending(stage: Stage) -> Iterator[Lending]:
    with Lending(stage) as lending:
        lending.telegram("account", phone=OTHER, first_name="Grace", username="grace")
        yield lending


def made(lending: Lending, name: str, phone: str = PHONE, to: str = "telethon-string") -> str | Path:
    """A login of its own that some program has made, and telekeep at home does not know: a string, or a file."""
    more = ("--password-file", "password") if phone == PHONE else ()
    lending.ok("auth", name, "--phone", phone, "--code", CODE, *more, home="elsewhere")
    if to == "telethon-string":
        return lending.ok("export", name, "--to", to, "--yes", home="elsewhere")
    folder = lending.folder / name
    folder.mkdir()
    path = folder / f"{name}.session"
    lending.ok("export", name, "--to", to, "--out", str(path), "--yes", home="elsewhere")
    return path


def program(lending: Lending, name: str, *words: str | Path, cwd: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-I", str(PROGRAMS / name), *map(str, words)],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lending.stage.running.append(process)
    return process


def ran(lending: Lending, name: str, *words: str | Path, cwd: Path) -> list[str]:
    """What a program says that ends by itself."""
    said = lending.stage.finish(program(lending, name, *words, cwd=cwd))
    assert said.code == 0, said
    return said.out.splitlines()


def stopped(lending: Lending, process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    process.stdin = None
    said = lending.stage.finish(process)
    assert said.code == 0, said


def known(lending: Lending) -> set[int | None]:
    """The processes on loans that the daemon knows: it looks once a second who has come."""
    return {user["pid"] for loan in lending.loans() for user in loan["borrowers"]}


def adopted(lending: Lending, *words: str | Path) -> dict:  # type: ignore[type-arg]
    said: Said = lending.telekeep("adopt", "--json", *map(str, words))
    assert said.code == 0, said
    found: dict = json.loads(said.out)  # type: ignore[type-arg]
    return found


def spellings(key: bytes) -> list[bytes]:
    """The key as it may stand in a file: raw, in hex, and inside any base64."""
    inner = [key[skip : skip + (256 - skip) // 3 * 3] for skip in range(3)]
    return [key, key.hex().encode(), *(code(each) for each in inner for code in (b64encode, urlsafe_b64encode))]


def scan(folder: Path, key: bytes) -> list[str]:
    """The files below ``folder`` that hold the key."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(each in path.read_bytes() for each in spellings(key))]


def key_of(string: str) -> bytes:
    return urlsafe_b64decode(string.strip()[1:])[-256:]


def test_a_program_that_names_its_session_file_goes_on_without_a_change(lending: Lending) -> None:
    path = Path(made(lending, "bot", to="telethon-sqlite"))
    key = key_of(lending.ok("export", "bot", "--to", "telethon-string", "--yes", home="elsewhere"))
    folder = path.parent
    before = program(lending, "named.py", "bot", "one", cwd=folder)
    me, *said = line(before).split("|")
    assert said == ["one"]
    refused = lending.telekeep("adopt", str(path))
    assert refused.code == 3 and f"process {before.pid}" in refused.err, refused
    stopped(lending, before)
    assert scan(folder, key) == [str(path)], "a scan that finds nothing proves nothing"
    logins = lending.stats()["logins"]

    outcome = adopted(lending, path)
    assert [each["name"] for each in outcome["files"][0]["sessions"]] == ["bot"]
    assert scan(folder, key) == []
    assert [each.name for each in folder.iterdir()] == ["bot.session"]
    after = program(lending, "named.py", "bot", "two", cwd=folder)
    while (heard := line(after)).startswith("heard"):
        pass
    assert heard.split("|") == [me, "one", "two"]
    lending.telegram("send", to=PHONE, text="for both")
    while "for both" not in (heard := line(after)):
        assert heard.startswith("heard")
    refused = lending.telekeep("adopt", "--undo", str(path))
    assert refused.code == 3 and str(after.pid) in refused.err, refused
    stopped(lending, after)
    assert adopted(lending, path)["files"][0]["done"] is False

    assert adopted(lending, "--undo", path)["files"][0]["state"] == "returned"
    assert until(lambda: lending.owned() == [])
    again = program(lending, "named.py", "bot", "three", cwd=folder)
    while (heard := line(again)).startswith("heard"):
        pass
    assert heard.split("|") == [me, "one", "two", "three"]
    refused = lending.telekeep("lend", "bot")
    assert refused.code == 3 and "telekeep adopt" in refused.err, refused
    assert "outside telekeep" in lending.ok("status", "bot")
    stopped(lending, again)
    seen = lending.check()
    assert seen["logins"] == logins, "nobody logged in a second time"


@pytest.mark.parametrize("kind", ["accounts.json", ".env"])
def test_a_program_that_reads_its_strings_from_a_file_goes_on_without_a_change(lending: Lending, kind: str) -> None:
    one, two = str(made(lending, "one")), str(made(lending, "two", OTHER))
    folder = lending.folder / "program"
    folder.mkdir()
    path = folder / kind
    if kind == ".env":
        path.write_text(f"# mine\r\nexport TELEGRAM_SESSION_A='{one}'  # Ada\r\nTELEGRAM_SESSION_B={two}\r\nX=1\r\n")
    else:
        accounts = [{"name": "ada", "session": one}, {"name": "grace", "session": two}]
        path.write_text(json.dumps({"accounts": accounts, "debug": True}, indent=3))
    path.chmod(0o600)
    original = path.read_bytes()
    first = ran(lending, "reader.py", path.name, "first", cwd=folder)
    assert [each.split("|")[1:] for each in first] == [["first"], ["first"]]

    outcome = adopted(lending, path)["files"][0]
    assert len({each["name"] for each in outcome["sessions"]}) == 2
    assert scan(folder, key_of(one)) == scan(folder, key_of(two)) == []
    second = ran(lending, "reader.py", path.name, "second", cwd=folder)
    assert second == [each + "|second" for each in first], "each account its own"

    adopted(lending, "--undo", path)
    assert path.read_bytes() == original
    assert ran(lending, "reader.py", path.name, "third", cwd=folder) == [each + "|third" for each in second]
    lending.check()


def test_the_same_file_is_adopted_returned_and_adopted_again(lending: Lending) -> None:
    string = str(made(lending, "one"))
    folder = lending.folder / "program"
    folder.mkdir()
    path = folder / "session.txt"
    path.write_text(string + "\n")
    path.chmod(0o600)
    for number in range(2):
        adopted(lending, path, "--as", "ada")
        assert scan(folder, key_of(string)) == []
        said = ran(lending, "reader.py", path.name, str(2 * number), cwd=folder)
        adopted(lending, "--undo", path)
        assert path.read_text() == string + "\n"
        said = ran(lending, "reader.py", path.name, str(2 * number + 1), cwd=folder)
        assert said[0].split("|")[1:] == [str(each) for each in range(2 * number + 2)]
    listed = json.loads(lending.ok("adopt", "--list", "--json"))["adopted"]
    assert [(each["path"], each["state"]) for each in listed] == [(str(path), "returned")]
    shutil.rmtree(folder)
    lending.ok("adopt", "--forget", str(path))
    assert json.loads(lending.ok("adopt", "--list", "--json"))["adopted"] == []
    assert lending.lend("ada").startswith("1")
    lending.check()


def _text(lending: Lending, name: str, phone: str = PHONE) -> Path:
    path = lending.folder / name / "session.txt"
    path.parent.mkdir()
    path.write_text(str(made(lending, name, phone)))
    path.chmod(0o600)
    return path


def test_a_program_that_has_read_its_string_is_seen_by_its_connection(lending: Lending) -> None:
    path = _text(lending, "one")
    before = path.read_bytes()
    running = program(lending, "held.py", path.name, cwd=path.parent)
    assert line(running)
    refused = lending.telekeep("adopt", str(path), "--as", "one")
    assert refused.code == 3 and f"process {running.pid} " in refused.err, refused
    assert path.read_bytes() == before
    assert lending.telekeep("list", "--json").out.count('"name"') == 0, "nothing was kept either"
    stopped(lending, running)
    adopted(lending, path, "--as", "one")
    lending.check()


def test_the_key_does_not_go_back_while_a_program_is_on_the_loan(lending: Lending) -> None:
    path = _text(lending, "one")
    adopted(lending, path, "--as", "one")
    content = path.read_bytes()
    running = program(lending, "held.py", path.name, cwd=path.parent)
    assert line(running)
    until(lambda: running.pid in known(lending))
    refused = lending.telekeep("adopt", "--undo", str(path))
    assert refused.code == 3 and str(running.pid) in refused.err, refused
    assert path.read_bytes() == content
    stopped(lending, running)
    adopted(lending, "--undo", path)
    lending.check()


def test_another_copy_of_a_lent_key_is_adopted_while_programs_use_it(lending: Lending) -> None:
    first = _text(lending, "one")
    second = first.with_name("second.txt")
    shutil.copy(first, second)
    said = adopted(lending, first, "--as", "one")["files"][0]
    assert [note for note in said["notes"] if str(second) in note]
    running = program(lending, "held.py", first.name, cwd=first.parent)
    me = line(running)
    adopted(lending, second)
    assert scan(first.parent, key_of(lending.ok("export", "one", "--to", "telethon-string", "--yes"))) == []
    other = program(lending, "held.py", second.name, cwd=second.parent)
    assert line(other) == me
    stopped(lending, other)
    until(lambda: known(lending) == {running.pid})
    refused = lending.telekeep("adopt", "--undo", str(second))
    assert refused.code == 3 and str(running.pid) in refused.err, "the owner cannot let go what another program uses"
    assert "adopted" in lending.ok("adopt", "--list")
    stopped(lending, running)
    said = adopted(lending, "--undo", second)["files"][0]
    assert any("not served" in note for note in said["notes"]), "the first file's loan is out of force meanwhile"
    assert ran(lending, "reader.py", second.name, "real", cwd=second.parent)[0].split("|") == [me, "real"]
    adopted(lending, second)
    assert ran(lending, "reader.py", first.name, "lent", cwd=first.parent)[0].split("|") == [me, "real", "lent"]
    lending.check()


def test_an_interrupted_adoption_connects_nobody_until_it_is_finished(lending: Lending) -> None:
    """Killed before the file is touched: the daemon must not take the session, whose key the program still has."""
    path = _text(lending, "one")
    key, me = key_of(path.read_text()), ran(lending, "reader.py", path.name, "one", cwd=path.parent)[0].split("|")[0]
    code = (
        "import os, sys, signal; from pathlib import Path; from telekeep.keeper.keeper import Keeper;"
        "from telekeep.keeper.adopt import swap, verb;"
        "swap.Open.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL);"
        "verb.adopt(Keeper.open(), Path(sys.argv[1]), verb.Terms(name='one'))"
    )
    assert lending.run("-c", code, path).code == -9
    assert scan(path.parent, key) == [str(path)]
    lending.ok("daemon", "start")
    assert lending.loans()[0]["state"] == "open"
    connections = lending.stats()["connections"]
    refused = lending.telekeep("lend", "one")
    assert refused.code == 3 and "telekeep adopt" in refused.err, refused
    assert ran(lending, "reader.py", path.name, "two", cwd=path.parent) == [f"{me}|one|two"]
    assert lending.stats()["connections"] == connections + 1, "the program's own, and no other"
    assert "cannot be opened" not in lending.log(), "it does not even try"
    adopted(lending, path, "--as", "one")
    assert scan(path.parent, key) == []
    assert [each["state"] for each in lending.loans()] == ["revoked", "open"]
    assert ran(lending, "reader.py", path.name, "three", cwd=path.parent) == [f"{me}|one|two|three"]
    lending.check()


def test_several_files_are_adopted_each_for_itself(lending: Lending) -> None:
    one, two = _text(lending, "one"), _text(lending, "two", OTHER)
    one = one.rename(one.with_name("first.txt"))
    two = two.rename(two.with_name("second.txt"))
    bad = lending.stage.write("bad.txt", "nothing\n")
    said = lending.telekeep("adopt", str(one), str(bad), str(two), "--json")
    assert said.code == 7, said
    found = json.loads(said.out)["files"]
    assert [each["state"] for each in found] == ["adopted", "failed", "adopted"]
    assert [each["error"] and each["error"]["error"] for each in found] == [None, "UnknownFormat", None]
    assert sorted(lending.owned()) == ["first", "second"]
    said = lending.telekeep("adopt", str(one), str(two))
    assert said.code == 0 and said.out.count("already adopted") == 2, said
    said = lending.telekeep("adopt", "--undo", str(one), str(two))
    assert said.code == 0 and said.out.count("returned") == 2 and "real key" in said.err, said
    lending.check()


@pytest.mark.parametrize("release", ["telethon-1.26.1", "telethon-1.36.0", "telethon-1.39.0"])
def test_an_old_release_opens_the_file_as_before(lending: Lending, release: str) -> None:
    python = Path(sys.prefix) / "releases" / release / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs {release}: make layers")
    path = Path(made(lending, "bot", to="telethon-sqlite"))
    adopted(lending, path)
    done = subprocess.run(
        [python, "-I", PROGRAMS / "opened.py", path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done
    version, dc, host, port, key = done.stdout.strip().split("|")
    owner = asking.ask(lending.where(), "status")["sessions"][0]
    assert release.endswith(version)
    assert [int(dc), host, int(port)] == owner["addresses"][0]
    assert scan(path.parent, bytes.fromhex(key)) == [str(path)]
