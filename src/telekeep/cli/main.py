"""The door: which commands there are, how a run ends, and with which exit code.

A command's module is imported only when it is run, so that ``telekeep status`` and ``telekeep --help`` stay quick.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from telekeep.cli.command import Group, group, invocation_of
from telekeep.cli.output import Output, Unwritable
from telekeep.errors import TelekeepError
from telekeep.words import fitted

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 130
PIPE_CLOSED = 141  # what the shell reports of a program that SIGPIPE ended
UNEXPECTED = 8


class Listed(NamedTuple):
    """A command as the help page shows it, and where its object lies.

    ``brief``: it ends within milliseconds, and no garbage is collected meanwhile. ``speaks``: it speaks to Telegram.
    """

    place: str
    help: str
    brief: bool = False
    speaks: bool = False


COMMANDS: dict[str, dict[str, Listed]] = {
    "From nothing to a kept session, and in and out": {
        "auth": Listed("telekeep.cli.auth:auth", "Log in and keep the session", speaks=True),
        "generate": Listed("telekeep.cli.generate:generate", "Log in and make a session string", speaks=True),
        "check": Listed("telekeep.cli.check:check", "Check the format of a session file or string"),
        "import": Listed("telekeep.cli.import_:import_", "Keep a session that another program made"),
        "adopt": Listed("telekeep.cli.adopt:adopt", "Keep the session in a file, and leave a loan in its place"),
        "export": Listed("telekeep.cli.export:export", "Write a kept session for another program"),
        "convert": Listed("telekeep.cli.convert:convert", "Write a session in another format, without a vault"),
        "remove": Listed("telekeep.cli.remove:remove", "Set a kept session aside, or bring it back"),
        "list": Listed("telekeep.cli.list:list_", "Show which sessions are kept", brief=True),
    },
    "What is, and is it alive": {
        "status": Listed("telekeep.cli.status:status", "Age, size, holder, and what to do", brief=True),
        "test": Listed("telekeep.cli.test:test", "Ask Telegram whether a session is valid", speaks=True),
        "safety-check": Listed("telekeep.cli.safety_check:safety_check", "Say who uses a session, and if it is safe"),
    },
    "What is wrong, and mend it": {
        "diagnostics": Listed(
            "telekeep.cli.diagnostics:diagnostics", "Check everything, and say what to do", speaks=True
        ),
        "recover": Listed("telekeep.cli.recover:recover", "Mend what can be mended without you", speaks=True),
    },
    "Loans for other programs": {
        "lend": Listed("telekeep.cli.lend:lend", "Make a loan of a session for another program"),
        "run": Listed("telekeep.cli.run:run", "Run a program on a loan of a session"),
        "loans": Listed("telekeep.cli.loans:loans", "Show loans and who uses them, or end one"),
    },
    "Work on loans": {
        "archive": Listed(
            "telekeep.cli.archive:archive", "Keep messages: history and live, nothing twice", speaks=True
        ),
    },
    "A session's life": {
        "renew": Listed("telekeep.cli.renew:renew", "Put a new authorization in the place of the old", speaks=True),
        "fork": Listed("telekeep.cli.fork:fork", "Make a second authorization, for another place", speaks=True),
        "exposed": Listed("telekeep.cli.exposed:exposed", "Somebody may have the key: make it worthless", speaks=True),
        "backup": Listed("telekeep.cli.backup:backup", "Make one sealed, verified archive of sessions"),
        "history": Listed("telekeep.cli.history:history", "Show which generations of a session are stored"),
        "restore": Listed(
            "telekeep.cli.restore:restore", "Put sessions back, from a backup or a generation", speaks=True
        ),
        "devices": Listed("telekeep.cli.devices:devices", "Who is logged in to the account; end a login", speaks=True),
        "vault": Listed("telekeep.cli.vault:vault", "The sealed vault: its key, its machine, its marks"),
        "unlock": Listed("telekeep.cli.unlock:unlock", "Give the daemon the vault's passphrase, for a time"),
        "lock": Listed("telekeep.cli.lock:lock", "Let the daemon forget the vault's key"),
    },
    "The owner process": {
        "daemon": Listed("telekeep.cli.daemon:daemon", "Start, stop, restart or look at the daemon"),
        "jobs": Listed("telekeep.cli.jobs:jobs", "Commands and programs that the daemon keeps going"),
        "worker": Listed("telekeep.cli.worker:worker", "A Celery worker whose tasks borrow sessions"),
    },
    "Telegram on loopback": {
        "emulator": Listed("telekeep.cli.emulator:emulator", "Run a Telegram of your own, offline"),
        "demo": Listed("telekeep.cli.demo:demo", "The whole story, told on the emulator"),
    },
}


class _Lazy(Group):
    """The group of all commands, which imports the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for listed in COMMANDS.values() for name in listed]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for listed in COMMANDS.values():
            if name in listed:
                if listed[name].brief:
                    gc.disable()
                if listed[name].speaks:
                    _hush()
                module, _, attribute = listed[name].place.partition(":")
                found: click.Command = getattr(import_module(module), attribute)
                return found
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, listed in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, each.help) for name, each in listed.items()])


@group(cls=_Lazy, epilog="Example: telekeep auth main\nHelp for one command: telekeep COMMAND --help")
@click.option("--version", is_flag=True, help="Print the version.")
def telekeep(version: bool) -> None:
    """Keep Telegram sessions: log in once, seal the key, let exactly one process speak with it."""
    if version:
        from importlib.metadata import version as installed

        click.echo(f"telekeep {installed('telekeep')}")
        click.get_current_context().exit(0)


def _hush() -> None:
    """Keep Telethon's own log lines off the terminal; a program that has set up logging goes on getting them."""
    import logging

    telethon = logging.getLogger("telethon")
    if not telethon.hasHandlers():  # what nobody handles, Python prints
        telethon.addHandler(logging.NullHandler())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever happens, it ends in words and not in a traceback."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    try:
        return _carried_out(arguments)
    except BrokenPipeError:
        _close_quietly()
        return PIPE_CLOSED
    except Unwritable as error:  # an exit code of its own: 1 would say that a good session needs a login
        _close_quietly()
        with suppress(OSError):
            sys.stderr.write(f"✗ What was to be said cannot be written: {error.reason}.\n")
        return UNEXPECTED
    finally:
        gc.enable()


def _prepare_streams() -> None:
    """A stream that was closed by whoever started us goes nowhere; a terminal without ✓ is no reason to fail."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, StringIO())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _carried_out(arguments: list[str]) -> int:
    """Run the command, and say how it ended. Raises only what standard output or standard error raise."""
    given = arguments[: arguments.index("--")] if "--" in arguments else arguments
    out = Output(json="--json" in given)
    context = None
    try:
        context = telekeep.make_context("telekeep", arguments)
        with context:
            code = telekeep.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except Exception as error:
        return told(error, out, root=_root(context))
    except KeyboardInterrupt as error:
        return told(error, out)


def _root(context: click.Context | None) -> Path | None:
    """The home that was named, for the log; None too if that very name is what is wrong."""
    with suppress(RuntimeError):
        return invocation_of(context).home if context else None
    return None


def told(error: BaseException, out: Output, name: str | None = None, root: Any = None) -> int:
    """Say how a command failed; its exit code. ``name``: the session's, for the remedy; ``root``: the home's.

    Raises what standard output or standard error raise.
    """
    try:
        raise error
    except (BrokenPipeError, Unwritable):
        raise
    except (KeyboardInterrupt, click.Abort, EOFError):
        if sys.stderr.isatty():
            sys.stderr.write("\n")  # after the ^C
        at_a_question = not isinstance(error, KeyboardInterrupt)
        message = "Stopped. Nothing was changed." if at_a_question else "Stopped. What was done before that stays done."
        out.error({"error": "Interrupted", "message": message, "remedy": None})
        return INTERRUPTED
    except click.ClickException as error:
        out.error(_usage(error))
        return 2
    except TelekeepError as error:
        error.remedy = fitted(error.remedy, name)
        out.error(described(error))
        return error.exit_code
    except Exception as error:
        from telekeep.cli.unexpected import mistyped, report

        if (why := mistyped(error)) is not None:
            out.error({"error": "Usage", "message": why, "remedy": "Write it in full, from / on."})
            return 2
        out.error(report(error, root=root))
        return UNEXPECTED


def described(error: TelekeepError) -> dict[str, Any]:
    """What is printed of an error: class, message, remedy and its own fields."""
    return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy, **error.fields()}


def _usage(error: click.ClickException) -> dict[str, Any]:
    from telekeep.cli.arguments import withheld

    context = getattr(error, "ctx", None)
    message = " ".join(error.format_message().split())  # click lists choices on lines of their own
    remedy = getattr(error, "remedy", None) or f"See `{context.command_path if context else 'telekeep'} --help`."
    if isinstance(error, click.NoSuchOption):
        message = f"There is no option {error.option_name}."
        if error.possibilities:
            remedy = f"Did you mean {_nearest(error.option_name, error.possibilities)}?"
    return {"error": "Usage", "message": withheld(message), "remedy": remedy}


def _nearest(typed: str, known: Sequence[str]) -> str:
    from difflib import SequenceMatcher

    return max(sorted(known), key=lambda each: SequenceMatcher(None, typed, each).ratio())


def _close_quietly() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """The console script."""
    code = main()
    gc.freeze()  # what is left goes with the process: searching it for garbage first takes 8 ms
    sys.exit(code)
