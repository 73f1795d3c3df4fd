"""The vault: sessions at rest, sealed, with every generation kept, and refusing whoever comes too late.

``sessions.db`` holds what must never be lost, ``lagging.db`` what may lag; the high-water marks lie in another folder,
outside the home. Every method is synchronous and takes microseconds, and may be called from any thread and, after a
fork, from the child. All of them raise StorageUnavailable (DiskFull, DiskReadOnly) if the disk does not serve, and have
changed nothing then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self

from telekeep.database import border
from telekeep.errors import ConfigError, SessionCorrupt, SessionNotFound, StorageUnavailable, TelekeepError
from telekeep.lease.lease import lease_name
from telekeep.paths import no_folder, private_folder
from telekeep.vault import machine
from telekeep.vault.archived import Archived
from telekeep.vault.belonging import Belonging
from telekeep.vault.highwater import Marks, Position
from telekeep.vault.lagged import Lagged
from telekeep.vault.listing import listed
from telekeep.vault.looking import Looking
from telekeep.vault.record import KEPT, REMOVED, Entry, Generation, Quarantine, check_name, entry_of
from telekeep.vault.standing import (
    in_force,
    kept,
    kept_each,
    not_found,
    older,
    position,
    reached,
    removed,
    replaceable,
)
from telekeep.vault.stores.belongings import LOAN
from telekeep.vault.stores.lagging import Lagging
from telekeep.vault.stores.sessions import Rows, Sessions, check_fence
from telekeep.vault.unlocking import Unlocking

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.session.model import Session
    from telekeep.vault.archive.sealing import Opened
    from telekeep.vault.history import Retention
    from telekeep.vault.keys.source import KeySource
    from telekeep.vault.seal import Seal
    from telekeep.vault.unsealed import Unsealed


class Vault(Archived, Looking, Belonging, Lagged):
    """The sessions kept in one folder. Made by `create` or `open`; a context manager that closes its files.

    ``notices`` tells in words what was lost or set aside without harm to a session.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        marks: Path,
        source: KeySource | None = None,
        retention: Retention | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.notices: list[str] = []
        self._clock = clock
        self._retention = retention
        turns = RLock()  # one for all three files: they are used inside one another's transactions
        self._sessions = Sessions(self.folder, turns=turns)
        self._unlocking = Unlocking(self._sessions, source)
        with self._sessions.reading() as rows:
            self.id = rows.opening().vault_id
        self._lagging = Lagging(self.folder, self.id, clock=clock, report=self._report, turns=turns)
        self._marks = Marks(marks.absolute(), self.id, clock=clock, report=self._report, turns=turns)

    # ---- making and opening

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether there is a vault in ``folder``, readable or not.

        Raises StorageUnavailable if none can tell, ConfigError where no vault can ever be: below something that is no
        folder.
        """
        with border(folder):
            for name in ("sessions.db", "lagging.db"):  # either: a vault that lost one file is not "no vault"
                try:
                    (folder / name).lstat()
                except FileNotFoundError:
                    continue
                except NotADirectoryError:
                    raise no_folder(folder) from None
                return True
        return False

    @classmethod
    def create(cls, folder: Path, source: KeySource, *, clock: Clock, marks: Path) -> Self:
        """Make a vault in ``folder``, sealed with a key of ``source``; the key is safe before the vault is.

        ``marks``: the folder of the high-water marks, outside of what one would copy or restore. Raises ConfigError if
        there is a vault already, or if ``source`` cannot give a key.
        """
        from telekeep.vault.seal import new_key
        from telekeep.vault.unlocking import first_opening
        from telekeep.vault.unsealed import LAGGING_KEY, wrapped_lagging_key

        private_folder(folder)
        if cls.exists(folder):
            raise _already(folder)
        vault_id = os.urandom(16).hex()
        made = source.make(vault_id, fresh=False)
        opening, master = first_opening(made, source.name, vault_id)
        keys = {LAGGING_KEY: wrapped_lagging_key(master, new_key())}
        try:
            Sessions.create(folder, opening, machine=machine.identity(), keys=keys)
        except FileExistsError:
            source.retire(vault_id, made.parameters)
            raise _already(folder) from None
        return cls.open(folder, clock=clock, marks=marks, source=source)

    @classmethod
    def recreate(cls, folder: Path, archive: Opened, *, source: KeySource | None, clock: Clock, marks: Path) -> Self:
        """Make the vault that ``archive`` was made of anew, where it is gone: empty, under its old id, so that its
        high-water marks are still its own. It opens as it did before.

        ``source``: where the key of one comes from whose archive has a passphrase of its own. Raises ConfigError if
        there is a vault, or if ``source`` cannot give a key.
        """
        from telekeep.vault.archive.returning import opening_of
        from telekeep.vault.unsealed import LAGGING_KEY, wrapped_lagging_key

        private_folder(folder)
        if cls.exists(folder):
            raise _already(folder)
        opening, master = opening_of(archive, source)
        keys = {LAGGING_KEY: wrapped_lagging_key(master, archive.contents.lagging_key)}
        try:
            Sessions.create(folder, opening, machine=machine.identity(), keys=keys)
        except FileExistsError:
            raise _already(folder) from None
        return cls.open(folder, clock=clock, marks=marks, source=source)

    @classmethod
    def open(cls, folder: Path, *, clock: Clock, marks: Path, source: KeySource | None = None) -> Self:
        """Open the vault in ``folder``. It stays sealed until the first record is read.

        ``source``: where its key is, None to find it as the vault recorded it. Raises SessionNotFound if there is no
        vault, UnknownFormat for a foreign or newer one, SessionCorrupt for a damaged one, ConfigError for wrong modes.
        """
        if not cls.exists(folder):
            raise SessionNotFound(f"There is no vault in {folder}: nothing is kept yet.")
        private_folder(folder)
        return cls(folder, clock=clock, marks=marks, source=source)

    @contextmanager
    def view(self) -> Iterator[None]:
        """All that is read inside is one view of the vault, which is looked for and locked once; writing ends it.

        For work that waits for nothing: other threads wait for it. Raises SessionSealed.
        """
        if self._sessions.is_viewed:
            yield
            return
        self.unlock()  # a person may be asked: not while the files are locked
        with self._sessions.view(), self._marks.view(), self._lagging.view():
            yield

    # ---- what needs no key

    def entries(self) -> list[Entry]:
        """Every record, in the order of names. One that is damaged, or older than its mark, says so by its state."""
        with self._sessions.reading() as rows:
            lines, dead = rows.listing(), rows.quarantine.all()
        found = listed(lines, marks=self._marks.all(), uses=self._lagging.uses())
        return [replace(entry, quarantine=dead[entry.lease]) if entry.lease in dead else entry for entry in found]

    def entry(self, name: str) -> Entry:
        """One record that is kept.

        Raises SessionNotFound if there is none of that name, or it was removed; SessionCorrupt, RecordSwapped or
        VaultRolledBack if there is, or was.
        """
        with self._sessions.reading() as rows:
            header = kept(rows, self._marks, name).header
            fence, dead = rows.fence(header.lease), rows.quarantine.of(header.lease)
        return replace(self._entry(header, fence), quarantine=dead)

    def quarantined(self, auth_key_id: int) -> Quarantine | None:
        """Why nothing is sent with this auth key, whatever it is kept as; None if it may be used."""
        with self._sessions.reading() as rows:
            return rows.quarantine.of(lease_name(auth_key_id))

    def quarantines(self) -> dict[str, Quarantine]:
        """Why nothing is sent with the auth keys that are set aside, by lease name. Needs no key."""
        with self._sessions.reading() as rows:
            return rows.quarantine.all()

    def quarantine(
        self, auth_key_id: int, error: str, *, checked: bool, evidence: str = "", asked_again: bool = False
    ) -> None:
        """Note that Telegram has declared this auth key dead, on disk when this returns. See `Quarantine`."""
        row = Quarantine(error, self._clock.wall(), checked, evidence, asked_again)
        with self._sessions.transaction() as rows:
            rows.quarantine.put(lease_name(auth_key_id), row)

    def acquit(self, auth_key_id: int) -> None:
        """Telegram has accepted this auth key after all: it may be used again."""
        with self._sessions.transaction() as rows:
            rows.quarantine.drop(lease_name(auth_key_id))

    def history(self, name: str) -> list[Generation]:
        """The generations that are stored of ``name``, newest first. Raises SessionNotFound."""
        with self._sessions.reading() as rows:
            generations = rows.history(check_name(name))
        if not generations:
            self._marks.check(name, None)
            raise not_found(name)
        return generations

    def broken(self) -> list[str]:
        """The files whose pages SQLite finds damaged, by noun; what a page holds, it cannot judge. Needs no key."""
        return [file.noun for file in (self._sessions, self._lagging) if not file.is_whole()]

    # ---- what needs the key

    def unlock(self) -> None:
        """Make sure that the master key is at hand and fits, before work begins that would be lost without it.

        Raises SessionSealed.
        """
        with self._unlocking.reading():
            pass

    def keep(self, name: str, session: Session, *, fence: int, expected: int | None) -> Entry:
        """Write ``session`` as the new generation of ``name``; on disk when this returns.

        ``fence``: the fencing token of the lease on its auth key. ``expected``: the generation this replaces, None if
        there must be none. Its update state, if it has one, replaces what is stored for its key; its peers are added.
        A name that was removed begins without the loans it had. Raises StaleFence if a newer holder of this key has
        written, SessionConflict if another generation than ``expected`` is there, ConfigError if the name is taken or
        none, VaultRolledBack, SessionSealed.
        """
        return self.keep_all([(name, session, fence)], expected=expected)[0]

    def keep_all(self, wanted: Sequence[tuple[str, Session, int]], *, expected: int | None = None) -> list[Entry]:
        """Like `keep`, for many sessions in one commit: name, session and fencing token of each. All are written, or,
        if one is refused, none.
        """
        self._marks.prepare()
        with self._unlocking.writing() as unsealed:
            kept = [self._put(unsealed, *each, expected) for each in wanted]
            if any(session.state is not None or session.peers for _, session, _ in wanted):
                self._lagging.flush()
        self._mark(*((header.name, here) for header, here, _ in kept))
        for *_, forgotten in kept:
            self._forget(forgotten)
        return [self._entry(header, header.fence) for header, _, _ in kept]

    def _put(
        self, unsealed: Unsealed, name: str, session: Session, fence: int, expected: int | None
    ) -> tuple[Generation, Position, tuple[str, ...]]:
        """Write ``session`` within a transaction: what was written, how far the record has come, what was pruned."""
        from telekeep.vault.payload import write_session

        check_name(name)
        payload = write_session(session)
        now = self._clock.wall()
        rows = unsealed.rows
        number, replaced = replaceable(rows, self._marks, name, expected)
        header = Generation(
            name=name,
            generation=number + 1,
            lease=lease_name(session.auth_key.id),
            network=session.network,
            dc_id=session.dc.id,
            fence=fence,
            created_at=replaced.created_at if replaced is not None and replaced.state == KEPT else now,
            saved_at=now,
            state=KEPT,
            size=len(payload),
        )
        rows.admit(header.lease, fence)
        here = position(rows, unsealed.add(header, payload), opened=True)
        if replaced is not None and replaced.state == REMOVED:  # the loans were another session's
            rows.belongings.drop_all(LOAN, name)
        if session.state is not None or session.peers:
            seal = unsealed.lagging_seal() or unsealed.new_lagging_seal()
            self._lagging.save(header.lease, seal, state=session.state, peers=session.peers)
        return header, here, self._prune(rows, name, now)

    def remove(self, name: str, *, fence: int, loans: Mapping[str, bytes] | None = None) -> None:
        """Set the session ``name`` aside: it is no longer kept, and not destroyed. Its loans are out of force with it.

        ``loans``: what becomes of some, payloads by id, in the same commit. Raises StaleFence, SessionNotFound,
        SessionCorrupt, VaultRolledBack, SessionSealed.
        """
        now = self._clock.wall()
        self._marks.prepare()
        with self._unlocking.writing() as unsealed:
            last = kept(unsealed.rows, self._marks, name).header
            unsealed.rows.admit(last.lease, fence)
            for loan_id, payload in (loans or {}).items():
                unsealed.put_belonging(LOAN, name, loan_id, payload)
            header = last._replace(generation=last.generation + 1, fence=fence, saved_at=now, state=REMOVED, size=0)
            here = position(unsealed.rows, unsealed.add(header, b""), opened=True)
        self._mark((name, here))

    def restore_removed(self, name: str) -> Entry:
        """Keep the session ``name`` again as it was when it was removed, its loans included.

        Raises SessionNotFound if there is nothing of it, ConfigError if it is kept.
        """
        now = self._clock.wall()
        self._marks.prepare()
        with self._unlocking.writing() as unsealed:
            rows = unsealed.rows
            removal = in_force(rows, self._marks, name).header
            if removal.state != REMOVED:
                raise ConfigError(f"The session {name!r} is kept; there is nothing to bring back.")
            last = next((each.generation for each in rows.history(name) if each.state == KEPT), None)
            if last is None:
                raise removed(name)
            sealed = older(rows, name, last)
            fence = max(removal.fence, rows.fence(removal.lease))
            header = sealed.header._replace(generation=removal.generation + 1, fence=fence, saved_at=now)
            here = position(rows, unsealed.add(header, unsealed.open(sealed)), opened=True)
        self._mark((name, here))
        return self._entry(header, fence)

    def admit(self, fences: Iterable[tuple[str, int, int]]) -> list[Position | TelekeepError]:
        """Remember the fencing tokens of several sessions in one commit: on disk when this returns, and from then on
        older ones are refused.

        ``fences``: the name of the session, the id of its auth key, the token. Returns how far each had come before,
        or what `entry` raises of it. A token that is not newer, or not of the session's key any more, is left out.
        Needs no key.
        """
        self._marks.prepare()
        wanted = list(fences)
        found: list[Position | TelekeepError] = []
        admitted: dict[str, Position] = {}
        with self._sessions.transaction() as rows:
            standing = kept_each(rows, self._marks, [name for name, _, _ in wanted])
            for name, auth_key_id, fence in wanted:
                each = standing[name]
                if isinstance(each, TelekeepError):
                    found.append(each)
                    continue
                before = reached(*each, opened=False)
                if before.lease == lease_name(auth_key_id) and before.fence < fence:
                    admitted[name] = before._replace(fence=fence)
                found.append(before)
            newest: dict[str, int] = {}
            for after in admitted.values():
                newest[after.lease] = max(after.fence, newest.get(after.lease, 0))
            rows.admit_all(newest)
        self._mark(*admitted.items())
        return found

    # ---- the vault as a whole

    def rotate(self, source: KeySource) -> None:
        """Give the vault a new master key, of ``source``, and wrap all data keys anew in one transaction.

        A crash at any point leaves a vault that opens with the old key or the new one, whichever is in force. Raises
        SessionSealed if the old key does not fit, ConfigError if ``source`` gives no new one.
        """
        from telekeep.vault.unlocking import next_opening

        with self._unlocking.reading():  # the old key first: no new one is made for nothing
            pass
        made = source.make(self.id, fresh=True)
        with self._unlocking.writing() as unsealed:
            before = unsealed.rows.opening()
            after, master = next_opening(made, source.name, before)
            damaged = unsealed.rewrap(master)
            unsealed.rows.set_opening(after)
        self._unlocking.retire(before, source)
        if damaged:
            self._report(f"{damaged} data keys were damaged already and could not be wrapped anew")

    def rebuild_lagging(self) -> None:
        """Set the lagging file aside, damaged or not, and begin a new one: what it held is fetched again, or lost
        without harm to a session.
        """
        self._lagging.rebuild()

    def accept(self) -> None:
        """Take the vault as it is: what it holds now becomes the high-water mark of every record."""
        positions: list[tuple[str, Position]] = []
        with self._sessions.transaction() as rows:
            rows.settle()
            for line in rows.listing():
                with suppress(SessionCorrupt):  # a damaged record has no position
                    if (sealed := rows.generation(line.name, line.generation)) is not None:
                        positions.append((line.name, position(rows, sealed)))
        self._marks.replace(positions)

    @property
    def key_source(self) -> str:
        """The kind of source the master key comes from (`telekeep.vault.keys`). Needs no key."""
        with self._sessions.reading() as rows:
            return rows.opening().source

    @property
    def key_missing(self) -> TelekeepError | None:
        """Why the master key cannot be found; None if it is there, or if only asking a person could tell.

        Opens nothing: a key that is there may still be another vault's.
        """
        return self._unlocking.missing()

    @property
    def moved(self) -> bool:
        """Whether the vault lay on another machine before. Whoever connects must refuse until `accept_move`."""
        with self._sessions.reading() as rows:
            return rows.machine() != machine.identity()

    def accept_move(self) -> None:
        """This machine is where the vault lives from now on: the other one must not use its keys any more."""
        with self._sessions.transaction() as rows:
            rows.set_machine(machine.identity())

    def close(self) -> None:
        """Close the files. A later call opens them again."""
        self._lagging.close()
        self._marks.close()
        self._sessions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- inside

    def _entry(self, header: Generation, fence: int) -> Entry:
        return entry_of(header, fence=fence, last_used_at=self._lagging.used([header.lease]).get(header.lease))

    def _admitted(self, name: str, lease: str, fence: int) -> Callable[[], None]:
        """Admit ``fence`` now; the returned function checks it again when the lagging file is locked."""
        with self._sessions.reading() as rows:
            in_force(rows, self._marks, name)
            newest = rows.fence(lease)
        check_fence(fence, newest)
        if fence > newest:
            self._marks.prepare()
            with self._sessions.transaction() as rows:
                sealed = in_force(rows, self._marks, name)
                rows.admit(lease, fence)
                here = position(rows, sealed)
            self._mark((name, here))

        def admit() -> None:
            with self._sessions.reading() as rows:
                check_fence(fence, rows.fence(lease))

        return admit

    def _seal_of_lagging(self) -> Seal:
        with self._unlocking.reading() as unsealed:
            seal = unsealed.lagging_seal()
        if seal is not None:
            return seal
        with self._unlocking.writing() as unsealed:
            return unsealed.lagging_seal() or unsealed.new_lagging_seal()

    def _prune(self, rows: Rows, name: str, now: float) -> tuple[str, ...]:
        """Drop the generations that may go; returns the lease names of keys that are in no record any more."""
        from telekeep.vault.history import Retention, surplus

        history = rows.history(name)
        numbers = surplus(history, self._retention or Retention(), now=now)
        rows.drop(name, numbers)
        return rows.unused({each.lease for each in history if each.generation in numbers})

    def _forget(self, leases: tuple[str, ...]) -> None:
        if leases:
            with suppress(StorageUnavailable):  # rows of a key that no record has: they may stay
                self._lagging.forget(leases)

    def _mark(self, *reached: tuple[str, Position]) -> None:
        """Set the marks of records, by name."""
        if not reached:
            return
        try:
            self._marks.raise_to(reached)
        except StorageUnavailable as error:  # the records are safe, their marks lag: the next read catches them up
            names = ", ".join(repr(name) for name, _ in reached)
            self._report(f"the high-water mark of {names} could not be set: {error.message}")

    def _report(self, what: str) -> None:
        import logging

        self.notices.append(what)
        logging.getLogger(__name__).warning("%s", what)


def _already(folder: Path) -> ConfigError:
    return ConfigError(f"There is a vault in {folder} already.", remedy="Open it, or choose another --home.")
