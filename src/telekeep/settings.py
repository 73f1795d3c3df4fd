"""What the user has set: by flags, in the environment, in ``.env``, in ``config.json``. Read once, then frozen.

A flag overrides the rest openly. Of the rest, two that disagree are an error that names both: guessing would mean to
speak as the wrong account. Names: TELEGRAM_API_ID, TELEGRAM_API_HASH, TELEGRAM_PHONE, TELEGRAM_SESSION_STRING (some
programs: TELEGRAM_SESSION), PORT, TELEKEEP_AGE_DAYS, TELEKEEP_HEALTH_HOURS, TELEKEEP_FLOOD_SECONDS,
TELEKEEP_LOG_FORMAT and TELEKEEP_ALARM_COMMAND; in config.json the object TELEGRAM_CONFIG with API_ID, API_HASH,
PHONE_NUMBER and SESSION_FILE.

``.env`` is read as python-dotenv reads it, without its ``${…}``. The parser is ours because a line must also be changed
with everything around it left as it is, and python-dotenv's own update keeps neither style nor duplicates straight.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from telekeep.errors import ConfigError
from telekeep.paths import write_atomically
from telekeep.secret import Secret

SESSION_NAMES = ("TELEGRAM_SESSION_STRING", "TELEGRAM_SESSION")
"""What programs call the variable that holds a session string; the first is the usual one."""

LOG_FORMATS = ("plain", "json")

_LARGEST = 1 << 20  # bytes of a .env or config.json
_DOTENV = Path(".env")
_CONFIG = Path("config.json")
_STEPS = (
    "Get them at https://my.telegram.org/apps: log in, open “API development tools”, create an app, note its id "
    "and its 32-character hash, and set TELEGRAM_API_ID and TELEGRAM_API_HASH, in .env for example."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set; None for what is not.

    ``age_days``: days without an authorized use after which a session is idle, worth a look, overdue.
    ``health_hours``: hours between two checks of a session by the daemon, 0 for none. ``log_format``: of the daemon's
    log, "plain" or "json". ``flood_seconds``: flood waits up to this are waited out, longer ones raise FloodWait at
    once. ``alarm_command``: the words of a program that the daemon runs at an alarm. ``sources`` says for each field
    that is set where it came from.
    """

    api_id: int | None = None
    api_hash: Secret | None = None
    phone: str | None = field(default=None, repr=False)
    session_string: Secret | None = None
    session_file: Path | None = None
    port: int | None = None
    age_days: tuple[float, float, float] = (14.0, 30.0, 90.0)
    health_hours: float = 6.0
    log_format: str = "plain"
    flood_seconds: float = 60.0
    alarm_command: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)


def require_application(settings: Settings) -> tuple[int, Secret]:
    """The api id and hash. Raises ConfigError with the steps to get them if one is missing."""
    if settings.api_id is not None and settings.api_hash is not None:
        return settings.api_id, settings.api_hash
    wanted = {"the API id": settings.api_id, "the API hash": settings.api_hash}
    missing = [name for name, value in wanted.items() if value is None]
    lacking = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
    raise ConfigError(f"Telegram asks which application this is: {lacking}.", remedy=_STEPS)


# ---- the values, each with its one rule


def parse_api_id(text: str) -> int:
    """Telegram's number of an application; positive, 31 bits (TL int)."""
    if not re.fullmatch(r"[0-9]{1,10}", text.strip()) or not 0 < int(text) < 1 << 31:
        raise ConfigError("An API id is a positive number.", remedy=_STEPS)
    return int(text)


def parse_api_hash(text: str) -> Secret:
    """Telegram's secret of an application: 32 hexadecimal digits."""
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text.strip()):
        raise ConfigError("An API hash has 32 hexadecimal digits.", remedy=_STEPS)
    return Secret(text.strip().lower().encode())


def parse_phone(text: str) -> str:
    """A phone number with its country code, as ``+14155552671``: blanks, dashes, dots and brackets are dropped."""
    digits = re.sub(r"[\s().\-\u2010-\u2014\u00a0]", "", text)
    digits = digits.removeprefix("+") if digits.startswith("+") else digits.removeprefix("00")
    if not re.fullmatch(r"[1-9][0-9]{6,14}", digits, re.ASCII):
        raise ConfigError(
            "A phone number has 7 to 15 digits, the country code first.", remedy="Write it in full: +14155552671."
        )
    return f"+{digits}"


def parse_port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    if not re.fullmatch(r"[0-9]{1,5}", text.strip()) or not 0 < int(text) < 65536:
        raise ConfigError("A port is a number from 1 to 65535.", remedy="Choose one, 8080 for example.")
    return int(text)


def parse_age_days(text: str) -> tuple[float, float, float]:
    """Three growing numbers of days, as ``14,30,90``."""
    try:
        idle, consider, overdue = (float(part) for part in text.split(","))
    except ValueError:
        idle = consider = overdue = 0.0
    if not 0 < idle < consider < overdue < 1e6:
        raise ConfigError("An age policy is three growing numbers of days.", remedy="Write: 14,30,90")
    return idle, consider, overdue


def parse_health_hours(text: str) -> float:
    """Hours between two checks: 0, or from a quarter of an hour to 30 days."""
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if hours != 0 and not 0.25 <= hours <= 720:
        raise ConfigError(
            "The time between two checks is a number of hours from 0.25 to 720, or 0 for none.", remedy="Write: 6"
        )
    return hours


def parse_log_format(text: str) -> str:
    """``plain`` or ``json``."""
    if text.strip().lower() not in LOG_FORMATS:
        raise ConfigError("A log is plain or json.", remedy="Write: json")
    return text.strip().lower()


def parse_flood_seconds(text: str) -> float:
    """Seconds of a flood wait that are waited out: 0 to a day."""
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text.strip()) or float(text) > 86_400:
        raise ConfigError(
            "TELEKEEP_FLOOD_SECONDS is a number of seconds, at most 86400.",
            remedy="Write 60, or 0 to wait for nothing.",
        )
    return float(text)


def parse_command(text: str) -> tuple[str, ...]:
    """A program and its arguments, split as a shell would; nothing else is done that a shell does."""
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise ConfigError(
            "TELEKEEP_ALARM_COMMAND is not a command: a quotation mark is not closed.",
            remedy="Write a program and its arguments: /usr/local/bin/telekeep-alarm --mail me",
        ) from None


def _secret(text: str) -> Secret:
    return Secret(text.encode("utf-8", "surrogateescape"))


class _Setting(NamedTuple):
    parse: Callable[[str], Any]
    names: tuple[str, ...]  # in the environment and in .env
    key: str | None = None  # in config.json


_SETTINGS = {
    "api_id": _Setting(parse_api_id, ("TELEGRAM_API_ID",), "API_ID"),
    "api_hash": _Setting(parse_api_hash, ("TELEGRAM_API_HASH",), "API_HASH"),
    "phone": _Setting(parse_phone, ("TELEGRAM_PHONE",), "PHONE_NUMBER"),
    "session_string": _Setting(_secret, SESSION_NAMES),
    "session_file": _Setting(Path, (), "SESSION_FILE"),
    "port": _Setting(parse_port, ("PORT",)),
    "age_days": _Setting(parse_age_days, ("TELEKEEP_AGE_DAYS",)),
    "health_hours": _Setting(parse_health_hours, ("TELEKEEP_HEALTH_HOURS",)),
    "log_format": _Setting(parse_log_format, ("TELEKEEP_LOG_FORMAT",)),
    "flood_seconds": _Setting(parse_flood_seconds, ("TELEKEEP_FLOOD_SECONDS",)),
    "alarm_command": _Setting(parse_command, ("TELEKEEP_ALARM_COMMAND",)),
}


# ---- reading


def read(
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = _DOTENV,
    config: Path | None = _CONFIG,
    *,
    flags: Mapping[str, str | int | None] | None = None,
    only: Collection[str] | None = None,
) -> Settings:
    """All settings from all sources.

    ``environ`` defaults to the process's own; ``flags`` are keyed by the fields of `Settings`. A file that is absent is
    no source. ``only``: look at these fields alone, whatever is wrong with the others. Raises ConfigError for a file
    that cannot be read, a value that breaks its rule, and sources that differ.
    """
    environment = os.environ if environ is None else environ
    in_dotenv = parse_dotenv(_text(dotenv) or "") if dotenv else {}
    in_config = _config(config) if config else {}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, setting in _SETTINGS.items():
        if only is not None and name not in only:
            continue
        given = [(f"--{name.replace('_', '-')}", (flags or {}).get(name))]
        if given[0][1] is None:
            given = [(f"{known} in the environment", environment.get(known)) for known in setting.names]
            given += [(f"{known} in {dotenv}", in_dotenv.get(known)) for known in setting.names]
            given += [(f"TELEGRAM_CONFIG.{setting.key} in {config}", in_config.get(setting.key or ""))]
        found = [(source, _parsed(setting, source, str(text))) for source, text in given if text not in (None, "")]
        for source, value in found:
            if value != found[0][1]:
                raise ConfigError(
                    f"{found[0][0]} and {source} differ.",
                    remedy="Keep one of them: which account is meant is yours to say.",
                )
        if found:
            sources[name], values[name] = found[0]
    if config and "session_file" in values:
        values["session_file"] = config.parent / values["session_file"]
    return Settings(**values, sources=sources)


def _parsed(setting: _Setting, source: str, text: str) -> Any:
    try:
        return setting.parse(text)
    except ConfigError as error:
        # Without the text: people put a hash where the id belongs.
        raise ConfigError(f"{source} is malformed. {error.message}", remedy=error.remedy) from None


def _config(path: Path) -> Mapping[str, Any]:
    text = _text(path)
    if text is None or "TELEGRAM_CONFIG" not in text:
        return {}  # somebody else's config.json, whatever its syntax
    import json

    try:
        found = json.loads(text.removeprefix("\ufeff"))["TELEGRAM_CONFIG"]
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path} is not JSON: line {error.lineno}, {error.msg}.") from None
    except (KeyError, TypeError, RecursionError):
        found = None
    ours = [setting.key for setting in _SETTINGS.values() if setting.key]
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str | int | None) for key in ours):
        raise ConfigError(
            f"TELEGRAM_CONFIG in {path} is not an object, or what it says is neither text nor number.",
            remedy='Write: {"TELEGRAM_CONFIG": {"API_ID": 12345, "API_HASH": "…"}}',
        )
    return found


def _text(path: Path) -> str | None:
    """The text of a small regular file; None if there is none. Bytes that are no UTF-8 survive a round trip."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"{path} is not a regular file.", remedy="Put a regular file there.")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", remedy="Mend its permissions.") from None
    if len(content) > _LARGEST:
        raise ConfigError(f"{path} is too large for settings.", remedy="Is it the right file?")
    return content.decode("utf-8", "surrogateescape")


# ---- .env

# The grammar of python-dotenv's parser.py: a quoted value may span lines, a comment needs a blank before it. Possessive
# quantifiers (*+): whatever the file holds, time grows with its length.
_BINDING = r"""
    (?P<head> [^\S\r\n]*+ (?:export[^\S\r\n]++)? )
    (?P<name> [^=\#\s'"]++ | '[^'\r\n]++' )
    (?P<equals> [^\S\r\n]*+ =? [^\S\r\n]*+ )
    (?: (?P<quoted> '(?:\\'|[^'])*' | "(?:\\"|[^"])*" ) (?P<tail> [^\S\r\n]*+ (?:\#[^\r\n]*+)? )
      | (?P<bare> (?!['"])[^\r\n]*+ ) )
    (?P<end> \r\n | \n | \r | \Z )"""
_LINE = r"[^\r\n]*+(?P<end>\r\n|\n|\r|\Z)"
_BROKEN = r"[^\S\r\n]*+(?:export[^\S\r\n]++)?'?(?P<name>[^=#\s'\"]++)'?[^\S\r\n]*+="
_COMMENT = r"[^\S\r\n]#"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BARE = r"[A-Za-z0-9_@%+=:,./-]*"  # what every shell and every dotenv reads as it stands


class _Piece(NamedTuple):
    """A binding with all its lines, or one other line: what stands before the value, the value, what stands after it.

    ``name`` is also set for a binding that is broken; ``value``, with its quotes, is None then.
    """

    before: str
    value: str | None = None
    after: str = ""
    end: str = ""
    name: str | None = None

    @property
    def text(self) -> str:
        return f"{self.before}{self.value or ''}{self.after}{self.end}"


def _pieces(text: str) -> Iterator[_Piece]:
    grammar, line = re.compile(_BINDING, re.VERBOSE), re.compile(_LINE)  # here, so that no .env costs nothing
    place = 0
    if text.startswith("\ufeff"):
        yield _Piece(text[0])
        place = 1
    while place < len(text):
        found = grammar.match(text, place)
        if found and "=" in found["equals"]:
            yield _binding(found)
        else:
            found = line.match(text, place)
            assert found  # a line is anything
            broken = re.match(_BROKEN, found[0])
            yield _Piece(found[0].removesuffix(found["end"]), None, "", found["end"], broken and broken["name"])
        place = found.end()


def _binding(found: re.Match[str]) -> _Piece:
    before = f"{found['head']}{found['name']}{found['equals']}"
    value, after = found["quoted"], found["tail"]
    if value is None:
        rest = before[len(before.rstrip()) :] + found["bare"]  # from the = on: a comment may follow it directly
        comment = re.search(_COMMENT, rest)
        value = (rest[: comment.start()] if comment else rest).strip()
        if value:
            after = found["bare"][len(value) :]
        else:
            before, after = before.rstrip(), rest
    return _Piece(before, value, after, found["end"], found["name"].strip("'"))


class Binding(NamedTuple):
    """A variable in the text of a ``.env``: its value, and where that stands, with its quotes, in the text."""

    name: str
    value: str
    start: int
    end: int


def bindings(text: str) -> Iterator[Binding]:
    """Every variable in the text of a ``.env``, in order; of several of one name, all. Broken lines are left out."""
    place = 0
    for piece in _pieces(text):
        start = place + len(piece.before)
        if piece.name is not None and piece.value is not None:
            yield Binding(piece.name, _unquoted(piece.value), start, start + len(piece.value))
        place += len(piece.text)


def parse_dotenv(text: str) -> dict[str, str]:
    """The values in the text of a ``.env``; of several lines of one name, the last counts. Broken lines do not."""
    return {each.name: each.value for each in bindings(text)}


def _unquoted(value: str) -> str:
    if value[:1] == "'":
        return re.sub(r"\\([\\'])", r"\1", value[1:-1])
    if value[:1] == '"':
        return re.sub(r"\\([\\'\"abfnrtv])", lambda found: _ESCAPES.get(found[1], found[1]), value[1:-1])
    return value.rstrip()


def update_dotenv(path: Path, name: str, value: str | Secret) -> None:
    """Set ``name`` to ``value`` in the ``.env`` at ``path``, which need not exist yet.

    Afterwards exactly one line has that name: of several, the last is changed, as it is the one that counted, and the
    others go. Everything else stays, down to quotes, ``export`` and line ends. The file is replaced whole or not at
    all, with mode 0600 from its first byte. Raises ConfigError for a link, what is no file, or a quote in it that is
    not closed and would swallow the value; StorageUnavailable if the disk refuses.
    """
    text = value.reveal().decode() if isinstance(value, Secret) else value
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError(f"{name} cannot be set to such a value in a .env")
    if path.is_symlink():
        raise ConfigError(f"{path} is a link; it is not written through.", remedy="Name the file it points to.")
    before = _text(path) or ""
    wanted = {**parse_dotenv(before), name: text}
    for quote in ("", "'", '"'):
        after = _with(before, name, text, quote)
        if parse_dotenv(after) == wanted:
            return write_atomically(path, after.encode("utf-8", "surrogateescape"), mode=0o600)
    raise ConfigError(
        f"{path} has a quote that is opened and never closed; nothing was written.",
        remedy=f"Close it, or set {name} by hand.",
    )


def _with(before: str, name: str, text: str, quote: str) -> str:
    """``before`` with ``name`` set to ``text``. ``quote``: which to use; none: as the line had it, if it needs one."""
    pieces = list(_pieces(before))
    last = max((place for place, piece in enumerate(pieces) if piece.name == name), default=None)
    if last is None:
        end = next((piece.end for piece in pieces if piece.end), "\n")
        if pieces and not pieces[-1].end and pieces[-1].text != "\ufeff":
            pieces[-1] = pieces[-1]._replace(end=end)
        last = len(pieces)
        pieces.append(_Piece("", None, "", end, name))
    old = pieces[last]
    if old.value is None:
        pieces[last] = _Piece(f"{name}=", _quoted(text, quote), "", old.end, name)
    else:
        pieces[last] = old._replace(value=_quoted(text, quote or old.value[:1]))
    return "".join(piece.text for place, piece in enumerate(pieces) if piece.name != name or place == last)


def _quoted(value: str, quote: str) -> str:
    """``value`` in the style it was written in, as far as it can be."""
    if quote not in ("'", '"'):
        if re.fullmatch(_BARE, value):
            return value
        quote = "'"
    if quote == '"' and ("$" in value or "`" in value):
        quote = "'"  # where a shell and python-dotenv leave it alone
    return quote + value.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote
