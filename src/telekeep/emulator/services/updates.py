"""updates.*: where an authorization stands, and what it missed."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render import updates as render
from telekeep.emulator.services.asking import seconds, view
from telekeep.mtproto.schema import functions


@handles(functions.updates.GetStateRequest)
def get_state(call: Call, request: Any) -> Any:
    return render.state(view(call), call.authorization)


@handles(functions.updates.GetDifferenceRequest)
def get_difference(call: Call, request: Any) -> Any:
    seen = view(call)
    if not seconds(request.date):
        raise RpcError(400, "DATE_EMPTY")
    missed = seen.account.box.difference(request.pts, limit=request.pts_limit, total_limit=request.pts_total_limit)
    return render.difference(seen, call.authorization, missed)
