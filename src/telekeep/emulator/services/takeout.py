"""account.* and messages.* about takeouts (core.telegram.org/api/takeout). The fault ``takeout`` delays them."""

from __future__ import annotations

import secrets
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import view
from telekeep.mtproto.schema import functions, types


@handles(functions.account.InitTakeoutSessionRequest)
def init_takeout_session(call: Call, request: Any) -> Any:
    """A takeout of this login. One that is under way is continued: its id may have been lost with the answer."""
    view(call, people_only=True)
    authorization = call.authorization
    if authorization.takeout_id is None:
        authorization.takeout_id = secrets.randbits(62) + 1
    return types.account.Takeout(id=authorization.takeout_id)


@handles(functions.account.FinishTakeoutSessionRequest)
def finish_takeout_session(call: Call, request: Any) -> Any:
    view(call, people_only=True)
    _required(call)
    call.authorization.takeout_id = None
    return True


@handles(functions.messages.GetSplitRangesRequest)
def get_split_ranges(call: Call, request: Any) -> Any:
    """One range: all messages of the account. Telegram splits the boxes of people who have millions."""
    seen = view(call, people_only=True)
    _required(call)
    return [types.MessageRange(min_id=1, max_id=max(seen.account.box.last_id, 1))]


def _required(call: Call) -> None:
    """Raises RpcError 403 TAKEOUT_REQUIRED outside invokeWithTakeout."""
    if call.takeout_id is None:
        raise RpcError(403, "TAKEOUT_REQUIRED")
