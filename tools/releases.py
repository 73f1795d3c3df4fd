"""Prints docs/releases.md: which releases of other libraries are served, and how fully. Part of `make tables`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from telekeep.gateway.layers import coverage, served
from telekeep.gateway.layers.covered import USUAL, Coverage

_NEWEST: Final = max(served())
_OLDEST: Final = 201


def page() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Programs on other releases"
    yield ""
    yield "A borrower may run another release of Telethon than telekeep does. What it asks and what it is answered is"
    yield "translated between its layer of Telegram's schema and ours, by name. This page is made by `make tables` from"
    yield "`telekeep.gateway.layers.coverage`, and a test holds it true."
    yield ""
    yield "How fully a layer is served also depends on the Telethon that telekeep itself runs on. The table is for"
    yield f"{_name(_NEWEST)}."
    yield ""
    yield "| layer | spoken by | requests served | of the usual ones | kinds of updates it is not told |"
    yield "| --- | --- | --- | --- | --- |"
    all_of_it = [coverage(layer, _NEWEST) for layer in served()]
    for found in all_of_it:
        usual = [each for each in found.usual.values() if each is not None]
        parts = [
            str(found.layer),
            ", ".join(found.releases),
            f"{found.served} of {found.requests}",
            f"{sum(usual)} of {len(usual)}",
            str(len(found.unknown_updates)) if found.unknown_updates else "none",
        ]
        yield f"| {' | '.join(parts)} |"
    yield ""
    yield f"The usual requests are the {len(USUAL)} that public programs were seen to make: {', '.join(USUAL)}."
    yield ""
    yield "## What happens to what has no word"
    yield ""
    yield "- A request, or a field of one, that our layer does not know is refused, and the answer names it. The"
    yield "  connection lives on. Nothing of a request is left out silently."
    yield "- In results and updates a field that the older layer does not have is left away; an element that it does"
    yield "  not know is left out of its list. Where neither is possible something else does: unknown media is"
    yield "  `messageMediaUnsupported`, an unknown action `messageActionEmpty`, an unknown message `messageEmpty`."
    yield "- An update of an unknown kind is left out. One that has a place on a line of pts or qts is replaced by one"
    yield "  that takes the same place and tells nothing, so that no program sees a hole."
    yield ""
    yield f"## Requests that are refused, for {_name(_NEWEST)}"
    yield ""
    for names, found in _grouped(all_of_it):
        yield f"- {names}: {', '.join(f'`{name}`' for name in found)}"
    yield ""
    yield "## On an older Telethon"
    yield ""
    yield f"The oldest that telekeep runs on is {_name(_OLDEST)}. Programs of a newer release than telekeep's own are"
    yield "served too, but for what is newer than that: there, of each layer,"
    yield ""
    counts = [coverage(layer, _OLDEST) for layer in served() if layer != _OLDEST]
    yield "; ".join(f"{each.layer}: {each.served} of {each.requests}" for each in counts) + "."


def _name(layer: int) -> str:
    return next(name for name in served()[layer] if name.startswith("Telethon"))


def _grouped(all_of_it: list[Coverage]) -> Iterator[tuple[str, list[str]]]:
    """Methods that the same layers cannot ask, together."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for method in sorted({name for found in all_of_it for name in found.refused}):
        layers = tuple(found.layer for found in all_of_it if method in found.refused)
        groups.setdefault(layers, []).append(method)
    for layers, methods in sorted(groups.items()):
        yield (f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"), methods


if __name__ == "__main__":
    sys.stdout.write(page())
