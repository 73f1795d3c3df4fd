"""How soon a worker that was killed gives its tasks back, where Redis is the broker.

Redis itself gives nothing back: workers look for what nobody acknowledged within the
visibility timeout, every tenth of the times that kombu could, which is every 100 seconds. Looking every 10 seconds
costs one small question each, and is no less safe: it is the visibility timeout that says when.
"""

from __future__ import annotations

from typing import Any

OPTION = "unacked_restore_throttle"
_REDIS = ("redis://", "rediss://", "redis+socket://", "sentinel://")


def look_each_time(conf: Any = None, **_: Any) -> None:
    """Called when a worker starts, before it connects (``celeryd_init``). What the application says itself stays."""
    url = conf.broker_read_url or conf.broker_url or ""
    urls = url.split(";") if isinstance(url, str) else list(url)
    if urls and all(str(each).startswith(_REDIS) for each in urls):
        conf.broker_transport_options = {OPTION: 1, **(conf.broker_transport_options or {})}


__all__ = ["OPTION", "look_each_time"]
