"""The commands of the guides that people come from, at the guides' own paths: run as the guides say, as processes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from stories.borrowing.lending import until
from stories.conftest import CODE, PHONE
from telekeep.cli.demo.stage import Said, Stage
from telekeep.paths import Home
from telekeep.work import alone

REPOSITORY = Path(__file__).parents[2]
DIAGNOSTICS = "scripts/telegram_session_check.py"


def started(stage: Stage, path: str, *words: str, **environ: str) -> subprocess.Popen[str]:
    """Start a script of the repository in the stage's folder, as somebody at a shell would."""
    command = [str(REPOSITORY / path)] if path.endswith(".sh") else ["python3", str(REPOSITORY / path)]
    return subprocess.Popen(
        [*command, *words],
        cwd=stage.folder,
        env=stage.environment() | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def script(stage: Stage, path: str, *words: str, **environ: str) -> Said:
    """Run it to its end."""
    process = started(stage, path, *words, **environ)
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out.strip(), err.strip())


def test_the_daemon_says_what_it_lacks_and_keeps_the_string_that_is_there(stage: Stage) -> None:
    said = script(stage, "daemon.sh", "start", PORT="3000")
    assert said.code == 6, said
    assert said.err.splitlines()[0] == "✗ TELEGRAM_SESSION_STRING is required when PORT is set"
    assert "session_string_generator.py" in said.err
    assert stage.telekeep("daemon", "status").code == 8, "nothing was started"

    for broken in ("1BVtsOJyBu" + "x" * 90, "1BVtsOJyBuKZxY7QA"):
        stage.write(".env", f"TELEGRAM_SESSION_STRING={broken}\nPORT=3000\n")
        said = script(stage, "daemon.sh", "start")
        assert said.code == 7, said
        assert said.err.startswith("✗ Error starting Telegram client: Unable to decrypt session")
        assert "telekeep generate" in said.err and broken[:12] not in said.err + said.out

    words = ("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "password")
    assert stage.telekeep(*words, home="elsewhere").code == 0
    string = stage.telekeep("export", "main", "--to", "telethon-string", "--yes", home="elsewhere").out
    stage.write(".env", f"TELEGRAM_SESSION_STRING={string}\n")
    said = script(stage, "daemon.sh", "start", PORT="3000")
    assert said.code == 0 and "✓ Session is valid" in said.out, said
    assert string not in said.out + said.err

    sent = stage.stats()["codes_sent"]
    for path in ("session_string_generator.py", "scripts/generate_session.py"):
        said = script(stage, path, TELEKEEP_SESSION="another")
        assert said.code not in (0, 130) and "terminal" in said.err, said
    assert stage.stats()["codes_sent"] == sent, "a code is asked for at a terminal, and nowhere else"


def test_restart_starts_a_stopped_daemon_and_a_pid_is_no_proof(kept: Stage) -> None:
    first = script(kept, "daemon.sh", "restart")  # the guide's restart failed here
    assert first.code == 0 and "✓ Session is valid" in first.out, first
    pid = kept.daemon_pid()
    assert pid is not None
    os.kill(pid, 9)
    until(lambda: alone.is_free(Home(*(kept.folder / each for each in ("home", "home.key/key", "home.state")))))
    bystander = kept.start("-c", "import time; time.sleep(100)")
    face = kept.folder / "home" / "run" / "daemon.toml"
    face.write_text(face.read_text().replace(f"pid = {pid}", f"pid = {bystander.pid}"))
    assert script(kept, "daemon.sh", "status").code == 8, "another process has that pid now"
    assert script(kept, "daemon.sh", "stop").code == 0 and bystander.poll() is None
    starts = [started(kept, "daemon.sh", "start") for _ in range(2)]
    said = [each.communicate(timeout=60) for each in starts]
    assert [each.returncode for each in starts] == [0, 0], said
    assert bystander.poll() is None
    pids = {out.partition("(pid ")[2].partition(")")[0] for out, _ in said}
    assert len(pids) == 1, "both mean the same daemon"
    assert script(kept, "daemon.sh", "logs", "--lines", "5").out
    assert kept.telekeep("emulator", "fault", "revoke").code == 0
    over = script(kept, "daemon.sh", "restart")
    assert over.code == 1 and "✗ Session is invalid" in over.out, over
    assert "Solution: Log in again" in over.out and "auth main --replace" in over.out


def test_the_other_scripts_are_the_commands_that_they_are_called_after(kept: Stage) -> None:
    path = "scripts/telegram_session.sh"
    bare, unknown = script(kept, path), script(kept, path, "nonsense")
    assert bare.code == 0 and unknown.code == 1 and bare.out in unknown.err
    for name in ("status", "test", "auth", "renew", "backup", "restore", "safety-check", "diagnostics", "help"):
        assert f"\n  {name}" in bare.out, name
    assert script(kept, path, "status").out.startswith("main (kept)")
    assert script(kept, path, "test").out.startswith("✓ Session is valid")
    assert script(kept, path, "test", "--quiet").out == "", "--quiet is heard"
    again = script(kept, path, "authenticate", "--phone", PHONE, "--code", CODE)
    assert again.code != 0 and "--replace" in again.err, "a kept session is not replaced unasked"
    assert script(kept, path, "diag", "--offline").code == script(kept, DIAGNOSTICS, "--offline").code
    assert script(kept, "scripts/telegram_auth.py", "--status").out.startswith("main (kept)")
    both = script(kept, "scripts/telegram_auth.py", "--status", "--renew")
    assert both.code == 2 and "Choose one" in both.err
    whole = script(kept, "scripts/status.sh")
    assert whole.code == 0 and whole.out.startswith("No daemon runs.") and "main" in whole.out

    kept.telekeep("emulator", "fault", "flood", "--seconds", "69120")
    limited = script(kept, "scripts/telegram_auth.py", "--test")
    assert limited.code == 4, limited
    assert "19.2 hours remaining, until 20" in script(kept, "tests/check_telegram_status.py").out


def test_the_quick_tests_say_what_the_guide_says(stage: Stage) -> None:
    said = script(stage, "scripts/run_tests.sh", "--session")
    labels = ["Session Manager Import", "Session Manager Init", "Session Status Checker"]
    ends = re.findall(r"^. (.+?) +\[(PASS|FAIL)\]$", said.out, re.MULTILINE)
    assert [label for label, _ in ends] == labels, said
    assert said.code == 0 and {end for _, end in ends} == {"PASS"}, said
    assert script(stage, "scripts/run_tests.sh", "--nonsense").code == 2
