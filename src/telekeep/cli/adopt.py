"""``telekeep adopt``: keep the session that lies in a file, and leave a loan in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import FULL, GRANT, NEW_NAME, is_there, refuse_string
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.output import style
from telekeep.cli.span import SPAN
from telekeep.errors import TelekeepError

if TYPE_CHECKING:
    from telekeep.keeper.adopt.verb import Outcome, Terms
    from telekeep.keeper.keeper import Keeper

RULE = (
    "From now on whoever starts a program with it uses the real key, and telekeep cannot know when. So no part of "
    "telekeep connects with that key until the file is adopted again: two users at once would end the login."
)


@command(
    epilog="Examples: telekeep adopt bot.session\n"
    "          telekeep adopt .env accounts.json --grant read-only\n"
    "          telekeep adopt --undo bot.session"
)
@click.argument("files", metavar="FILE…", nargs=-1)
@click.option("--as", "name", type=NEW_NAME, help="What to call the session (default: the file's name).")
@click.option(
    "--grant", metavar="PROFILE", type=GRANT, default=FULL, show_default=True, help="What the loan may do; see lend."
)
@click.option("--for", "seconds", type=SPAN, metavar="SPAN", help="How long the loan lasts, such as 8h or 30d.")
@click.option("--undo", is_flag=True, help="Put the real key back, and end the loan.")
@click.option("--list", "listed", is_flag=True, help="Show what was adopted, and what the files hold now.")
@click.option("--forget", is_flag=True, help="Forget a file that was deleted or holds another login now.")
def adopt(
    invocation: Invocation,
    files: tuple[str, ...],
    name: str | None,
    grant: str,
    seconds: float | None,
    undo: bool,
    listed: bool,
    forget: bool,
) -> int:
    """Keep the session that lies in a file, and leave a loan in its place: the program that reads it goes on unchanged.

    FILE: a Telethon session file, a text with a session string alone on a line, or a JSON or .env file with one among
    its values. Stop the program first; start it again afterwards. The file's original is sealed in the vault.
    """
    if undo + listed + forget > 1:
        raise Usage("Choose one of --undo, --list and --forget.")
    if listed:
        return _list(invocation)
    if not files:
        raise Usage("Which file?", remedy="Name one or more: telekeep adopt bot.session")
    if name and len(files) > 1:
        raise Usage("--as names one session.", remedy="Adopt the files one at a time, or leave --as away.")
    for each in files:
        refuse_string(each, how="Name the file that holds it.")
        if not is_there(each) and not forget:
            raise Usage(f"There is no file {each!r} here.", remedy="Nothing was done to the others either.")
    from telekeep.keeper.adopt.verb import Terms

    how = "undo" if undo else "forget" if forget else "adopt"
    terms = Terms(name, grant, seconds, invocation.yes)
    results = []
    with invocation.keeper() as keeper:
        if how == "adopt":
            _summon(invocation)
        for file in files:
            with invocation.out.progress(f"{file}"):
                results.append(_done(keeper, file, how, terms))
    _show(invocation, results, how)
    return max(int(each["exit_code"]) for each in results)


def _summon(invocation: Invocation) -> None:
    """Have a daemon before anything is changed."""
    from telekeep.borrow.summon import summon

    summon(invocation.home, invocation.network)


def _done(keeper: Keeper, file: str, how: str, terms: Terms) -> dict[str, Any]:
    """One file: what became of it, as ``--json`` shows it."""
    from telekeep.keeper.adopt.undo import forget, undo
    from telekeep.keeper.adopt.verb import adopt

    path = Path(file)
    verbs = {"undo": undo, "forget": forget}
    try:
        outcome = verbs[how](keeper, path) if how in verbs else adopt(keeper, path, terms)
    except TelekeepError as error:
        return {"file": file, "state": "failed", "sessions": [], "notes": [], **_failure(error)}
    result = {
        "file": file,
        "path": str(outcome.path),
        "state": outcome.state,
        "done": outcome.done,
        "kind": outcome.kind,
        "sessions": [{"where": each.where, "name": each.name, "loan": each.loan} for each in outcome.held],
        "notes": list(outcome.notes),
        "error": None,
        "exit_code": 0,
    }
    if how == "adopt":
        result |= _owned(keeper, outcome)
    return result


def _owned(keeper: Keeper, outcome: Outcome) -> dict[str, Any]:
    """Have the daemon own the sessions. What it says against that is the result of a file that is adopted all the same:
    its program is told the same when it starts.
    """
    from telekeep.keeper.handover import ask

    for name in dict.fromkeys(each.name for each in outcome.held):
        try:
            ask(keeper, "server_key", name=name)
        except TelekeepError as error:
            return _failure(error)
    return {}


def _failure(error: TelekeepError) -> dict[str, Any]:
    from telekeep.cli.main import described

    return {"error": described(error), "exit_code": error.exit_code}


def _show(invocation: Invocation, results: list[dict[str, Any]], how: str) -> None:
    from telekeep.keeper.adopt.verb import OTHER_DCS

    for each in results:
        told = f"{each['file']}: " if len(results) > 1 else ""
        invocation.out.warn(*(told + note for note in each["notes"]))
    if not invocation.json:
        for each in results:
            if each["error"]:
                message = f"{each['file']}: {each['error']['message']}"
                invocation.out.error({**each["error"], "message": message})
    changed = [each for each in results if each.get("done") and each["state"] != "failed"]
    said = {"undo": RULE, "adopt": OTHER_DCS}.get(how, "") if changed else ""
    lines = [] if invocation.quiet else _table(results)
    invocation.out.data({"files": results, "note": said or None}, lines)
    if said:
        invocation.out.note(said)


def _table(results: list[dict[str, Any]]) -> list[str]:
    from telekeep.cli.shelf import table

    rows = [("FILE", "SESSION", "LOAN", "STATE")]
    for each in results:
        state = _state(each)
        for session in each["sessions"] or [{"name": "-", "loan": "-", "where": ""}]:
            where = f" ({session['where']})" if len(each["sessions"]) > 1 else ""
            rows.append((each["file"] + where, session["name"], session["loan"], state))
    return table(rows)


def _state(result: dict[str, Any]) -> str:
    if result["state"] == "failed":
        return style("✗ " + result["error"]["error"], "bad")
    if not result["done"]:
        return f"already {result['state']}"
    return f"{result['state']}, but {result['error']['error']}" if result["error"] else str(result["state"])


def _list(invocation: Invocation) -> int:
    from telekeep.cli.shelf import table
    from telekeep.keeper.adopt.listing import listing
    from telekeep.vault.vault import Vault

    with invocation.keeper() as keeper:
        found = listing(keeper) if Vault.exists(keeper.home.vault) else []
    facts: list[dict[str, Any]] = [
        {
            "path": each.adoption.path,
            "kind": each.adoption.kind,
            "state": each.state,
            "at": each.adoption.at,
            "sessions": [{"where": one.where, "name": one.name, "loan": one.loan} for one in each.adoption.held],
            "remedy": each.remedy or None,
        }
        for each in found
    ]
    if invocation.json or not found:
        invocation.out.data({"adopted": facts}, ["No file was adopted."])
        return 0
    rows = [("FILE", "SESSION", "LOAN", "STATE", "WHAT TO DO")]
    for fact in facts:
        for one in fact["sessions"]:
            rows.append((fact["path"], one["name"], one["loan"], fact["state"], fact["remedy"] or "-"))
    invocation.out.data({}, table(rows))
    return 0
