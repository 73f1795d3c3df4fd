"""An archive as bytes::

    telekeep backup 1            which version
    {"id": …}                    the header, one line of JSON
    wrapped key, sealed contents a data key of its own, wrapped by the vault's master key or by a passphrase's
    SHA-256                      of all before it: damage is seen without a key

The seal is bound to the first two lines. The checksum tells accidents, the seal attacks.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import BackupDamaged, BackupSealed, BackupUnknown, TelekeepError
from telekeep.vault.archive import contents, header
from telekeep.vault.archive.contents import Contents
from telekeep.vault.archive.header import Header
from telekeep.vault.keys import PASSPHRASE, source_for, worded
from telekeep.vault.seal import KEY_BYTES, DoesNotOpen, Master, Seal
from telekeep.vault.unlocking import parameters_of

if TYPE_CHECKING:
    from telekeep.vault.keys.source import KeySource

MAGIC = b"telekeep backup "
VERSION = 1
LARGEST = 1 << 30  # bytes of an archive; the contents are opened in memory
_LONGEST_HEADER = 64 << 20
_DIGEST_BYTES = 32
_OVERHEAD = 12 + 16  # of AES-GCM: nonce and tag
_WRAPPED_BYTES = KEY_BYTES + _OVERHEAD


class Archive:
    """An archive in memory, sealed: its ``header`` and its ``data``. `check` opens what was read back from a disk."""

    def __init__(self, shown: Header, data: bytes, master: Master) -> None:
        self.header = shown
        self.data = data
        self._master = master

    def __repr__(self) -> str:
        return f"Archive(id={self.header.id!r}, sessions={len(self.header.sessions)})"

    def check(self, data: bytes) -> None:
        """Make sure that ``data`` is this archive, and that every record in it can be read. Raises BackupDamaged."""
        if data != self.data:
            raise BackupDamaged("The backup on the disk is not the one that was written.")
        opened = _open(data, lambda shown: self._master, is_whole=True)
        if opened.header != self.header:
            raise BackupDamaged("The backup does not read as it was written.")


def close(shown: Header, what: Contents, master: Master) -> Archive:
    """Seal ``what`` under the header ``shown``, whose size is filled in."""
    plain = contents.write(what)
    shown = shown._replace(size=len(plain) + _OVERHEAD)
    head = MAGIC + b"%d\n" % VERSION + shown.write() + b"\n"
    parts = head, *master.seal_record(b"backup " + head, plain)
    digest = sha256()
    for part in parts:
        digest.update(part)
    return Archive(shown, b"".join((*parts, digest.digest())), master)


def split(data: bytes) -> tuple[Header, int]:
    """The header of an archive that is whole as far as one can tell without its key, and where the sealed part begins.

    Raises BackupUnknown for what is no archive, or of another version; BackupDamaged.
    """
    begin = _after_version(data)
    if len(data) < begin + _DIGEST_BYTES or sha256(memoryview(data)[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
        raise BackupDamaged()
    return _split(data)


def _split(data: bytes) -> tuple[Header, int]:
    begin = _after_version(data)
    end = data.find(b"\n", begin, begin + _LONGEST_HEADER)
    if end < 0:
        raise BackupDamaged()
    shown = header.read(data[begin:end])
    if len(data) != end + 1 + _WRAPPED_BYTES + shown.size + _DIGEST_BYTES:
        raise BackupDamaged()
    return shown, end + 1


class Opened(NamedTuple):
    """An archive with the key at hand, every record of it opened. ``key_ids``: of its sessions' auth keys."""

    header: Header
    contents: Contents
    key_ids: tuple[int, ...]
    master: Master

    def lagging_seal(self) -> Seal:
        """What its update states and peers are sealed with."""
        return Seal(self.contents.lagging_key, self.header.vault_id)


def unseal(data: bytes, *, source: KeySource | None = None, ask: Callable[[], str] | None = None) -> Opened:
    """Open an archive, and every record in it. Parameters as `master_of`.

    Raises BackupUnknown, BackupDamaged, BackupSealed, UnknownFormat for a record of a newer telekeep.
    """
    return _open(data, lambda shown: master_of(shown, source, ask))


def _open(data: bytes, find: Callable[[Header], Master], *, is_whole: bool = False) -> Opened:
    """``is_whole``: its checksum is known to be right."""
    shown, begin = _split(data) if is_whole else split(data)
    master = find(shown)
    wrapped, sealed = data[begin : begin + _WRAPPED_BYTES], memoryview(data)[begin + _WRAPPED_BYTES : -_DIGEST_BYTES]
    try:
        plain = master.open_record(b"backup " + data[:begin], wrapped, sealed)
    except DoesNotOpen:
        raise BackupDamaged("The backup is damaged: its seal is broken.") from None
    what = contents.read(plain, shown)
    return Opened(shown, what, what.check(shown), master)


def master_of(shown: Header, source: KeySource | None, ask: Callable[[], str] | None = None) -> Master:
    """The key that opens the archive. ``source``: where the vault's key is, None to find it as the vault recorded it;
    ``ask`` returns the passphrase of an archive that has its own.

    Raises BackupSealed, with the reason, if there is no such key.
    """
    from telekeep.vault.keys.passphrase import Passphrase

    opening = shown.opening
    if shown.has_own_key:
        if ask is None:
            raise BackupSealed(
                "This backup has a passphrase of its own, and none was given.",
                remedy="Run the command in a terminal, or hand the passphrase in with --passphrase-fd N.",
            )
        source = Passphrase(ask)
    elif source is None or source.name != opening.source:
        source = None
    try:
        parameters = parameters_of(opening)
        source = source or source_for(opening.source, parameters)
        for material in source.masters(opening.vault_id, parameters):
            master = Master(material, opening.vault_id)
            if master.fits(opening.bound(), opening.verifier):
                return master
    except TelekeepError as error:
        raise BackupSealed(f"The backup cannot be opened. {error.message}", remedy=error.remedy) from None
    if opening.source == PASSPHRASE:
        raise BackupSealed("This passphrase does not open the backup.", remedy="Try again: nothing was changed.")
    raise BackupSealed(
        f"The {worded(opening.source)} at hand does not open this backup: it was sealed with another key, that of the "
        f"vault {shown.vault_id[:8]}…"
    )


def _after_version(data: bytes) -> int:
    end = data.find(b"\n", 0, len(MAGIC) + 8)
    version = data[len(MAGIC) : end]
    if not data.startswith(MAGIC) or end < 0 or not version.isdigit():
        raise BackupUnknown("This is no backup of telekeep's, or its beginning is damaged.")
    if int(version) != VERSION:
        newer = int(version) > VERSION
        raise BackupUnknown(
            f"This backup has format {int(version)}; this telekeep reads format {VERSION}.",
            remedy="Install the telekeep that wrote it, or a newer one. Nothing was changed."
            if newer
            else "Restore it with the telekeep that wrote it, and make a new backup. Nothing was changed.",
        )
    return end + 1
