"""Programs of other releases: TL of their layer made into TL of ours, and back.

- `translation`: requests up, results and updates down
- `covered`: how fully a layer is served
- `rules`, `coercions`, `members`, `hooks`, `fallbacks`: where names alone do not say it, each with its reason;
  `buttons` and `polls` are two larger ones
- `loom`, `plan`, `weave`: objects of one layer made into objects of another
- `reading`, `node`: what is read and written on the way
- `table` and ``tables/``: the schemas, made by tools/tables.py

Pure, but for reading the tables. Nothing is imported or read before it is asked for: most owners never need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from telekeep.gateway.layers.errors import Malformed, Untranslatable

if TYPE_CHECKING:
    from telekeep.gateway.layers.covered import Coverage
    from telekeep.gateway.layers.translation import Translator

__all__ = ["Malformed", "Untranslatable", "coverage", "served", "translator"]


def translator(layer: int, own: int | None = None) -> Translator | None:
    """The translator between a borrower's ``layer`` and the owner's, ``own`` (that of the Telethon we run on).

    None if one of them has no table. The same one for the same two: it learns as it goes.
    """
    from telekeep.gateway.layers.translation import between

    return between(layer, own)


def served() -> Mapping[int, tuple[str, ...]]:
    """Every layer that has a table, the oldest first, with the names of the releases that speak it."""
    from telekeep.gateway.layers.table import releases

    return releases()


def coverage(layer: int, own: int | None = None) -> Coverage:
    """How fully a layer is served by an owner of layer ``own``. Raises KeyError for a layer without a table.

    Every request and type of both layers is looked at: some tenths of a second.
    """
    from telekeep.gateway.layers.covered import covered

    return covered(layer, own)
