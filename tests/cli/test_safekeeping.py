"""A session file that others can read, or that is on its way into a repository, is warned about (001-6, 000-22)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.helpers import as_string, keep, new_session
from telekeep.cli.safekeeping import dangers
from telekeep.keeper.keeper import Keeper

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")


@pytest.fixture
def file(world: Path) -> Path:
    path = world / "repository" / "bot.session"
    path.parent.mkdir()
    path.write_text(as_string(new_session()))
    path.chmod(0o600)
    return path


@pytest.fixture
def repository(file: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", file.parent], check=True, capture_output=True)
    return file.parent


def test_a_file_of_its_owner_alone_is_safe(file: Path) -> None:
    assert dangers(file) == ()
    assert dangers(file.with_name("nowhere")) == ()


def test_an_open_file_is_named_with_the_command_that_mends_it(file: Path) -> None:
    file.chmod(0o644)
    (danger,) = dangers(file)
    assert "0644" in danger and f"chmod 600 {file}" in danger


@needs_git
def test_git_must_ignore_it(file: Path, repository: Path) -> None:
    (danger,) = dangers(file)
    assert ".gitignore" in danger
    (repository / ".gitignore").write_text("*.session\n")
    assert dangers(file) == ()


@needs_git
def test_a_tracked_file_is_exposed_whatever_is_ignored(file: Path, repository: Path) -> None:
    subprocess.run(["git", "-C", repository, "add", file.name], check=True, capture_output=True)
    (repository / ".gitignore").write_text("*.session\n")
    (danger,) = dangers(file)
    assert "git rm --cached" in danger and "Devices" in danger


@needs_git
def test_check_and_export_warn_and_go_on(call, file: Path, repository: Path, keeper: Keeper) -> None:
    said = call("check", file)
    assert said.code == 0 and ".gitignore" in said.err
    assert len(call("check", file, "--json").json["warnings"]) == 1
    keep(keeper)
    said = call("export", "main", "--to", "telethon-sqlite", "--out", repository / "x.session", "--yes")
    assert said.code == 0 and f"Git does not ignore {repository / 'x.session'}" in said.err


def test_the_env_file_is_looked_at_where_the_string_came_from_it(call, world: Path) -> None:
    (world / ".env").write_text(f"TELEGRAM_SESSION_STRING={as_string(new_session())}\n")
    (world / ".env").chmod(0o640)
    said = call("check", "--env")
    assert said.code == 0 and "chmod 600 .env" in said.err
