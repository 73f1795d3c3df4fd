"""Who is at the other end of a Unix socket, as the kernel says."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import NamedTuple

_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2  # macOS: sys/un.h
_XUCRED = "=IIh"  # macOS: sys/ucred.h; version, uid, number of groups; 16 groups follow
_XUCRED_SIZE = 76


class Peer(NamedTuple):
    """The process that connected: ``uid``, and ``pid``, which is 0 where it cannot be told."""

    uid: int
    pid: int


def peer_of(line: socket.socket, *, platform: str = sys.platform) -> Peer:
    """Who connected ``line``. Raises OSError if the kernel does not say."""
    if platform == "linux":
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
        pid, uid, _ = struct.unpack("iII", raw)
        return Peer(uid, pid)
    version, uid, _ = struct.unpack_from(_XUCRED, line.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE))
    if version != 0:
        raise OSError("the kernel tells of a peer in words of a later release")
    return Peer(uid, int.from_bytes(line.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID, 4), sys.byteorder))


def is_ours(peer: Peer) -> bool:
    """Whether it runs as the same user as this process. Nobody else is served, root included."""
    return peer.uid == os.geteuid()
