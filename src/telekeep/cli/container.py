"""What a container is given: a folder to mount, with a loan and the gateway's public RSA key."""

from __future__ import annotations

import fcntl
import socket
import struct
from pathlib import Path
from typing import Final

from telekeep.cli.command import Usage
from telekeep.paths import write_atomically

STRING_FILE: Final = "session.txt"
KEY_FILE: Final = "gateway.pem"
WITHOUT_HOOK: Final = (
    "files of other data centers, unless the program makes gateway.pem known: rsa.add_key(pem, old=False)",
    "a session file or a string of its own: the program has to take the string it is given",
)

_BRIDGES = ("docker0", "podman0", "cni-podman0")
_SIOCGIFADDR = 0x8915  # netdevice(7); the address lies 20 bytes into the ifreq


def container_address() -> str:
    """The address of this machine on the network that containers are on by default. Raises Usage if there is none."""
    for name in _BRIDGES:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                found = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue
            return socket.inet_ntoa(found[20:24])
    raise Usage(
        f"There is no network of containers here that is known by name ({', '.join(_BRIDGES)}).",
        remedy="Name this machine's address on it: --address 172.17.0.1. `docker network inspect bridge` shows it.",
    )


def write_folder(folder: Path, string: bytes, pem: str) -> None:
    """Write the loan, for its owner only, and the key, which is public. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / STRING_FILE, string)
    write_atomically(folder / KEY_FILE, pem.encode(), mode=0o644)
