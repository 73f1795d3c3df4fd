"""Where lease files lie: one folder per machine, the same for every user and every home.

The rule does not depend on who asks or on what was there before, or two programs would come to two folders and both
hold the key: where ``/run/lock`` is a sticky folder of root that everybody may write to (Debian, Ubuntu and kin), it is
``/run/lock/telekeep``; elsewhere ``/tmp/telekeep-leases``. TELEKEEP_LEASES names another one. Containers, and services
with a private ``/tmp``, must share the folder to be one machine.

The folder is made sticky and open to all (1777) by whoever comes first. It must be a real folder of ours or of root:
its owner could rename files under a holder. Root makes a folder of somebody else's its own; anybody else says so and
stops. What another user of the machine can do is deny: hold a lease, or spoil a file so that it counts as held. Two
holders he cannot make.

Sandboxes and rootless containers are user namespaces: what belongs to root outside belongs to nobody known inside
(user_namespaces(7)), and is still the same folder for both.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

from telekeep.errors import ConfigError

_MODE = 0o1777
_NETWORKED = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|fuse|fuse\..*|fuseblk|gfs2?|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|prl_fs|"
    r"smb[23]|smbfs|vboxsf|virtiofs|vmhgfs"
)


def lease_folder(chosen: Path | None = None) -> Path:
    """The lease folder in force: ``chosen``, else TELEKEEP_LEASES, else the machine's. Asks only, makes nothing.

    Raises ConfigError for a TELEKEEP_LEASES that is not absolute.
    """
    if chosen is not None:
        return chosen.absolute()
    if moved := os.environ.get("TELEKEEP_LEASES"):
        folder = Path(os.path.expanduser(moved))  # noqa: PTH111  # Path's own raises for a user that is not there
        if not folder.is_absolute():  # it would be another one wherever a program is started
            raise ConfigError(f"TELEKEEP_LEASES is {moved!r}.", remedy="Name the folder from / on.")
        return folder
    return machine_folder()


def machine_folder(shared: Path = Path("/run/lock"), fallback: Path = Path("/tmp")) -> Path:
    """The folder of this machine: in ``shared`` where that is for everybody, else in ``fallback``."""
    try:
        found = shared.lstat()
    except OSError:
        found = None
    if found and stat.S_ISDIR(found.st_mode) and _is_roots(found) and found.st_mode & _MODE == _MODE:
        return shared / "telekeep"
    return fallback.resolve() / "telekeep-leases"  # on some Unixes /tmp itself is a link


def _is_roots(found: os.stat_result) -> bool:
    return found.st_uid in (0, _nobody_known())


def _nobody_known() -> int:
    """Whom files of users from outside of this user namespace seem to belong to."""
    try:
        return int(Path("/proc/sys/kernel/overflowuid").read_bytes())
    except (OSError, ValueError):
        return 65534


def make_ready(folder: Path, *, for_everybody: bool) -> int:
    """Make ``folder`` if it is not there, and raise ConfigError unless it can be relied upon. Returns its device.

    ``for_everybody``: it must be open to all users of the machine (mode 1777), as the default one; one that
    TELEKEEP_LEASES names may be private, but where others may write it must be sticky.
    """
    found = _found_or_made(folder, _MODE if for_everybody else 0o700)
    if not stat.S_ISDIR(found.st_mode):
        what = "a link" if stat.S_ISLNK(found.st_mode) else "no folder"
        raise ConfigError(f"The lease folder {folder} is {what}.", remedy=f"Remove it: sudo rm {folder}")
    mine = os.geteuid()
    if for_everybody and found.st_mode & _MODE != _MODE and found.st_uid in (0, mine):
        found = _opened(folder, found)
    if for_everybody and mine == 0 != found.st_uid:
        found = _made_ours(folder, found)
    if found.st_uid not in (0, mine) and found.st_uid == _nobody_known():
        raise ConfigError(
            f"The lease folder {folder} belongs to somebody who is not known here, as in a sandbox or container.",
            remedy="Borrow from a daemon outside (docs/containers.md), or name a folder of yours in TELEKEEP_LEASES, "
            "the same for all.",
        )
    if found.st_uid not in (0, mine):
        raise ConfigError(
            f"The lease folder {folder} belongs to another user.", remedy=f"Give it to root: sudo chown root {folder}"
        )
    mode = stat.S_IMODE(found.st_mode)
    open_to_all = mode & _MODE == _MODE
    if not open_to_all and (for_everybody or (mode & 0o022 and not mode & stat.S_ISVTX)):
        raise ConfigError(
            f"The lease folder {folder} has mode {mode:04o}: users could spoil each other's leases, or miss them.",
            remedy=f"Run: chmod 1777 {folder}",
        )
    return found.st_dev


def _opened(folder: Path, found: os.stat_result) -> os.stat_result:
    """Ours: give it the bits that the umask took when it was made. Root's: root may be doing so right now."""
    if found.st_uid == os.geteuid():
        folder.chmod(_MODE)
        return folder.lstat()
    for _ in range(20):
        time.sleep(0.001)
        if (found := folder.lstat()).st_mode & _MODE == _MODE:
            break
    return found


def _found_or_made(folder: Path, mode: int) -> os.stat_result:
    try:
        try:
            return folder.lstat()
        except FileNotFoundError:
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
            return folder.lstat()
    except FileExistsError:
        return folder.lstat()
    except OSError as error:
        raise ConfigError(
            f"The lease folder {folder} cannot be used: {error.strerror}.",
            remedy=f"Make it as root: sudo install -d -m 1777 {folder}",
        ) from None


def _made_ours(folder: Path, found: os.stat_result) -> os.stat_result:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.path.samestat(os.fstat(descriptor), found):
            with suppress(PermissionError):  # root of a user namespace alone: it stays whose it is
                os.fchown(descriptor, 0, 0)
                os.fchmod(descriptor, _MODE)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def refuse_network(folder: Path, *, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raise ConfigError if ``folder`` lies on a file system that other machines may use too.

    flock promises one kernel; there it would promise nothing. Where the system does not list its mounts, nothing is
    known and nothing refused.
    """
    try:
        table = mounts.read_bytes()
    except OSError:
        return
    kind = filesystem_of(os.fsencode(folder.resolve()), table)
    if _NETWORKED.fullmatch(kind):
        raise ConfigError(
            f"The lease folder {folder} lies on a network file system ({kind}), where a lock means nothing.",
            remedy="Set TELEKEEP_LEASES to a folder on a disk of this machine.",
        )


def filesystem_of(path: bytes, mounts: bytes) -> str:
    """The type of the file system that ``path`` lies on, by a table as in /proc/self/mounts; "" if it has none."""
    kind, longest = b"", -1
    for line in mounts.splitlines():
        fields = line.split(b" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        covers = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if covers and len(point) >= longest:  # of two mounts on one place the later one counts
            kind, longest = fields[2], len(point)
    return kind.decode(errors="replace")


def _unescaped(field: bytes) -> bytes:
    for escape, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(escape, character)
    return field
