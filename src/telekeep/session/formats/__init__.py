"""The formats other programs keep sessions in: recognised by structure, read into the one model, written from it.

    formats.read(formats.read_file(Path("bot.session")))     # a Session
    formats.FORMATS["telethon-string"].write(session)        # bytes

A new format is one file here with a class of the shape `Form`, one line in `FORMATS`, and the contract in
`telekeep.testing.contracts.formats`. A folder is a source too, packed by `bundle`.
"""

from __future__ import annotations

from telekeep.errors import UnknownFormat
from telekeep.secret import Secret
from telekeep.session.formats import bundle, foreign, image
from telekeep.session.formats.form import Form
from telekeep.session.formats.format import Format, Rule
from telekeep.session.formats.gotd_json import GotdJson
from telekeep.session.formats.gramjs_store import GramjsStore
from telekeep.session.formats.gramjs_string import GramjsString
from telekeep.session.formats.mtcute_sqlite import MtcuteSqlite
from telekeep.session.formats.mtcute_string import MtcuteString
from telekeep.session.formats.pyrogram_sqlite import Pyrogram2Sqlite, PyrogramSqlite
from telekeep.session.formats.pyrogram_string import PyrogramString
from telekeep.session.formats.snapshot import LARGEST, is_session_folder, read_file
from telekeep.session.formats.tables import SqliteForm, sound_database
from telekeep.session.formats.tdata import TData
from telekeep.session.formats.telekeep_json import TelekeepJson
from telekeep.session.formats.telethon_sqlite import TelethonSqlite
from telekeep.session.formats.telethon_string import TelethonString
from telekeep.session.formats.telethon_v2 import TelethonV2
from telekeep.session.formats.text import LONGEST
from telekeep.session.model import Session
from telekeep.session.network import Network

_STRING = TelethonString()
_DATABASES: tuple[SqliteForm, ...] = (
    TelethonV2(),
    MtcuteSqlite(),
    PyrogramSqlite(),
    Pyrogram2Sqlite(),
    TelethonSqlite(),
)
_BY_KIND: dict[str, tuple[Form, ...]] = {
    "text": (_STRING, PyrogramString(), GramjsString(), MtcuteString()),
    "database": _DATABASES,
    "folder": (TData(), GramjsStore()),
    "json": (GotdJson(), TelekeepJson()),
}
FORMATS: dict[str, Form] = {each.name: each for kind in _BY_KIND.values() for each in kind}


def recognise(source: bytes) -> Form:
    """The format of ``source``, whole or damaged. Raises UnknownFormat, which names another library's formats."""
    kind = _kind(source)
    if kind == "database":  # opened once for all of them
        tables = image.table_names(source)
        found: Form | None = next((each for each in _DATABASES if each.claims(tables)), None)
    else:
        found = next((each for each in _BY_KIND[kind] if each.recognises(source)), None)
    if found is None:
        raise foreign.unknown(source)
    return found


def _kind(source: bytes) -> str:
    if image.is_database(source):
        return "database"
    if bundle.is_bundle(source):
        return "folder"
    return "json" if b"{" in source[:64] else "text"


def _at_a_glance(source: bytes, network: Network | None) -> tuple[Form, Session] | None:
    """The format of a source that keeps every rule, and its session; None leaves it to `recognise` and the rules."""
    kind = _kind(source)
    if kind == "database":
        return sound_database(source, _DATABASES, network)
    if kind == "text" and len(source) <= LONGEST:  # no format takes another's for its own
        for each in _BY_KIND[kind]:
            if session := each.sound(source, network):
                return each, session
    return None


def read(source: bytes, *, network: Network | None = None, expected: str | None = None) -> Session:
    """The session in ``source``, of whichever format, or of the ``expected`` one only.

    Raises UnknownFormat or SessionCorrupt, never with the secret.
    """
    sound = _at_a_glance(source, network)
    form = sound[0] if sound else recognise(source)
    if expected is not None and form.name != expected:
        raise UnknownFormat(
            f"This is {form.called}, not {FORMATS[expected].called}: the libraries do not read each other's.",
            remedy=f"Make one of it: telekeep convert FILE OUT --to {expected}",
        )
    return sound[1] if sound else form.parse(source, network=network)


def read_all(
    source: bytes, *, network: Network | None = None, passcode: Secret | None = None
) -> tuple[Form, tuple[Session, ...]]:
    """The format of ``source`` and every session in it; several only in a tdata folder, whose ``passcode`` this is.

    Raises what `read` does, and PasscodeNeeded.
    """
    if sound := _at_a_glance(source, network):
        return sound[0], (sound[1],)
    form = recognise(source)
    if isinstance(form, TData):
        return form, TData(passcode).read_all(source, network=network)
    return form, (form.parse(source, network=network),)


def write(
    session: Session, form: str, *, variant: int | None = None, name: str = "session", passcode: Secret | None = None
) -> bytes:
    """``session`` in the format called ``form``; a folder as a bundle (`bundle.unpack`).

    ``variant``: a layout of `Form.variants`; ``name``: what a folder will be called; ``passcode``: of a tdata folder.
    Raises FormatLoss.
    """
    found = FORMATS[form]
    if isinstance(found, TData):
        found = TData(passcode)
    if isinstance(found, GramjsStore):
        found = GramjsStore(name)
    return found.write(session, variant=variant)


def check(source: bytes, *, network: Network | None = None) -> tuple[Form, tuple[Rule, ...]]:
    """The format that ``source`` is or comes near to, and every rule of it. Raises UnknownFormat for anything else."""
    try:
        nearest = recognise(source)
    except UnknownFormat:
        if foreign.name(source) or not (image.is_database(source) or _STRING.resembles(source)):
            raise
        nearest = FORMATS["telethon-sqlite"] if image.is_database(source) else _STRING
    return nearest, nearest.rules(source, network=network)


__all__ = [
    "FORMATS",
    "LARGEST",
    "Form",
    "Format",
    "Rule",
    "check",
    "is_session_folder",
    "read",
    "read_all",
    "read_file",
    "recognise",
    "write",
]
