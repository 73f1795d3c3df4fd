"""``telekeep exposed``: a session string, file or key may have been seen by somebody else. All that is to be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, command
from telekeep.cli.options import IF_A_CODE_IS_NEEDED
from telekeep.cli.renew import answers, doing, known, prompt_for
from telekeep.words import moment

if TYPE_CHECKING:
    from telekeep.keeper.exposed import Exposed
    from telekeep.keeper.keeper import Keeper

_LABEL = ".env"


@command(epilog="Examples: telekeep exposed main\n          telekeep exposed main --password-file pw --yes")
@click.argument("name", type=NAME)
@answers
@IF_A_CODE_IS_NEEDED
@click.option("--env-file", type=click.Path(path_type=Path), default=Path(".env"), help="Where it may stand (.env).")
def exposed(
    invocation: Invocation,
    name: str,
    password_file: str | None,
    bot_token_file: str | None,
    force: bool,
    phone: str | None,
    code: str | None,
    env_file: Path,
) -> int:
    """Somebody may have the key of NAME: make it worthless, and go on.

    Logins that the daemon's watch has called strangers are ended first, by the old authorization: Telegram lets a login
    end others only when it is older than 24 hours; for those it could not end, the daemon is given a job. Then the
    session is renewed, and the leaked authorization logs itself out: whoever has its key has nothing any more. Programs
    that borrow go on. If the leaked string stands in .env, a loan takes its place. Your phone stays logged in.

    If Telegram has ended the login already (a key that is used twice), a code is needed.
    """
    import asyncio

    from telekeep.keeper import exposed as verb

    prompt = prompt_for(invocation, password_file=password_file, bot_token_file=bot_token_file, phone=phone, code=code)
    confirm(invocation, f"Make a new authorization for {name}, and end the old one and the strangers?")
    with invocation.keeper() as keeper:
        leaked_in = _leaked_in(keeper, name, env_file)
        with doing(invocation, f"Making another authorization beside that of {name}"):
            found = asyncio.run(verb.answer(keeper, name, prompt, force=force))
        now = keeper.clock.wall()
    rewritten = _rewritten(invocation, name, env_file, leaked_in)
    jobs = _scheduled(invocation, name, found) if found.left else []
    facts = {
        **found.renewal.facts(),
        "strangers_ended": [each._asdict() for each in found.ended],
        "strangers_left": [each._asdict() for each in found.left],
        "allowed_at": found.allowed_at,
        "jobs": jobs,
        "was_over": found.was_over,
        "files": rewritten,
    }
    invocation.out.data(facts, () if invocation.quiet else _lines(name, found, rewritten, jobs, now))
    return 0 if found.renewal.ended and not found.left else 8


def _lines(name: str, found: Exposed, rewritten: list[str], jobs: list[str], now: float) -> list[str]:
    from telekeep.cli.device_table import told

    renewal = found.renewal
    lines = [f"✓ {name} goes on with a new authorization (generation {renewal.generation}, {known(renewal)})."]
    if found.was_over:
        lines.append("✓ The old one was over already: Telegram had ended it.")
    elif renewal.ended:
        lines.append("✓ The leaked one has logged itself out: whoever has its key has nothing any more.")
    else:
        lines.append(f"✗ The leaked one is not ended yet: {renewal.why} → telekeep recover {name}")
    lines += [f"✓ Ended: {told(each, now)}." for each in found.ended]
    if found.allowed_at is not None:
        lines += [f"✗ Still logged in, and not known here: {told(each, now)}." for each in found.left]
        lines.append(
            f"→ The new login may end it from {moment(found.allowed_at)} on; "
            + (f"the daemon does it then ({', '.join(jobs)}). " if jobs else "")
            + "Sooner: Settings › Devices on your phone."
        )
    lines += [f"✓ {each}: a loan stands in the place of the leaked string." for each in rewritten]
    if found.others:
        lines.append(f"  {len(found.others)} other logins were there before. Are they yours? telekeep devices {name}")
    return [*lines, "  Was the two-step verification password seen, too? Change it on your phone."]


def _leaked_in(keeper: Keeper, name: str, path: Path) -> list[str]:
    """The variables of a ``.env`` that hold the key which is in force now."""
    from telekeep.errors import TelekeepError
    from telekeep.session import formats
    from telekeep.settings import parse_dotenv

    try:
        key = keeper.vault.load(name).auth_key
        values = parse_dotenv(path.read_text())
    except (OSError, UnicodeDecodeError, TelekeepError):
        return []
    found = []
    for variable, value in values.items():
        try:
            if formats.read(value.encode()).auth_key == key:
                found.append(variable)
        except TelekeepError:
            continue
    return found


def _rewritten(invocation: Invocation, name: str, path: Path, variables: list[str]) -> list[str]:
    from telekeep.cli.lend import STRING, lent, written
    from telekeep.secret import Secret
    from telekeep.settings import update_dotenv

    for variable in variables:
        given = lent(invocation, name, _LABEL, "full", None)
        update_dotenv(path, variable, Secret(written(given, STRING)))
    return [f"{path} ({variable})" for variable in variables]


def _scheduled(invocation: Invocation, name: str, found: Exposed) -> list[str]:
    """A job for each stranger that is left: it is ended as soon as the new login may do it."""
    from telekeep.borrow.asking import home_of
    from telekeep.cli.device_table import number
    from telekeep.cli.jobs import ask_daemon
    from telekeep.work.jobs import table
    from telekeep.work.jobs.job import make
    from telekeep.work.jobs.schedule import Schedule

    where, made = home_of(invocation.home), []
    known: Any = table.read(where)
    names = {f"revoke-{name.replace('@', '-')}-{number(each)}": each for each in found.left}
    before = [job for job in names if job in known]
    for job in before:  # of an earlier time, which may have been too early
        table.remove(where, job)
    if before:
        ask_daemon(invocation, "jobs_changed")  # and what became of it is forgotten
    for job, each in names.items():
        words = ("devices", "revoke", name, number(each), "--if-there", "--yes")
        table.add(where, make(job, words, Schedule(at=found.allowed_at), name))
        made.append(job)
    ask_daemon(invocation, "jobs_changed")
    return made
