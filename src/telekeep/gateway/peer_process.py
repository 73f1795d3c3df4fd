"""Which process is at the other end of a loopback connection, as the kernel tells. For people to read, on Linux.

The socket's inode is found in /proc/net/tcp by its two addresses, and the process by its open files (proc(5)). That
takes milliseconds: once per connection, and not on the event loop.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

from telekeep.lease.redaction import command_line

Address: TypeAlias = tuple[str, int]

_MOST_SOCKETS = 4 * 1024 * 1024  # bytes read of a table of sockets; a line has 150
_MOST_FILES = 50_000  # open files looked at, of all processes together
_LONGEST_COMMAND = 64 * 1024  # bytes read of a command line


class Process(NamedTuple):
    """A process: its ``command`` line without secrets, and when it ``started``, in seconds since the boot."""

    pid: int
    command: str
    started: float


def peer_process(local: Address, peer: Address) -> Process | None:
    """The process of this user whose socket has the address ``peer`` and is connected to ``local``, our end.

    None if the kernel does not tell: another user's process, one that is gone, one in a container, or another system
    than Linux. Never raises.
    """
    try:
        inode = _inode(peer, local)
        pid = _owner(f"socket:[{inode}]") if inode else None
        return None if pid is None else Process(pid, command(pid), _started(pid))
    except (OSError, ValueError, IndexError):  # it ended meanwhile, or this is no such kernel
        return None


def _inode(near: Address, far: Address) -> int:
    """The inode of the socket of ours that is bound to ``near`` and connected to ``far``; 0 if there is none."""
    for table, mapped in (("tcp", False), ("tcp6", True)):
        try:
            wanted = f" {spelt(near, mapped)} {spelt(far, mapped)} ".encode()
            found = _line(Path("/proc/net", table), wanted)
        except (OSError, ValueError):  # ValueError: an IPv6 address is in no table of IPv4
            continue
        if found is not None:
            # state, queues, timer, retransmits, user, timeout, inode; a socket without inode belongs to no process
            fields = found.split()
            return int(fields[6]) if int(fields[4]) == os.geteuid() else 0
    return 0


def _line(table: Path, wanted: bytes) -> bytes | None:
    """What follows the two addresses in their line."""
    with table.open("rb") as file:
        content = file.read(_MOST_SOCKETS)
    begin = content.find(wanted)
    return None if begin < 0 else content[begin + len(wanted) :].split(b"\n", 1)[0]


def spelt(address: Address, mapped: bool) -> str:
    """An address as the kernel prints it: 32-bit words of its memory, in hex. ``mapped``: as one of IPv6."""
    host, port = address[:2]
    ip = ipaddress.ip_address(host.partition("%")[0])
    if mapped and ip.version == 4:
        ip = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + ip.packed)
    elif not mapped and ip.version == 6:
        if ip.ipv4_mapped is None:
            raise ValueError("not an address of IPv4")
        ip = ip.ipv4_mapped
    words = (ip.packed[at : at + 4] for at in range(0, len(ip.packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"


def _owner(socket: str) -> int | None:
    """The process that has ``socket`` open. The youngest are asked first: borrowers come later than what they use."""
    left = _MOST_FILES
    for pid in sorted(processes(), reverse=True):
        try:
            with os.scandir(f"/proc/{pid}/fd") as files:
                for file in islice(files, left):
                    left -= 1
                    if _leads_to(file) == socket:
                        return pid
        except OSError:  # another user's, or gone
            continue
    return None


def _leads_to(file: os.DirEntry[str]) -> str:
    try:
        return os.readlink(file.path)  # noqa: PTH115  # thousands of them, and a Path takes as long as the link
    except OSError:  # closed meanwhile
        return ""


def processes() -> Iterator[int]:
    """The pids of all processes that can be seen. Raises OSError where there is no /proc."""
    with os.scandir("/proc") as entries:
        yield from (int(entry.name) for entry in entries if entry.name.isdecimal())


def command(pid: int) -> str:
    """The command line of a process, without secrets. Raises OSError if it is gone, or another user's."""
    with Path(f"/proc/{pid}/cmdline").open("rb") as file:
        raw = file.read(_LONGEST_COMMAND).rstrip(b"\0")
    return command_line([os.fsdecode(part) for part in raw.split(b"\0")])


def _started(pid: int) -> float:
    """Field 22 of proc(5), in ticks; the second field is a name in parentheses and may hold anything."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return int(stat.rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
