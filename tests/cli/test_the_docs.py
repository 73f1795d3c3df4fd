"""What the pages in docs/ tell people to type exists, and what they quote is what telekeep says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from telekeep.cli import main as door
from telekeep.cli.main import COMMANDS

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = ("README.md", *sorted(f"docs/{each.name}" for each in DOCS.glob("*.md")))


def commands(text: str) -> list[str]:
    """Every telekeep command of a page: in backquotes, and the lines of code blocks."""
    blocks = re.findall(r"^```(?:|sh|bash)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.partition(" #")[0].removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", prose)]
    return [line for line in lines if line.startswith("telekeep ") and "COMMAND" not in line]


def test_the_pages_that_are_looked_at_name_commands() -> None:
    named = [each for page in PAGES for each in commands((REPOSITORY / page).read_text())]
    assert len(named) > 60 and "telekeep devices lockdown main" in named


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_exists_with_its_options(page: str) -> None:
    for line in commands((REPOSITORY / page).read_text()):
        words = shlex.split(line)[1:]
        command: click.Command = door.telekeep
        context = click.Context(command)
        while isinstance(command, click.Group) and words and command.get_command(context, words[0]) is not None:
            command = command.get_command(context, words.pop(0)) or command
        assert command is not door.telekeep, f"{page}: {line}"
        options = {option for each in command.get_params(context) for option in (*each.opts, *each.secondary_opts)}
        for word in words[: words.index("--")] if "--" in words else words:
            if word.startswith("-") and not word[1:].isdigit():
                assert word in options, f"{page}: {line}: {word}"


def test_the_guides_scripts_exist_and_can_be_run() -> None:
    text = (DOCS / "guides.md").read_text()
    named = set(re.findall(r"(?:\./|python3? )((?:scripts/|tests/)?[a-z_]+\.(?:sh|py))", text))
    assert {"daemon.sh", "scripts/telegram_session.sh", "tests/telegram_recovery.py"} <= named
    for each in named:
        assert (REPOSITORY / each).stat().st_mode & 0o111, each
    verbs = re.findall(r'"--[a-z-]+": "([a-z-]+)"', (REPOSITORY / "scripts" / "telegram_auth.py").read_text())
    verbs += re.findall(r'run\("([a-z-]+)"', "".join(p.read_text() for p in REPOSITORY.glob("*/*.py")))
    known = {name for group in COMMANDS.values() for name in group}
    assert set(verbs) <= known, set(verbs) - known


def test_what_the_start_page_quotes_is_what_telekeep_says() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "src").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    rows = re.findall(r"^\| `(.+?) \| .+ \| .+ \|$", (DOCS / "TROUBLESHOOT_STARTUP.md").read_text(), re.MULTILINE)
    assert len(rows) > 9
    for row in rows:
        quoted = row.split("(also known")[0]
        for part in re.split(r"`|…", quoted):
            words = part.strip(" `.()")
            if len(words) > 5:
                assert words.rstrip("_") in source, words


def test_every_command_has_a_place_in_the_docs() -> None:
    named = {tuple(line.split()[1:3]) for page in PAGES for line in commands((REPOSITORY / page).read_text())}
    context = click.Context(door.telekeep)
    for name in door.telekeep.list_commands(context):
        assert any(words[0] == name for words in named), name
        one = door.telekeep.get_command(context, name)
        if isinstance(one, click.Group):
            row = next(line for line in (DOCS / "commands.md").read_text().splitlines() if f"`telekeep {name}" in line)
            for verb in one.list_commands(click.Context(one)):
                hidden = getattr(one.get_command(click.Context(one), verb), "hidden", False)
                assert hidden or re.search(rf"[` ]{verb}`", row), f"{name} {verb}"


def test_every_setting_has_a_place_in_the_docs_and_is_one() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "src").rglob("*.py"))
    source += "".join((REPOSITORY / each).read_text() for each in ("daemon.sh", "scripts/telekeep_command.py"))
    known = set(re.findall(r"\b(?:TELEKEEP|TELEGRAM)_[A-Z_]+[A-Z]\b", source)) | {"PORT"}
    inside = {"TELEKEEP_BROKEN", "TELEKEEP_RESULT_UNREADABLE", "TELEKEEP_RUN", "TELEKEEP_TEST_CLOCK"}
    page = (DOCS / "settings.md").read_text()
    told = set(re.findall(r"\b(?:TELEKEEP|TELEGRAM)_[A-Z_]+[A-Z]\b", page)) | {"PORT"}
    assert told == known - inside


@pytest.mark.parametrize("page", PAGES)
def test_every_page_that_is_named_exists_and_the_index_names_it(page: str) -> None:
    text, here = (REPOSITORY / page).read_text(), (REPOSITORY / page).parent
    for link in re.findall(r"\]\(([^):#]+)\)", text):
        assert (here / link).exists(), link
    for link in re.findall(r"\bdocs/[A-Za-z_]+\.md\b", text):
        assert (REPOSITORY / link).exists(), link
    if here == DOCS and page != "docs/README.md":
        assert f"({page.removeprefix('docs/')})" in (DOCS / "README.md").read_text(), "the index leaves it out"
