"""``telekeep import FOLDER``: many sessions at once, with a progress bar and a table of what became of each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep.cli.arguments import is_there
from telekeep.cli.command import Invocation, Usage
from telekeep.cli.output import coloured
from telekeep.cli.shelf import table
from telekeep.errors import TelegramSessionError, TelekeepError

if TYPE_CHECKING:
    from telekeep.keeper.batch import Outcome
    from telekeep.secret import Secret

_MOST_SHOWN = 50  # rows of what went well


def is_of_many(file: str) -> bool:
    """Whether ``file`` is a folder, and no session itself."""
    from telekeep.session.formats import is_session_folder

    path = Path(file).expanduser()
    return is_there(file) and path.is_dir() and not is_session_folder(path)


def import_folder(invocation: Invocation, folder: Path, passcode: Secret | None, aside: Path | None) -> int:
    """Keep what is in ``folder``. Returns the exit code: 0 if all of it is kept, 7 if something could not be."""
    from telekeep.keeper.batch import BAD, KEPT, TWICE, candidates, import_all

    found = candidates(folder)
    if not found:
        raise Usage(f"There is nothing in {folder}.", remedy="Name a session file, or a folder that holds some.")
    with invocation.keeper() as keeper, _bar(invocation, len(found)) as done:
        outcomes = import_all(keeper, found, passcode=passcode, done=done)
    bad = [each for each in outcomes if each.state == BAD]
    if aside is not None and bad:
        _set_aside(aside, {each.path for each in bad})
    count = Counter(each.state for each in outcomes)
    told = {
        "kept": count[KEPT],
        "twice": count[TWICE],
        "bad": count[BAD],
        "sessions": [_plain(each) for each in outcomes],
        "aside": str(aside) if aside and bad else None,
    }
    lines = [] if invocation.quiet else _lines(outcomes, told)
    invocation.out.data(told, lines)
    return TelegramSessionError.exit_code if bad else 0


def _plain(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "file": str(outcome.path),
        "state": outcome.state,
        "name": outcome.name,
        "format": outcome.format,
        "key": outcome.key,
        "user": outcome.user_id,
        "error": type(error).__name__ if error else None,
        "message": error.message if error else None,
        "remedy": error.remedy if error else None,
    }


def _lines(outcomes: list[Outcome], told: dict[str, Any]) -> list[str]:
    well = [each for each in outcomes if each.error is None]
    rows = [("FILE", "FORMAT", "USER", "RESULT")]
    for each in (*well[:_MOST_SHOWN], *(each for each in outcomes if each.error)):
        rows.append((each.path.name, each.format or "-", str(each.user_id or "-"), _result(each)))
    lines = table(rows)
    if len(well) > _MOST_SHOWN:
        lines.append(f"… and {len(well) - _MOST_SHOWN} more that went well (--json lists all).")
    lines.append("")
    lines.append(f"{told['kept']} kept, {told['twice']} that were kept already, {told['bad']} that cannot be kept.")
    if told["aside"]:
        lines.append(f"Copies of those that cannot be kept are in {told['aside']}; nothing was changed or removed.")
    return lines


def _result(outcome: Outcome) -> str:
    if outcome.error:
        return f"✗ {outcome.error.message}"
    return f"kept as {outcome.name}" if outcome.state == "kept" else f"the same key as {outcome.name}"


def _set_aside(place: Path, paths: set[Path]) -> None:
    """Copy what could not be kept to ``place``, mode 0600; the originals stay."""
    from telekeep.paths import private_folder, write_atomically
    from telekeep.session import formats

    private_folder(place)
    for path in sorted(paths):
        try:
            content = formats.read_file(path)
        except TelekeepError:  # it cannot even be read: it stays where it is, and the table names it
            continue
        write_atomically(place / (f"{path.name}.zip" if path.is_dir() else path.name), content)


@contextmanager
def _bar(invocation: Invocation, total: int) -> Iterator[Callable[[Outcome], None]]:
    """A progress bar on a terminal; elsewhere nothing, as the table says it all."""
    if invocation.quiet or invocation.json or not coloured(sys.stderr):
        yield lambda outcome: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Importing", total=total)
        seen: set[Path] = set()

        def done(outcome: Outcome) -> None:
            if outcome.path not in seen:
                seen.add(outcome.path)
                progress.advance(task)

        yield done
