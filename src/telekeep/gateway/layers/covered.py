"""How fully a layer is served: for diagnostics and the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from telekeep.gateway.layers import rules
from telekeep.gateway.layers.table import releases, table
from telekeep.gateway.layers.translation import Translator, between
from telekeep.mtproto.schema import LAYER

USUAL: Final = tuple(
    f"{room}.{name}"
    for room, names in {
        "account": "finishTakeoutSession initTakeoutSession",
        "auth": "exportAuthorization importAuthorization",
        "bots": "setBotCommands",
        "channels": "getChannels getFullChannel getParticipants",
        "contacts": "deleteContacts getContacts importContacts resolveUsername search",
        "help": "getConfig getNearestDc",
        "messages": """deleteMessages editMessage forwardMessages getAllDrafts getChats getDialogFilters getDialogs
            getForumTopics getFullChat getHistory getPeerDialogs search sendMedia sendMessage sendMultiMedia
            uploadMedia""",
        "photos": "getUserPhotos",
        "updates": "getDifference getState",
        "upload": "getFile saveBigFilePart saveFilePart",
        "users": "getFullUser getUsers",
    }.items()
    for name in names.split()
)
"""The methods that public programs were seen to call."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an owner of layer ``own`` can do for a program of ``layer``.

    ``releases`` speak it · ``requests``: how many methods it has · ``refused``: those that cannot be asked or answered,
    each with the TL name of what there is no word for · ``usual``: whether each of `USUAL` is served; None for one that
    the layer does not have · ``unknown_updates``: kinds of updates that such a program is not told of.
    """

    layer: int
    own: int
    releases: tuple[str, ...]
    requests: int
    refused: dict[str, str]
    usual: dict[str, bool | None]
    unknown_updates: tuple[str, ...]

    @property
    def served(self) -> int:
        """How many methods can be asked and answered."""
        return self.requests - len(self.refused)


def covered(layer: int, own: int | None = None) -> Coverage:
    """See `telekeep.gateway.layers.coverage`."""
    own = LAYER if own is None else own
    theirs, ours = table(layer), table(own)
    refused: dict[str, str] = {}
    if layer != own:
        between_them = between(layer, own)
        assert between_them is not None
        found = {name: _why_not(between_them, name) for name in sorted(theirs.functions)}
        refused = {name: why for name, why in found.items() if why is not None}
    usual: dict[str, bool | None] = {}
    for method in USUAL:
        names = [name for name in (method, *rules.SYNONYMS.get(method, ())) if name in theirs.functions]
        usual[method] = any(name not in refused for name in names) if names else None
    known = {name for word in theirs.kinds["Update"] for name in (word.name, *rules.SYNONYMS.get(word.name, ()))}
    unknown = tuple(sorted(word.name for word in ours.kinds["Update"] if word.name not in known))
    return Coverage(layer, own, releases()[layer], len(theirs.functions), refused, usual, unknown)


def _why_not(translator: Translator, method: str) -> str | None:
    return translator.asks(method) or translator.answers(translator.own_name(method))
