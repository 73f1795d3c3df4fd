"""The one line at the foot of a terminal that says what is going on just now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

Text = Callable[[], str]


class Live:
    """Shows the newest of the texts that were begun and have not ended; drawn anew several times a second."""

    def __init__(self) -> None:
        self._texts: list[Text] = []
        self._questions = 0
        self._status: Any = None
        self._lock = Lock()

    def show(self, text: Text) -> Callable[[], None]:
        """Show what ``text`` returns until the returned function is called. From any thread."""
        with self._lock:
            self._texts.append(text)
            self._draw()
        return lambda: self._end(text)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Draw nothing while a person is asked: it would be drawn over the question."""
        with self._lock:
            self._questions += 1
            self._clear()
        try:
            yield
        finally:
            with self._lock:
                self._questions -= 1
                self._draw()

    def _end(self, text: Text) -> None:
        with self._lock:
            if self._texts == [text]:
                self._clear()  # it draws a last time
            if text in self._texts:
                self._texts.remove(text)

    def _draw(self) -> None:
        if self._texts and not self._questions and self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(_Newest(self._texts))
            self._status.start()

    def _clear(self) -> None:
        if self._status is not None:
            status, self._status = self._status, None
            status.stop()


class _Newest:
    """Drawn by rich."""

    def __init__(self, texts: list[Text]) -> None:
        self._texts = texts

    def __rich__(self) -> str:
        from rich.markup import escape

        from telekeep.cli.controls import without

        texts = self._texts[-1:]  # another thread may be ending one
        return escape(without(texts[0]())) if texts else ""


LIVE = Live()
"""That of this process."""
