"""Which master key is in force, and when to ask its source again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionCorrupt, SessionSealed, TelekeepError
from telekeep.vault.stores.sessions import Opening, Sessions

if TYPE_CHECKING:
    from telekeep.vault.keys.source import KeySource, Made, Parameters
    from telekeep.vault.seal import Master
    from telekeep.vault.unsealed import Unsealed


class Unlocking:
    """Opens the sealed side of ``sessions``, and remembers the master key until somebody rotates it.

    The source may ask a person, so it is asked before the file is locked. Entering `reading` or `writing` raises
    SessionSealed if the key is missing or does not fit, ConfigError if its source cannot be used.
    """

    def __init__(self, sessions: Sessions, source: KeySource | None) -> None:
        self._sessions = sessions
        self._source = source
        self._opening: Opening | None = None
        self._master: Master | None = None

    @contextmanager
    def reading(self) -> Iterator[Unsealed]:
        """One view of the records, with the key that is in force for it."""
        from telekeep.vault.unsealed import Unsealed

        while True:
            with self._sessions.reading() as rows:
                opening = rows.opening()
                if self._master is not None and opening == self._opening:
                    yield Unsealed(rows, self._master)
                    return
            self._find(opening)

    @contextmanager
    def writing(self) -> Iterator[Unsealed]:
        """A transaction, with the key that is in force for it."""
        from telekeep.vault.unsealed import Unsealed

        while True:
            with self.reading():
                pass
            with self._sessions.transaction() as rows:
                if self._master is not None and rows.opening() == self._opening:  # else somebody has just rotated it
                    yield Unsealed(rows, self._master)
                    return

    def retire(self, old: Opening, new: KeySource) -> None:
        """Give up the key of ``old``; ``new`` is the source from now on."""
        from telekeep.vault.keys import source_for

        (self._source or source_for(old.source, parameters_of(old))).retire(old.vault_id, parameters_of(old))
        self._source, self._opening, self._master = new, None, None

    def missing(self) -> TelekeepError | None:
        """Why the source has no key for this vault; None if it has one, or if only a person or a desktop can tell."""
        from telekeep.vault.keys import CREDENTIAL, KEY_FILE, source_for

        with self._sessions.reading() as rows:
            opening = rows.opening()
        if opening.source not in (KEY_FILE, CREDENTIAL):
            return None
        parameters = parameters_of(opening)
        try:
            (self._source or source_for(opening.source, parameters)).masters(opening.vault_id, parameters)
        except TelekeepError as error:
            return error
        return None

    def _find(self, opening: Opening) -> None:
        """Ask for the key that ``opening`` wants."""
        from telekeep.vault.keys import source_for, worded
        from telekeep.vault.seal import Master

        parameters = parameters_of(opening)
        source = self._source or source_for(opening.source, parameters)
        if source.name != opening.source:
            raise SessionSealed(
                f"This vault takes its key from a {worded(opening.source)}, not from a {worded(source.name)}.",
                remedy=f"Give it its {worded(opening.source)}, or change the source with `telekeep vault rotate`.",
            )
        for material in source.masters(opening.vault_id, parameters):
            master = Master(material, opening.vault_id)
            if master.fits(opening.bound(), opening.verifier):
                self._opening, self._master = opening, master
                return
        raise SessionSealed(f"This {worded(opening.source)} does not open this vault: it gives another key.")


def first_opening(made: Made, kind: str, vault_id: str) -> tuple[Opening, Master]:
    """How a new vault is opened."""
    return _opening(made, kind, vault_id, epoch=1)


def next_opening(made: Made, kind: str, old: Opening) -> tuple[Opening, Master]:
    """How the vault of ``old`` is opened after a rotation. Raises ConfigError if the key is the one in force."""
    opening, master = _opening(made, kind, old.vault_id, epoch=old.epoch + 1)
    if master.fits(old.bound(), old.verifier):
        from telekeep.vault.keys import worded

        raise ConfigError(
            f"The {worded(kind)} gives the key that is in force already.", remedy="Give the source a new key first."
        )
    return opening, master


def _opening(made: Made, kind: str, vault_id: str, *, epoch: int) -> tuple[Opening, Master]:
    import json

    from telekeep.vault.seal import Master

    master = Master(made.material, vault_id)
    parameters = json.dumps(dict(made.parameters), separators=(",", ":"), sort_keys=True)
    opening = Opening(vault_id, kind, parameters, b"", epoch)
    return opening._replace(verifier=master.verifier(opening.bound())), master


def parameters_of(opening: Opening) -> Parameters:
    """What the key source of ``opening`` needs to know. Raises SessionCorrupt."""
    import json

    try:
        parameters = json.loads(opening.parameters)
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise SessionCorrupt("The vault does not say where its key is: its header is damaged.")
    return parameters
