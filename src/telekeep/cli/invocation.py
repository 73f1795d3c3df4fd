"""What one run of the command line was asked for, whatever the command: where, and how it is to be told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.cli.output import Output

if TYPE_CHECKING:
    from pathlib import Path

    from telekeep.keeper.keeper import Keeper


class Invocation(NamedTuple):
    """The global options of one run of the command line, merged from wherever they stood.

    ``home`` and ``network`` are None where neither an option nor TELEKEEP_HOME or TELEKEEP_NETWORK names one.
    """

    json: bool = False
    quiet: bool = False
    yes: bool = False
    home: Path | None = None
    network: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Invocation:
        """What was ``given`` on the command line, completed from ``environ``."""
        home = given.get("home") or environ.get("TELEKEEP_HOME")
        return cls(
            json=given.get("json", False),
            quiet=given.get("quiet", False),
            yes=given.get("yes", False),
            home=_path(home) if home else None,
            network=given.get("network") or environ.get("TELEKEEP_NETWORK") or None,
        )

    @property
    def out(self) -> Output:
        """Where this command prints."""
        return Output(json=self.json, quiet=self.quiet)

    def keeper(self) -> Keeper:
        """The keeper of this home and network; use it as a context manager.

        Its vault, if sealed with a passphrase, asks for it at the terminal when a record is first read. Floods that are
        waited out are shown on standard error.
        """
        keeper = self._keeper()
        if not (self.json or self.quiet):
            from telekeep.cli.waiting import Waits

            keeper.events.listen(Waits(self.out))
        return keeper

    def ask_daemon(self, verb: str, *, timeout: float = 30.0, **fields: Any) -> Any:
        """What the daemon answers to ``verb`` within ``timeout`` seconds; it is started if none runs."""
        from telekeep.borrow.asking import ask, home_of
        from telekeep.borrow.summon import summon

        with self.out.progress("Asking the daemon"):
            summon(self.home, self.network)
            return ask(home_of(self.home), verb, timeout=timeout, **fields)

    def _keeper(self) -> Keeper:
        from telekeep.cli.passphrase import at_terminal, passphrase
        from telekeep.keeper.keeper import Keeper
        from telekeep.vault.keys import PASSPHRASE
        from telekeep.vault.vault import Vault

        keeper = Keeper.open(home=self.home, network=self.network)
        if at_terminal() and Vault.exists(keeper.home.vault) and keeper.vault.key_source == PASSPHRASE:
            keeper.close()
            return Keeper.open(home=self.home, network=self.network, key_source=passphrase(new=False))
        return keeper


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text).expanduser()
