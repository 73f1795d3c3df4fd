"""Many sessions at once: each file of a folder is kept or said why not; none is lost, changed, or kept twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import TelekeepError, UnknownFormat
from telekeep.keeper import transfer
from telekeep.keeper.loaned import loans, refused
from telekeep.lease.lease import lease_name
from telekeep.session import formats
from telekeep.vault.record import REMOVED

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.secret import Secret
    from telekeep.session.model import Session

KEPT, TWICE, BAD = "kept", "twice", "bad"
_STRANGE = re.compile(r"[^A-Za-z0-9_@+.-]+")
_AT_ONCE = 200  # files in one commit, whose leases are held meanwhile
_LONGEST = 60  # letters of a name, and four for a number
_JOURNALS = ("-journal", "-wal", "-shm")  # beside an SQLite file, and part of it


@dataclass(frozen=True)
class Outcome:
    """What became of one session: ``state`` is kept, twice or bad.

    ``name``: what it is kept as, also if it was before; ``key``: its fingerprint; ``error``: why it is not kept.
    """

    path: Path
    state: str
    name: str | None = None
    format: str | None = None
    key: str | None = None
    user_id: int | None = None
    error: TelekeepError | None = None


def candidates(folder: Path) -> list[Path]:
    """What in ``folder`` may be a session: its files, and the folders that are one. Hidden ones are passed over."""
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
        and not path.name.endswith(_JOURNALS)
        and (not path.is_dir() or formats.is_session_folder(path))
    ]


def import_all(
    keeper: Keeper,
    paths: list[Path],
    *,
    passcode: Secret | None = None,
    done: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Keep the sessions in ``paths``, named after their files. ``done`` is told of each as it comes.

    Whatever a file does wrong is its own outcome. Raises what the vault says.
    """
    keeper.vault_for_writing()
    batch = _Batch(keeper)
    outcomes = []
    for start in range(0, len(paths), _AT_ONCE):
        told = batch.of(paths[start : start + _AT_ONCE], passcode)
        for outcome in told:
            done(outcome)
        outcomes += told
    return outcomes


class _Batch:
    """One run: what is kept already, by lease, and which names are taken; both are read once."""

    def __init__(self, keeper: Keeper) -> None:
        entries = keeper.vault.entries()
        self._keeper = keeper
        self._names = {entry.name for entry in entries}
        self._kept = {entry.lease: entry.name for entry in entries if entry.state != REMOVED}
        self._lent = loans(keeper)

    def of(self, paths: list[Path], passcode: Secret | None) -> list[Outcome]:
        """Keep what is in ``paths``, in one commit."""
        wanted: list[tuple[str, Session, int]] = []
        with ExitStack() as held:
            outcomes = [told for path in paths for told in self._in(path, passcode, held, wanted)]
            if wanted:
                self._keeper.vault.keep_all(wanted)
        return outcomes

    def _in(
        self, path: Path, passcode: Secret | None, held: ExitStack, wanted: list[tuple[str, Session, int]]
    ) -> Iterator[Outcome]:
        """What is in ``path``; what is to be kept is ``wanted`` from then on, and its lease ``held``."""
        try:
            source = formats.read_file(path)
            form, sessions = formats.read_all(_whole_line(source), network=self._keeper.network, passcode=passcode)
        except TelekeepError as error:
            yield Outcome(path, BAD, error=error)
            return
        for session in sessions:
            user = session.user.id if session.user else None
            told = Outcome(path, BAD, None, form.name, session.auth_key.fingerprint, user)
            lease = lease_name(session.auth_key.id)
            if lease in self._kept:
                yield replace(told, state=TWICE, name=self._kept[lease])
                continue
            name = self._free(path)
            try:
                wanted.append((name, *self._taken(session, name, held)))
            except TelekeepError as error:
                yield replace(told, error=error)
                continue
            self._names.add(name)
            self._kept[lease] = name
            yield replace(told, state=KEPT, name=name)

    def _taken(self, session: Session, name: str, held: ExitStack) -> tuple[Session, int]:
        """``session`` as it is to be kept, and the fence of its lease, which is held from now on."""
        if loan := self._lent.get(session.auth_key.id):
            raise refused(loan)
        if reason := transfer.misplaced(session, self._keeper.network):
            raise UnknownFormat(reason, remedy="Name the network it belongs to with --network NAME|FILE.")
        kept = transfer.with_application(self._keeper, replace(session, network=self._keeper.network.name))
        purpose = f"import of {name}"
        lease = transfer.take(self._keeper, session.auth_key.id, held, floor=0, purpose=purpose, durable=False)
        return kept, lease.fence

    def _free(self, path: Path) -> str:
        """A name after the file's, with a number if it is taken."""
        stem = path.name if path.is_dir() else path.stem
        base = _STRANGE.sub("_", stem.strip()).lstrip(".-")[:_LONGEST] or "session"
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}-{number}"
        return name


def _whole_line(source: bytes) -> bytes:
    return source if b"\0" in source else source.removesuffix(b"\n").removesuffix(b"\r")
