"""`make bench`: every figure of this folder, one line each, and exit 1 if one is over its bound.

A file of this folder has one function, ``measure()``, which returns rows of (what, ratio, bound). A bound is an upper
limit, or a lower one where its row says "at least" in a fourth field.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple


class Figure(NamedTuple):
    """One figure: a ratio and what it may be at most, or at least."""

    what: str
    ratio: float
    bound: float
    sense: str = "at most"

    @property
    def held(self) -> bool:
        return self.ratio >= self.bound if self.sense == "at least" else self.ratio <= self.bound


def main(chosen: list[str]) -> int:
    here = __package__ or "bench"
    rooms = [room.name for room in iter_modules(sys.modules[here].__path__) if not room.name.startswith("_")]
    unknown = set(chosen) - set(rooms)
    if unknown:
        print(f"There is no figure called {', '.join(sorted(unknown))}; there are: {', '.join(rooms)}.")
        return 2
    over = 0
    for room in chosen or rooms:
        for row in import_module(f"{here}.{room}").measure():
            figure = Figure(*row)
            over += not figure.held
            mark = "✓" if figure.held else "✗"
            print(f"{mark} {figure.what}: {figure.ratio:.2f} ({figure.sense} {figure.bound:g})", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
