"""What a borrower of another layer says and is told, in its own words: `layers` translates, here it is decided when.

A layer is said once, with invokeWithLayer, and holds for the key from then on, as it does at Telegram.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from telekeep.gateway.asked import Refused
from telekeep.mtproto.schema import LAYER, functions, types

if TYPE_CHECKING:
    from telekeep.gateway.layers.translation import Translator

_log = logging.getLogger(__name__)

_WITH_LAYER: Final = functions.InvokeWithLayerRequest.CONSTRUCTOR_ID.to_bytes(4, "little")
_ERROR: Final = types.RpcError.CONSTRUCTOR_ID.to_bytes(4, "little")


def layer_of(body: bytes) -> int | None:
    """The layer that a request says it is of; None if it says nothing."""
    if body[:4] == _WITH_LAYER and len(body) >= 8:
        return int.from_bytes(body[4:8], "little", signed=True)
    return None


class Interpreter:
    """Between the owner's layer and that of one borrower. ``layer``: the borrower's."""

    def __init__(self, translator: Translator, layer: int) -> None:
        self.layer = layer
        self._translator = translator
        self._methods: dict[int, str] = {}  # what its requests were, by message id, until they are answered

    def __repr__(self) -> str:
        return f"<Interpreter between {LAYER} and {self.layer}>"

    def hear(self, body: bytes) -> bytes:
        """A request of the borrower's, in the owner's layer. Raises Refused."""
        from telekeep.gateway.layers import Malformed, Untranslatable

        try:
            return self._translator.up(body)
        except Untranslatable as error:
            raise Refused(400, f"LAYER_{self.layer}_NOT_TRANSLATED: {error}") from None
        except Malformed:
            raise Refused(400, "INPUT_FETCH_FAIL") from None

    def expect(self, message_id: int, method: str) -> None:
        """The answer to ``message_id`` will be that of ``method``."""
        self._methods[message_id] = method

    def answer(self, message_id: int, result: bytes) -> bytes:
        """A result, for the borrower; an error that names what it has no word for, where that cannot be left out."""
        from telekeep.gateway.layers import Malformed, Untranslatable

        method = self._methods.pop(message_id, None)
        if method is None or result[:4] == _ERROR:
            return result
        try:
            return self._translator.down(method, result)
        except (Untranslatable, Malformed) as error:
            _log.warning("the answer to %s cannot be told in layer %d: %s", method, self.layer, error)
            text = f"LAYER_{self.layer}_NOT_TRANSLATED: {error}"
            return bytes(types.RpcError(error_code=400, error_message=text))

    def forget(self, message_id: int) -> None:
        """Nobody waits for this answer any more."""
        self._methods.pop(message_id, None)

    def news(self, bodies: list[bytes]) -> list[bytes]:
        """Updates, for the borrower. What it has no word for is left out, and never its pts."""
        return [told for body in bodies if (told := _news(self._translator, body)) is not None]


@lru_cache(maxsize=512)
def _news(translator: Translator, body: bytes) -> bytes | None:
    """Said once for all borrowers of one layer."""
    from telekeep.gateway.layers import Malformed, Untranslatable

    try:
        return translator.update(body)
    except (Untranslatable, Malformed) as error:
        _log.warning("an update cannot be told in %r: %s", translator, error)
        return None


def interpreter(layer: int | None) -> Interpreter | None:
    """The interpreter for a borrower of ``layer``, None if it speaks the owner's. Raises Refused if there is none."""
    if layer is None or layer == LAYER:
        return None
    from telekeep.gateway.layers import translator

    found = translator(layer)
    if found is None:
        raise Refused(400, f"CONNECTION_LAYER_INVALID: layer {layer} is not served, see `telekeep diagnostics`")
    return Interpreter(found, layer)
