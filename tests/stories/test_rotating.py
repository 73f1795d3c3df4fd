"""The vault gets a new master key while a daemon lends from it: it goes on, and so do its borrowers, whoever is killed
in the middle.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from stories.borrowing.lending import Lending, line
from stories.conftest import PHONE
from telekeep.borrow import summon
from telekeep.cli.demo.stage import Said, Stage

PHRASE = "correct horse battery staple"
KILLED = """
import os, signal, sys
from telekeep.cli.main import main
from telekeep.vault.unlocking import Unlocking
from telekeep.vault.unsealed import Unsealed

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

where = {"before": (Unsealed, "rewrap"), "after": (Unlocking, "retire")}[sys.argv[1]]
setattr(*where, die)
main(["vault", "rotate", "--to", "passphrase"])
"""


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    kept.write("phrase", PHRASE + "\n")
    with Lending(kept) as lending:
        lending.ok("daemon", "start")
        yield lending
        lending.check()


def phrase(lending: Lending) -> dict[str, str]:
    return {"TELEKEEP_PASSPHRASE_FILE": str(lending.folder / "phrase")}


def rotate(lending: Lending, *words: str) -> Said:
    return lending.run("-m", "telekeep", "vault", "rotate", "--json", *words, environ=phrase(lending))


def serves(lending: Lending, borrower: subprocess.Popen[str], word: str) -> None:
    """A borrower hears, and the daemon opens the vault: it reads the sealed session, and writes a sealed loan."""
    lending.telegram("send", to=PHONE, text=word, count=1)
    while True:
        said = line(borrower)
        assert said.startswith("heard|"), (word, said, borrower.communicate())
        if said.endswith(f"|{word}"):
            break
    assert summon.ask(lending.where(), "status")["locked"] is False
    summon.ask(lending.where(), "lend", name="main", label=word)
    assert word in {each["label"] for each in lending.loans()}


def test_a_daemon_goes_on_with_every_new_key_whoever_is_killed_and_its_borrowers_notice_nothing(
    lending: Lending,
) -> None:
    borrower = lending.start("steady.py", "string", "one", environ={"SESSION": lending.lend()})
    while line(borrower) != "ready":
        pass
    pid, before = lending.daemon(), lending.stats()
    program = lending.stage.write("killed.py", KILLED)
    for when in ("before", "after"):  # the passphrase is in force
        assert lending.run(program, when, environ=phrase(lending)).code == -9
        serves(lending, borrower, f"killed {when} it")
    for kind in ("passphrase", "file"):
        said = rotate(lending, "--to", kind)
        assert said.code == 0 and not said.err and json.loads(said.out)["daemon"] is True, said
        serves(lending, borrower, f"rotated to a {kind}")
    assert (lending.daemon(), lending.stats()["connections"]) == (pid, before["connections"])
    assert "sealed" not in lending.log().lower()
    assert lending.run(program, "after", environ=phrase(lending)).code == -9
    lending.kill_daemon()  # and with it the only one that knew the key
    lending.ok("daemon", "start")
    assert summon.ask(lending.where(), "status")["locked"] is True
    summon.ask(lending.where(), "unlock", passphrase=PHRASE)
    serves(lending, borrower, "after all")
    assert {"killed before it", "rotated to a file"} <= {each["label"] for each in lending.loans()}
