"""Programs of other releases: TL of their layer made into TL of ours, and back.

- `translator`: what is called: requests up, results and updates down
- `coverage`: how fully a layer is served
- `rules`, `coercions`, `members`, `hooks`, `fallbacks`: where names alone do not say it, each with its reason;
  `buttons` and `polls` are two larger ones
- `loom`, `plan`, `weave`: objects of one layer made into objects of another
- `reading`, `node`: what is read and written on the way
- `table` and `tables/`: the schemas, made by tools/tables.py
"""

from __future__ import annotations

from telekeep.gateway.layers.errors import Malformed, Untranslatable
from telekeep.gateway.layers.translator import Translator, served, translator

__all__ = ["Malformed", "Translator", "Untranslatable", "served", "translator"]
