"""messages.forwardMessages."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render.updates import deliver, full
from telekeep.emulator.services.asking import peer_of, view
from telekeep.emulator.services.paging import sent_as
from telekeep.mtproto.schema import functions


@handles(functions.messages.ForwardMessagesRequest)
def forward_messages(call: Call, request: Any) -> Any:
    """All of them or none, in one piece for everybody; the answer maps each random id to its message."""
    seen = view(call)
    if request.schedule_date:
        raise RpcError(400, "SCHEDULE_DATE_INVALID")
    if request.send_as is not None:
        raise RpcError(400, "SEND_AS_PEER_INVALID")
    if request.top_msg_id or getattr(request, "reply_to", None) is not None:
        raise RpcError(400, "TOPIC_DELETED")  # there are no topics, and a forwarded message answers nothing
    sent = call.world.forwarding.send(
        seen.account,
        peer_of(seen, request.from_peer),
        request.id,
        peer_of(seen, request.to_peer),
        random_ids=request.random_id,
        drop_author=bool(request.drop_author),
        drop_captions=bool(request.drop_media_captions),
    )
    deliver(call.telegram, call.world, [each for one in sent for each in one.deliveries], skip=call.connection)
    numbers = sent_as(seen, zip(request.random_id, sent, strict=True))
    return full(seen, [one.event for one in sent], first=numbers)
