"""Knocking at each data center of a network, at all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from telekeep.clock import Clock
from telekeep.errors import TelegramNetworkError
from telekeep.health.checks.network import Knocked
from telekeep.session.network import Network
from telekeep.upstream.knock import knock

SECONDS = 10.0


async def gather(network: Network, homes: Collection[int], *, clock: Clock) -> list[Knocked]:
    """``homes``: data centers where sessions of ours live."""

    async def one(dc_id: int) -> Knocked:
        dc = network.dc(dc_id)
        try:
            answer = await knock(dc.host, dc.port, clock=clock, seconds=SECONDS)
        except TelegramNetworkError as error:
            return Knocked(dc_id, error=error, is_home=dc_id in homes)
        # its time was true half a round trip ago, and is told in whole seconds
        return Knocked(dc_id, answer.seconds, skew=clock.wall() - answer.time - 0.5, is_home=dc_id in homes)

    dcs = sorted({each.dc_id for each in network.addresses if not each.media})
    return list(await asyncio.gather(*map(one, dcs)))
