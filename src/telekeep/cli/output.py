"""The one place that prints.

Words for people, or one JSON object for programs, on standard output; warnings, progress and errors on standard error.
A secret is printed only through `Output.secret`, alone on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from telekeep.cli.controls import escaped, without
from telekeep.words import moment as moment

PATIENCE = 2.0  # seconds before something that takes its time says so

_NARROWEST = 20  # columns; a terminal that says less does not know its width
_STYLES = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}


class Unwritable(Exception):
    """Standard output or standard error does not take what is said: its disk is full, say. ``reason`` is why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Output:
    """Where one command prints. ``json``: one object and nothing else; ``quiet``: only what was asked for."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    def words(self, *lines: str) -> None:
        """Plain words on standard output; nothing with ``--json`` or ``--quiet``."""
        if not self.json and not self.quiet:
            self._write(sys.stdout, map(without, lines))

    def data(self, value: Mapping[str, Any], lines: Iterable[str] = ()) -> None:
        """What the command was asked for: ``value`` as JSON, else ``lines`` (with ``--quiet`` too)."""
        if self.json:
            from json import dumps

            self._write(sys.stdout, [escaped(dumps(value, ensure_ascii=False, default=plain))])
        else:
            self._write(sys.stdout, map(without, lines))

    def secret(self, value: str) -> None:
        """A secret, alone on standard output. Only a command that exists to print it may call this."""
        self._write(sys.stdout, [value])  # to the letter

    def warn(self, *lines: str) -> None:
        """A warning on standard error, whatever the options: standard output stays clean."""
        self._write(sys.stderr, [style(line, "warn", sys.stderr) for line in _shown(lines)])

    def note(self, *lines: str) -> None:
        """A word on standard error that ``--quiet`` and ``--json`` leave out."""
        if not self.quiet and not self.json:
            self._write(sys.stderr, _shown(lines))

    def error(self, error: Mapping[str, Any]) -> None:
        """``error``: its class name as ``error``, ``message``, ``remedy`` and whatever fields it has."""
        if self.json:
            self.data(error)
            return
        lines = [style(line, "bad", sys.stderr) for line in _shown([f"✗ {error['message']}"])]
        if error.get("remedy"):
            lines += _shown([f"→ {error['remedy']}"])
        self._write(sys.stderr, lines)

    @contextmanager
    def progress(self, doing: str, *, patience: float | None = None) -> Iterator[None]:
        """Say what is being done if it takes longer than ``patience`` seconds (default: `PATIENCE`): a spinner on a
        terminal, else a line.
        """
        if self.quiet or self.json:
            yield
            return
        from threading import Timer

        shown: list[Callable[[], None] | None] = []
        timer = Timer(PATIENCE if patience is None else patience, lambda: shown.append(_show_progress(doing)))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            for end in filter(None, shown):
                end()

    def _write(self, stream: TextIO, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if not text:
            return
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unwritable(error.strerror or type(error).__name__) from None


def _shown(lines: Iterable[str]) -> list[str]:
    return wrapped(map(without, lines), sys.stderr)


def _show_progress(doing: str) -> Callable[[], None] | None:
    if not coloured(sys.stderr):
        sys.stderr.write(f"… {without(doing)}\n")
        sys.stderr.flush()
        return None
    from telekeep.cli.live import LIVE

    return LIVE.show(lambda: doing)


def wrapped(lines: Iterable[str], stream: TextIO) -> list[str]:
    """Prose as wide as the terminal that ``stream`` is, broken between words; anywhere else it stays as it is.

    A command in backquotes stays on one line, so that it can be copied. Not for tables, and never for a secret.
    """
    width = _width(stream)
    if width is None:
        return list(lines)
    import re
    import textwrap

    told: list[str] = []
    for line in lines:
        whole = re.sub("`[^`]*`", lambda command: command[0].replace(" ", "\0"), line)
        indent = "  " if line[:2] in ("✗ ", "→ ", "✓ ") else ""
        parts = textwrap.wrap(whole, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        told += [part.replace("\0", " ") for part in parts] or [""]
    return told


def _width(stream: TextIO) -> int | None:
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return None
    return width if width >= _NARROWEST else None


def coloured(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal whose owner wants colours (no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def style(text: str, name: str, stream: TextIO | None = None) -> str:
    """``text`` in the colour called ``name`` (good, bad, warn, dim, bold), or as it is where colours are not wanted."""
    return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if coloured(stream or sys.stdout) else text


def plain(value: Any) -> Any:
    """``value`` as something JSON knows: dataclasses as objects, secrets as fingerprints, the rest as their text."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)


def since(seconds: float) -> str:
    """A span of time in one unit, rounded down: ``40 s``, ``3 h``, ``31 days``."""
    seconds = max(0.0, seconds)
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}" if unit != "day" else f"{count} day{'s' * (count != 1)}"
    return f"{int(seconds)} s"


def size(count: int) -> str:
    """A number of bytes in a unit one can read: ``812 B``, ``1.5 kB``, ``2.0 MB``."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB"):
        count_in_unit = count / (1000 if unit == "kB" else 1_000_000)
        if count_in_unit < 1000:
            break
    return f"{count_in_unit:.1f} {unit}"
