"""What a borrower is told of the network: the gateway's own addresses, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from telekeep.mtproto.schema import types
from telekeep.session.network import Address


def for_borrowers(config: Any, addresses: Sequence[Address], this_dc: int) -> bytes:
    """Telegram's ``config`` with the ``addresses`` of a gateway in place of Telegram's, as seen from ``this_dc``."""
    ours = copy(config)
    ours.dc_options = [
        types.DcOption(id=each.dc_id, ip_address=each.host, port=each.port, static=True, media_only=each.media or None)
        for each in addresses
    ]
    ours.this_dc = this_dc
    return bytes(ours)
