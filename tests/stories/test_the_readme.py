"""What the README, and the pages that it sends its readers to first, show must work as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from telekeep.cli.demo.programs import WORKER
from telekeep.cli.demo.stage import Stage, first_line

REPOSITORY = Path(__file__).parents[2]
README, PYTHON, EMULATOR = "README.md", "docs/python.md", "docs/emulator.md"


def _blocks(language: str, page: str = README) -> list[str]:
    text = (REPOSITORY / page).read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [text for its_language, text in blocks if its_language == language]


def test_the_first_snippet_speaks_in_two_programs_at_once(kept: Stage) -> None:
    snippet = next(block for block in _blocks("python") if "telekeep.client" in block)
    program = kept.write("program.py", snippet)
    both = [kept.start(program.name) for _ in range(2)]
    for said in map(kept.finish, both):
        assert said.code == 0 and said.out.splitlines()[0] == "hello", said
    stats = kept.stats()
    assert (stats["duplicated"], stats["overlap"]) == (0, 0)


def test_the_lending_lines_work_as_they_stand(kept: Stage) -> None:
    (block,) = [block for block in _blocks("") if "telekeep lend" in block]
    lines = [line.partition("  ")[0] for line in block.splitlines()]
    assert [line.split()[1] for line in lines] == ["run", "adopt", "lend", "lend", "lend", "loans", "loans"]
    for line in lines[2:]:  # running and adopting have stories of their own
        if "--for-container" in line:
            continue  # and so have containers
        said = kept.telekeep(*line.split()[1:])
        assert said.code == 0, (line, said)
        if "loan.txt" in line:
            notebook = next(block for block in _blocks("python", PYTHON) if "loan.txt" in block)
            said = kept.run(kept.write("cell.py", notebook).name)
            assert said.code == 0 and said.out.strip().isdigit(), said
    pem = kept.telekeep("loans", "key", "main")
    assert pem.code == 0 and pem.out.startswith("-----BEGIN RSA PUBLIC KEY-----"), pem
    listed = kept.telekeep("loans", "list", "--json")
    assert "notebook" not in listed.out and listed.code == 0


def test_the_snippets_for_cron_and_notebooks_speak(kept: Stage) -> None:
    blocks = [block for block in _blocks("python", PYTHON) if "direct=True" not in block and "loan.txt" not in block]
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        said = kept.run(kept.write(f"program{number}.py", block).name)
        assert said.code == 0 and said.out.strip().isdigit(), said


def test_the_direct_snippet_is_refused_while_another_program_holds_the_session(kept: Stage) -> None:
    snippet = next(block for block in _blocks("python", PYTHON) if "direct=True" in block)
    notebook = kept.write("notebook.py", snippet.replace("timeout=5", "timeout=0.5"))
    said = kept.run(notebook.name)
    assert said.code == 0 and said.out.splitlines()[0] == "hello", said
    worker = kept.start(kept.write("worker.py", WORKER).name)
    first_line(worker)
    said = kept.run(notebook.name)
    assert said.code == 1 and said.err.startswith("refused: This session is held by process"), said
    assert f"{worker.pid} " in said.err and "Traceback" not in said.err


@pytest.mark.parametrize("page", [README, EMULATOR])
def test_the_emulator_walk_works_command_by_command(stage: Stage, page: str) -> None:
    walk = "".join(block for block in _blocks("", page) if "emulator " in block)
    lines = [line.partition("  #")[0].split() for line in walk.splitlines() if line.startswith("telekeep")]
    assert lines[0][1:3] == ["emulator", "serve"]  # the stage has started one already, and made the README's account
    for words in lines[1:]:
        said = stage.telekeep(*("9996621111" if word == "9996621234" else word for word in words[1:]))
        assert said.code == 0, (words, said)


@pytest.mark.parametrize("block", [block for block in _blocks("python", EMULATOR) if "def test_" in block])
def test_the_test_snippet_runs_under_pytest(block: str, tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "test_bot.py").write_text(block)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
