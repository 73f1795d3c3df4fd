"""The hook stands in every Python below `telekeep run`: whoever does not use Telegram must not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from telekeep.borrow.hook import HOOK

LOOK = "import sys, json; print(json.dumps([sys.path[1:], sorted(sys.modules), getattr(sys, 'theirs', None)]))"


@pytest.fixture
def run(tmp_path: Path) -> dict[str, str]:
    """The environment of a run whose plan is for nobody."""
    (tmp_path / "run").mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TELEKEEP_"))}
    return {**environ, "TELEKEEP_RUN": str(tmp_path / "run"), "PYTHONPATH": HOOK}


def _said(environ: dict[str, str], *words: str, cwd: Path | None = None) -> str:
    done = subprocess.run([sys.executable, *words], env=environ, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _without(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in ("TELEKEEP_RUN", "PYTHONPATH")}


def test_paths_are_as_they_were_and_next_to_nothing_is_loaded(run: dict[str, str]) -> None:
    paths, modules, _ = json.loads(_said(run, "-c", LOOK))
    paths_before, modules_before, _ = json.loads(_said(_without(run), "-c", LOOK))
    assert paths == paths_before
    ours = {"sitecustomize", "telekeep_hook", "telekeep_hook.waiting"}
    assert set(modules) - set(modules_before) - {"__future__"} == ours


def test_a_sitecustomize_that_was_there_is_run(run: dict[str, str], tmp_path: Path) -> None:
    theirs = tmp_path / "a folder"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import sys; sys.theirs = __file__; from sibling import x\n")
    (theirs / "sibling.py").write_text("x = 1\n")
    environ = {**run, "PYTHONPATH": f"{HOOK}{os.pathsep}{theirs}"}
    paths, modules, seen = json.loads(_said(environ, "-c", LOOK))
    assert seen == str(theirs / "sitecustomize.py") and "sibling" in modules
    assert paths[0] == str(theirs)


@pytest.mark.parametrize("name", ["PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8"])
def test_the_settings_of_python_are_left_alone(run: dict[str, str], name: str) -> None:
    paths, paths_before = (json.loads(_said({**each, name: "1"}, "-c", LOOK))[0] for each in (run, _without(run)))
    assert paths == paths_before


def test_zip_applications_run(run: dict[str, str], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", "import inside; print(inside.x)")
        archive.writestr("inside.py", "x = 'from a zip'")
    assert _said(run, str(tmp_path / "app.pyz")) == "from a zip\n"


def test_pytest_runs(run: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test(): import json\n")
    words = ("-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:telekeep", "-p", "no:asyncio")
    assert "1 passed" in _said(run, *words, "test_it.py", cwd=tmp_path)


@pytest.mark.parametrize("package", ["telethon", "pyrogram"])
def test_whoever_uses_telegram_after_the_run_has_ended_is_stopped(run: dict[str, str], package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"try: import {package}\nexcept Exception: print('went on')"],
        env=run, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "" and done.returncode != 0
    if package == "telethon":
        assert done.returncode == 8 and "which has ended" in done.stderr


def test_a_hook_that_fails_lets_nobody_through(run: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "hook"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(Path(HOOK, "sitecustomize.py").read_text())
    program = "try:\n import telethon\nexcept ImportError: print('no Telethon')"
    assert _said({**run, "PYTHONPATH": str(broken)}, "-c", program) == "no Telethon\n"


def test_it_loads_nothing_of_telekeep_and_runs_on_python_3_8() -> None:
    import ast

    for path in Path(HOOK).rglob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in names if name.split(".")[0] == "telekeep"], path


PACKAGE = """
import gc

made = 0
def count(phase, info):
    global made
    made += phase == "start"

gc.callbacks.append(count)
many = [[] for _ in range(100_000)]
class Node: pass
waste = Node()
waste.itself, waste.many = waste, [[] for _ in range(1_000)]
del waste
during = made
"""
STEERED = {
    "as it comes": ("pass", "True, 0"),
    "switched off": ("gc.disable()", "False, 0"),
    "with what it has put aside": ("gc.collect(); gc.freeze(); before = gc.get_freeze_count()", "True, before"),
}


@pytest.mark.parametrize("steered", STEERED)
def test_the_collector_rests_during_the_import_and_is_as_it_was_after_it(tmp_path: Path, steered: str) -> None:
    """Telethon's 70,000 objects are not looked through while they are made; what is waste among them is found later."""
    (tmp_path / "large.py").write_text(PACKAGE)
    begin, state = STEERED[steered]
    program = f"""
import gc, sys
sys.path.append({HOOK!r})
from telekeep_hook.waiting import Waiting
before = 0
{begin}
sys.meta_path.insert(0, Waiting({{"large": lambda module: None}}))
import large
print((gc.isenabled(), gc.get_freeze_count()) == ({state}), large.during)
print(gc.collect() > 1_000)
"""
    same, during, found = _said(
        {**os.environ, "PYTHONPATH": os.pathsep.join([HOOK, str(tmp_path)])}, "-c", program
    ).split()
    assert (same, found) == ("True", "True")
    assert (int(during) > 0) == (steered == "with what it has put aside")


def test_a_package_that_cannot_be_imported_leaves_the_collector_on(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text("raise ValueError")
    program = f"""
import gc, sys
sys.path.append({HOOK!r})
from telekeep_hook.waiting import Waiting
sys.meta_path.insert(0, Waiting({{"large": print}}))
try: import large
except ValueError: print(gc.isenabled(), gc.get_freeze_count())
"""
    assert _said(dict(os.environ), "-c", program, cwd=tmp_path) == "True 0\n"
