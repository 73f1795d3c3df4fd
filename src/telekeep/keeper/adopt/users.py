"""Who uses a file, or speaks with Telegram, as far as the kernel tells: programs that know nothing of leases.

An SQLite session stays open for as long as a program uses it. A text is read and closed; whoever has read a session
from it shows by what it was started with, and by its connection. Linux only; other users' processes are not seen.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.gateway.peer_process import command, processes, spelt
from telekeep.guard.processes import files
from telekeep.session.network import Address

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_ESTABLISHED = "01"
_MOST_BYTES = 4 << 20  # of a table of sockets, or of an environment


def with_file_open(found: os.stat_result, *, but: Collection[int] = ()) -> list[str]:
    """The processes that have this file open, but for the pids ``but``, as people read them."""
    wanted = (found.st_dev, found.st_ino)
    return [_told(pid) for pid in _pids(but=but) if wanted in files(pid)]


def started_with(traces: Collection[bytes]) -> list[str]:
    """The processes that have one of ``traces`` in the environment they were started with, or in their arguments."""
    found = []
    for pid in _pids(but=(os.getpid(),)):
        for name in ("environ", "cmdline"):
            content = _read(Path(f"/proc/{pid}/{name}"))
            if any(trace in content for trace in traces):
                found.append(_told(pid))
                break
    return found


def connected_to(addresses: Iterable[Address], *, but: Collection[int]) -> list[str]:
    """The processes with a connection to one of ``addresses``, but for the pids ``but``. An address on the internet
    counts with any port: Telegram listens on several.
    """
    sockets = {f"socket:[{inode}]" for inode in _connections(addresses)}
    if not sockets:
        return []
    return [_told(pid) for pid in _pids(but=but) if any(_leads_to(each) in sockets for each in _descriptors(pid))]


def connected(keeper: Keeper, dc_id: int) -> list[str]:
    """The other processes of this machine that are connected to a data center of the network in force."""
    return connected_to((each for each in keeper.network.addresses if each.dc_id == dc_id), but=(os.getpid(),))


def _connections(addresses: Iterable[Address]) -> Iterator[str]:
    """The inodes of established sockets."""
    exact, hosts = set(), set()
    for each in addresses:
        for mapped in (False, True):
            try:
                far = spelt((each.host, each.port), mapped)
                public = ipaddress.ip_address(each.host).is_global
            except ValueError:
                continue
            if public:
                hosts.add(far.partition(":")[0])
            else:
                exact.add(far)
    for table in ("tcp", "tcp6"):
        for line in _read(Path("/proc/net", table)).decode("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _ESTABLISHED:
                far = fields[2]
                if far in exact or far.partition(":")[0] in hosts:
                    yield fields[9]


def _pids(*, but: Collection[int] = ()) -> list[int]:
    try:
        return sorted(pid for pid in processes() if pid not in but)
    except OSError:
        return []


def _descriptors(pid: int) -> list[str]:
    try:
        with os.scandir(f"/proc/{pid}/fd") as files:
            return [each.path for each in files]
    except OSError:  # another user's, or gone
        return []


def _leads_to(descriptor: str) -> str:
    try:
        return os.readlink(descriptor)  # noqa: PTH115
    except OSError:
        return ""


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def _told(pid: int) -> str:
    try:
        shown = command(pid)
    except OSError:
        shown = ""
    return f"process {pid} ({shown})" if shown else f"process {pid}"
