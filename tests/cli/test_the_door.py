"""Help, unknown commands, global options on either side, and how a run ends."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path

import click
import pytest

from telekeep.cli import main as door
from telekeep.cli.command import Group, Invocation, command
from telekeep.cli.main import COMMANDS, Listed, main
from telekeep.errors import FloodWait, NeedsLogin, SessionBusy, TelekeepError
from telekeep.words import fitted


def _tree(parent: click.Group, name: str, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The command ``name`` and every verb beneath it, as words."""
    context = click.Context(parent)
    one = parent.get_command(context, name)
    assert one is not None
    path = (*path, name)
    below = one.list_commands(context) if isinstance(one, click.Group) else []
    return [path, *(words for verb in below for words in _tree(one, verb, path))]


def test_no_command_is_help_and_help_lists_every_command_once(call) -> None:
    said = call()
    assert said.code == 0 and said.err == ""
    lines = said.out.splitlines()
    for group in COMMANDS.values():
        for name, listed in group.items():
            assert sum(line.split()[:1] == [name] and line.rstrip().endswith(listed.help) for line in lines) == 1, name
    for heading in COMMANDS:
        assert f"{heading}:" in lines


def test_help_is_shown_without_importing_any_command(world: Path) -> None:
    code = (
        "import sys\nfrom telekeep.cli.main import main, COMMANDS\nmain([])\n"
        "places = {listed.place.partition(':')[0] for group in COMMANDS.values() for listed in group.values()}\n"
        "print('loaded', sorted(places & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "loaded []", done.stderr


def test_no_command_loads_for_its_help_what_only_its_work_needs() -> None:
    code = (
        "import sys\nfrom importlib import import_module\nfrom telekeep.cli.main import COMMANDS\n"
        "for group in COMMANDS.values():\n"
        "    for listed in group.values(): import_module(listed.place.partition(':')[0])\n"
        "heavy = {'asyncio', 'cryptography', 'psutil', 'rich', 'ssl', 'subprocess', 'telethon', 'tomlkit'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_every_command_has_help_with_an_example(call, name: str) -> None:
    for words in _tree(door.telekeep, name):
        said = call(*words, "--help")
        assert said.code == 0
        assert f"telekeep {' '.join(words)}" in said.out.partition("Example")[2], f"{words}: no example"
        assert "--json" in said.out and "--network" in said.out
        assert not re.search(r"\b(RANGE|TEXT|INTEGER|FLOAT)\b|\.\.\.$", said.out, re.MULTILINE), (
            f"{words}: not for people"
        )


def test_an_unknown_command_is_usage_and_names_the_nearest(call) -> None:
    said = call("stats")
    assert said.code == 2 and said.out == ""
    assert "no command 'stats'" in said.err and "→ Did you mean `telekeep status`?" in said.err
    assert call("xyzzy").code == 2


def test_an_unknown_verb_of_a_group_is_usage_too(call) -> None:
    said = call("vault", "rotat")
    assert said.code == 2 and "`telekeep vault rotate`" in said.err


def test_usage_errors_are_json_where_json_was_asked_for(call) -> None:
    for words in (("--json", "nope"), ("status", "--nope", "--json"), ("export", "--json")):
        said = call(*words)
        assert said.code == 2 and said.err == ""
        assert set(said.json) == {"error", "message", "remedy"} and said.json["error"] == "Usage"


def test_a_misspelt_option_names_the_nearest_one(call) -> None:
    for typed, meant in (("--jso", "--json"), ("--homee", "--home"), ("--networks", "--network")):
        said = call("status", typed)
        assert said.code == 2 and f"There is no option {typed}." in said.err
        assert said.err.splitlines()[-1] == f"→ Did you mean {meant}?"


@pytest.mark.parametrize(
    "words",
    [
        "auth a/b", "generate a/b", "fork main --as a/b", "import - --as a/b", "adopt . --as a/b",
        "adopt . --grant everything", "lend main --grant everything", "run main --grant everything -- true",
        "lend main --for soon", "run main --for 0h -- true", "unlock --for soon", "lend main --to nonsense",
        "export main --to nonsense", "status --age-days 3,2,1", "test main --timeout 0",
        "archive historical main https://t.me/+", "archive test main https://t.me/+", "archive search x --chat ''",
        "archive historical main @news --to ftp://x", "archive monitor main @news --since never",
        "jobs add a --every soon -- test main", "jobs add a --cron nonsense -- test main",
        "jobs add a --at nonsense -- test main", "jobs add a --every 1h --at 2030-01-01 -- test main",
        "jobs add a/b -- test main", "jobs add a -- list",
    ],
)  # fmt: skip
def test_a_value_that_can_be_nothing_is_usage_before_anything_is_done(call, world: Path, words: str) -> None:
    """design.md: 2 usage, 6 configuration. One rule for every command; with --json, too."""
    said = call("--json", *shlex.split(words))
    assert (said.code, said.json["error"]) == (2, "Usage"), said
    assert list(world.glob("home/*")) == [], "no vault is looked for, and no daemon started"


@pytest.mark.parametrize("words", ["auth main --phone 5", "renew main --phone 5", "list --network nonsense"])
def test_what_is_a_setting_is_configuration_wherever_it_is_named(call, words: str) -> None:
    """design.md names phone numbers among what makes a ConfigError."""
    assert call(*words.split()).code == 6


def test_choices_are_listed_on_one_line(call) -> None:
    said = call("export", "main")
    assert said.code == 2 and len(said.err.splitlines()) == 2
    assert "telethon-string, telethon-sqlite" in said.err


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Invocation]:
    """The invocations of a command called `probe`, and of the verb `probe deep down`."""
    invocations: list[Invocation] = []

    @command(epilog="Example: telekeep deep down")
    def down(invocation: Invocation) -> None:
        invocations.append(invocation)

    inner = Group("deep", commands={"down": down})
    module = type(sys)("telekeep.cli.probe_for_tests")
    module.deep, module.down = inner, down  # type: ignore[attr-defined]  # a module made for the test
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(
        COMMANDS,
        "Tests",
        {"deep": Listed(f"{module.__name__}:deep", ""), "down": Listed(f"{module.__name__}:down", "")},
    )
    return invocations


@pytest.mark.parametrize(
    "words",
    [
        "--json -q --yes --home H --network N down",
        "down --json -q --yes --home H --network N",
        "--json -q down -y --home H --network N",
        "deep --json --quiet down --yes --home H --network N",
        "--home other deep --json --home another down --quiet --yes --home H --network N",
    ],
)
def test_global_options_mean_the_same_before_and_after_the_command(call, seen, words: str) -> None:
    assert call(*words.split()).code == 0
    (one,) = seen
    assert one == Invocation(json=True, quiet=True, yes=True, home=Path("H"), network="N")


def test_options_win_over_the_environment(call, seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEKEEP_HOME", "from-environment")
    monkeypatch.setenv("TELEKEEP_NETWORK", "test")
    assert call("down").code == 0 and call("down", "--home", "given", "--network", "production").code == 0
    assert [(each.home, each.network) for each in seen] == [
        (Path("from-environment"), "test"),
        (Path("given"), "production"),
    ]


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @command(epilog="Example: telekeep fail")
    def fail(invocation: Invocation) -> None:
        raise error

    module = type(sys)("telekeep.cli.fail_for_tests")
    module.fail = fail  # type: ignore[attr-defined]  # a module made for the test
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "Tests", {"fail": Listed(f"{module.__name__}:fail", "")})


def _all_errors(kind: type[TelekeepError]) -> list[type[TelekeepError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in _all_errors(each))]


@pytest.mark.parametrize("kind", _all_errors(TelekeepError), ids=lambda kind: kind.__name__)
def test_every_error_ends_with_its_own_exit_code_and_remedy(call, monkeypatch, kind: type[TelekeepError]) -> None:
    _failing(monkeypatch, kind("It did not work.", remedy="Do that."))
    said = call("fail")
    assert (said.code, said.out, said.err) == (kind.exit_code, "", "✗ It did not work.\n→ Do that.\n")
    said = call("fail", "--json")
    assert said.code == kind.exit_code and said.err == ""
    assert (said.json["error"], said.json["message"]) == (kind.__name__, "It did not work.")
    assert said.json["remedy"] == "Do that."


def test_the_fields_of_an_error_are_in_its_json(call, monkeypatch) -> None:
    _failing(monkeypatch, FloodWait(seconds=79_200, until=1_900_000_000.0, method="auth.sendCode"))
    said = call("fail", "--json")
    assert said.code == 4
    assert (said.json["seconds"], said.json["until"]) == (79_200, 1_900_000_000.0)
    assert said.json["method"] == "auth.sendCode"
    _failing(monkeypatch, SessionBusy(since=5.0))
    assert call("fail", "--json").json["since"] == 5.0


def test_a_remedy_names_the_command_as_it_is_typed() -> None:
    assert fitted("Run `telekeep auth NAME` in a terminal.", "main") == "Run `telekeep auth main` in a terminal."
    assert fitted("Name it with --network NAME|FILE.", "main") == "Name it with --network NAME|FILE."
    assert fitted("Run `telekeep auth NAME`.", None) == "Run `telekeep auth NAME`." and fitted(None, "main") is None


def test_a_failing_command_puts_its_session_into_the_remedy(call, monkeypatch) -> None:
    @command(epilog="Example: telekeep fail main")
    @click.argument("name")
    def fail(invocation: Invocation, name: str) -> None:
        raise NeedsLogin

    module = type(sys)("telekeep.cli.fail_for_tests")
    module.fail = fail  # type: ignore[attr-defined]  # a module made for the test
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "Tests", {"fail": Listed(f"{module.__name__}:fail", "")})
    assert "`telekeep auth main --replace`" in call("fail", "main").err


@pytest.mark.parametrize(
    ("error", "words"),
    [(KeyboardInterrupt(), "What was done before that stays done."), (click.Abort(), "Nothing was changed.")],
    ids=["in the middle", "at a question"],
)
def test_ctrl_c_says_what_it_means(call, monkeypatch, error: BaseException, words: str) -> None:
    _failing(monkeypatch, error)
    said = call("fail")
    assert said.code == 130 and words in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("debug", [False, True])
def test_an_unforeseen_error_is_told_without_its_words(call, world: Path, monkeypatch, debug: bool) -> None:
    """A foreign exception may quote a secret: only its class and where it happened are told (X-6)."""
    secret = "hunter2-the-planted-password"
    (world / "home").mkdir(mode=0o700)
    if debug:
        monkeypatch.setenv("TELEKEEP_DEBUG", "1")
    try:
        try:
            int(secret)
        except ValueError as inner:
            raise KeyError(secret) from inner
    except KeyError as error:
        _failing(monkeypatch, error)
    said = call("fail")
    assert said.code == 8 and said.out == ""
    assert "KeyError" in said.err and secret not in said.err
    assert ("test_the_door.py" in said.err) == debug
    log = world / "home" / "log" / "unforeseen.log"
    assert str(log) in said.err
    text = log.read_text()
    assert "ValueError" in text and "test_the_door.py" in text and secret not in text
    assert log.stat().st_mode & 0o777 == 0o600


def test_an_unforeseen_error_is_noted_in_the_home_that_was_named(call, world: Path, monkeypatch) -> None:
    (world / "other").mkdir(mode=0o700)
    _failing(monkeypatch, RuntimeError("x"))
    assert call("fail", "--home", "other").code == 8
    assert (world / "other" / "log" / "unforeseen.log").exists() and not (world / "home").exists()


def test_an_unforeseen_error_makes_no_home(call, world: Path, monkeypatch) -> None:
    _failing(monkeypatch, RuntimeError("x"))
    assert call("fail").code == 8
    assert not (world / "home").exists()


def test_a_reader_that_goes_away_is_no_error(world: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", "from telekeep.cli.main import run; input(); run()", "--help"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout and running.stdin and running.stderr
    running.stdout.close()
    running.stdin.write("\n")
    running.stdin.close()
    assert running.wait(timeout=60) == 141
    assert running.stderr.read() == ""
    running.stderr.close()


def test_ctrl_c_in_a_real_process_ends_in_words(world: Path) -> None:
    """A process that waits for standard input is interrupted: exit 130, one line, no traceback."""
    running = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdin
    running.stdin.write("1")
    running.stdin.flush()
    while _unread(running.stdin.fileno()):  # once that is gone, it waits for the rest
        assert running.poll() is None, "it ended before it was interrupted"
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err == "✗ Stopped. What was done before that stays done.\n"


def _unread(pipe: int) -> int:
    waiting = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


def test_a_terminal_that_lacks_the_marks_is_no_reason_to_fail(process) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "telekeep", "nope"],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert said.returncode == 2 and b"There is no command" in said.stderr


def test_the_module_and_the_console_script_are_the_same_door(process) -> None:
    script = Path(sys.executable).parent / "telekeep"
    by_script = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert process("--version").out == by_script.stdout != ""


def test_a_session_string_in_the_wrong_place_is_never_repeated(call, seen) -> None:
    string = "1" + "BVtsOK4Bu" * 39 + "="
    for words in (
        ["nope", string],
        [string],
        ["status", "main", string],
        ["down", f"--{string}"],
        ["export", "-" + string],
    ):
        said = call(*words)
        assert said.code == 2 and string[10:60] not in said.out + said.err, words
        said = call(*words, "--json")
        assert said.code == 2 and string[10:60] not in said.out + said.err, words
        json.loads(said.out)


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("--home", "~nobody-at-all/x", "list"), "~"),
        (("backup", "--to", "~nobody-at-all/x"), "~"),
        (("archive", "export", "--to", "json", "--in", "a.db", "--out", "1" * 300), "longer"),
    ],
)
def test_a_path_that_can_be_none_is_usage_and_is_not_repeated(
    call, world: Path, words: tuple[str, ...], word: str
) -> None:
    said = call(*words, "--json")
    assert (said.code, said.json["error"]) == (2, "Usage")
    assert word in said.json["message"] and words[-1] not in said.out
    assert not list(world.glob("~*"))


def test_main_takes_arguments_from_whoever_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0 and capsys.readouterr().out.startswith("telekeep ")


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["status", "main", "--json"]])
def test_a_full_disk_under_standard_output_does_not_look_like_a_missing_login(world, words: list[str]) -> None:
    """Exit code 1 would make a script log in anew for nothing."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "telekeep", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 8, done
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_closed_streams_do_not_look_like_a_missing_login(world) -> None:
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m telekeep list <&- >&- 2>&-"], timeout=60)
    assert done.returncode == 0
