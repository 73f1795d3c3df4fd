"""Where things lie, and with which modes.

Everything of ours is for its owner only: folders 0700, files 0600, checked at every open. The one exception is the
lease folder, which all users of a machine share (see `telekeep.lease.local`).
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from telekeep.errors import ConfigError, StorageUnavailable

LEDGER = "floods.db"  # the ledger of flood waits, in the home's root
JOBS = "jobs.toml"  # what the daemon keeps going, as a person writes it down


class Home(NamedTuple):
    """The folders of one telekeep home.

    ``root`` holds vault, run and log. The key file and the high-water marks lie outside it, so that whoever copies or
    puts back the home has neither the key nor the means to hide it.
    """

    root: Path
    key_file: Path
    state: Path

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def control(self) -> Path:
        """The control socket of this home's daemon; the same whichever way the home is spelt.

        It lies in ``run``, or, where its path would be too long for a socket, in a short folder of the user's that is
        named after the home.
        """
        real = os.path.realpath(self.root)
        path = Path(real, "run", "control")
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        from hashlib import sha256

        return _temporary() / f"telekeep-{os.geteuid()}-{sha256(os.fsencode(real)).hexdigest()[:16]}" / "control"


_LONGEST_SOCKET = 100  # bytes; the kernel takes 108 on Linux and 104 on macOS


def _temporary() -> Path:
    """The machine's folder for temporary files: /tmp whatever TMPDIR says, so that all processes agree on it."""
    if os.access("/tmp", os.W_OK | os.X_OK):
        return Path("/tmp")
    import tempfile

    return Path(tempfile.gettempdir())


def home(root: Path | None = None) -> Home:
    """The home in force: ``root`` (``--home``), else TELEKEEP_HOME, else the user's data folder.

    TELEKEEP_KEY_FILE moves the key file, TELEKEEP_STATE the folder of the high-water marks.
    """
    base = root or _from_environment("TELEKEEP_HOME") or _of_user("data", ".local/share")
    key = _from_environment("TELEKEEP_KEY_FILE") or _of_user("config", ".config") / "key"
    state = _from_environment("TELEKEEP_STATE") or _of_user("state", ".local/state")
    return Home(base.absolute(), key.absolute(), state.absolute())


def _of_user(kind: str, default: str) -> Path:
    """Our folder among the user's. On Linux by the XDG base directories, without the 8 ms that platformdirs costs."""
    if sys.platform == "linux":
        named = Path(os.environ.get(f"XDG_{kind.upper()}_HOME", ""))
        return (named if named.is_absolute() else Path.home() / default) / "telekeep"
    from platformdirs import PlatformDirs

    found: Path = getattr(PlatformDirs("telekeep", appauthor=False), f"user_{kind}_path")
    return found


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).expanduser() if value else None


def private_folder(path: Path) -> Path:
    """Make sure that ``path`` is a folder of ours with mode 0700, and return it.

    Raises ConfigError if it is a link, no folder, somebody else's, or open to others; StorageUnavailable if it cannot
    be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise no_folder(path) from None
    except OSError as error:
        raise StorageUnavailable(f"The folder {path} cannot be made: {error.strerror}.") from None
    check_private_folder(path)
    return path


def check_private_folder(path: Path) -> None:
    """Raise ConfigError unless ``path`` is a folder of ours with mode 0700, or if it is not there; StorageUnavailable
    if none can tell.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise no_folder(path) from None
    except OSError as error:
        raise StorageUnavailable(f"The folder {path} cannot be read: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{path} is a link, not a folder.", remedy="Name the folder it points to instead.")
    _check_owner_only(path, found, 0o700)


def no_folder(path: Path) -> ConfigError:
    """The error for a ``path`` that is no folder: it is not there, or it or what it should lie in is something else."""
    there = next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))
    if there != path and there.is_dir():
        return ConfigError(f"The folder {path} does not exist.", remedy="Make it, or name another place.")
    return ConfigError(f"{there} is not a folder.", remedy="Move it away, or name another place.")


def check_private_file(path: Path) -> None:
    """Raise ConfigError unless ``path`` is a regular file of ours that nobody else may read or write."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a regular file.", remedy="Put a regular file there; links are not followed.")
    _check_owner_only(path, found, 0o600)


def _check_owner_only(path: Path, found: os.stat_result, mode: int) -> None:
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to another user.", remedy=f"Run as its owner, or chown {path}.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(
            f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}).",
            remedy=f"Run: chmod {mode:o} {path}",
        )


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace ``path`` by ``data`` whole or not at all, never through a link.

    The new file has ``mode`` from its first byte on; it and its folder are synced before this returns. Raises
    ConfigError for a link or a folder that is not there, StorageUnavailable if the disk refuses (the old content is
    still there).
    """
    import tempfile  # here: `telekeep status` writes nothing

    if path.is_symlink():
        raise ConfigError(f"{path} is a link; it is not written through.", remedy="Name the file it points to.")
    temporary = None
    try:
        if not path.parent.is_dir():
            raise no_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = None
        sync_folder(path.parent)
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make a rename or a new name in ``path`` survive a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
