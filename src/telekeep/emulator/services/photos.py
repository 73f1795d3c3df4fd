"""photos.*"""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import account_of, view
from telekeep.mtproto.schema import functions, types


@handles(functions.photos.GetUserPhotosRequest)
def get_user_photos(call: Call, request: Any) -> Any:
    """None: nobody here has a picture of themselves. Raises RpcError 400 MAX_ID_INVALID, and as `account_of`."""
    seen = view(call)
    target = account_of(seen, request.user_id)
    if request.max_id < 0:
        raise RpcError(400, "MAX_ID_INVALID")
    return types.photos.Photos(photos=[], users=[seen.user(target)])
