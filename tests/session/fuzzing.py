"""Mutations of a corpus, for every format: read or refused with a typed error, in bounded time, and never an exception
of another kind.

    make fuzz COUNT=1000000 FUZZ=folder                 # as many inputs for each format; goes on where it was stopped
    python tests/session/fuzzing.py folder --count N    # the same

``folder`` keeps a line for each shard of `SHARD` inputs, and each input that did harm, by format. A shard is drawn from
its number, so that what it found can be found again.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import sqlite3
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from zlib import crc32

sys.path.insert(0, str(Path(__file__).parent.parent))

from session.samples import FIXTURES, fixture_session
from telekeep.errors import FormatLoss, SessionCorrupt, UnknownFormat
from telekeep.session import formats
from telekeep.session.formats import bundle, image
from telekeep.session.formats.bundle import Bundle
from telekeep.session.formats.tdata import crypto, files
from telekeep.session.formats.tdata.account import Account, write_account
from telekeep.session.model import Session
from telekeep.testing.contracts.formats import spelt_alike

_CONFIG = struct.pack(">iii", 1, 1, 0)
SHARD = 20_000
LONGEST = 5.0  # seconds for one input, on a machine that does other things too
SAMPLE = fixture_session("telethon-1.45")
TELLING = [
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"A",
    b"=",
    b'"',
    b"[",
    b"{",
    b"-1",
    b"1e9",
]
VALUES = [None, "", "x", "\ud800", b"", b"\0", b"\xff\xfe", 0, 1, -1, 7, 255, 1 << 31, (1 << 63) - 1, -(1 << 63)]
VALUES += [1 << 64, 0.5, 1e300, float("nan"), float("-inf"), "9" * 40, "-1", "[", '{"a":', "x" * 5000]


class Harm(AssertionError):
    """What an input did that no input may."""


@cache
def corpus(name: str) -> tuple[bytes, ...]:
    """Sound sources of that format: one of ours in each of its layouts, and what other libraries made."""
    form = formats.FORMATS[name]
    ours = [formats.write(SAMPLE, name, variant=each) for each in (form.variants or (None,))]
    made = (
        formats.read_file(path)
        for path in sorted(FIXTURES.iterdir())
        if path.suffix in (".txt", ".session") or formats.is_session_folder(path)
    )
    return (*ours, *(each for each in made if formats.recognise(each).name == name))


def inputs(name: str, count: int, seed: int) -> Iterator[bytes]:
    """``count`` inputs: half of them changed as bytes, half inside of what holds the session."""
    chance = random.Random(f"{name} {seed}")
    for _ in range(count):
        source = chance.choice(corpus(name))
        yield inside(chance, source) if chance.random() < 0.5 else mutated(chance, source)


def mutated(chance: random.Random, source: bytes, *, moving: bool = True) -> bytes:
    """``source`` with one to four things done to it; unless ``moving``, the rest stays where it is."""
    told = bytearray(source)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(told) + 1)
        match chance.randrange(6 if moving else 2):
            case 0 if told:
                told[min(at, len(told) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                other = chance.choice(TELLING)
                told[at : at + (chance.randint(1, 8) if moving else len(other))] = other
            case 2:
                del told[at : at + chance.randint(1, 64)]
            case 3:
                told[at:at] = chance.randbytes(chance.randint(1, 16))
            case 4:
                other = chance.randrange(len(told) + 1)
                told[at:at] = told[other : other + chance.randint(1, 64)]
            case _:
                told[at:] = told[at : at + chance.randint(0, 4096)]
    return bytes(told)


def inside(chance: random.Random, source: bytes) -> bytes:
    """``source`` with what it holds changed, and its frame mended: base64, JSON, a folder, a database."""
    if bundle.is_bundle(source):
        return _folder(chance, source)
    if image.is_database(source):
        return _rows(chance, source)
    if source.lstrip().startswith(b"{"):
        return _values(chance, source)
    text = source.strip()
    head = text[: len(text) % 4 % 2]  # the version before it
    raw = mutated(chance, base64.b64decode(text[len(head) :] + b"==", b"-_"), moving=False)
    return head + base64.urlsafe_b64encode(raw).rstrip(b"=" if chance.random() < 0.5 else b"")


def _folder(chance: random.Random, source: bytes) -> bytes:
    """One file of it is changed; a file of tdata gets its sum again."""
    opened = Bundle(source)
    if "tdata/key_datas" in opened.names and chance.random() < 0.5:
        return _desktop(chance)
    content = {name: opened.read(name) or b"" for name in opened.names}
    name = chance.choice(sorted(content))
    if content[name][:4] == b"TDF$":
        inner = mutated(chance, content[name][8:-16])
        version = content[name][4:8]
        digest = md5(inner + struct.pack("<I", len(inner)) + version + b"TDF$").digest()
        content[name] = b"TDF$" + version + inner + digest
    elif content[name].startswith((b"{", b"[")) and chance.random() < 0.5:
        content[name] = _values(chance, content[name])
    else:
        content[name] = mutated(chance, content[name])
    return bundle.pack(content)


def _desktop(chance: random.Random) -> bytes:
    """A tdata folder whose key is known, with something changed behind it: nothing else gets past the sums."""
    local, opener, account = _desktop_keys()
    told = {"info": struct.pack(">IIII", 2, 0, 1, 1), "account": account, "config": files.array(_CONFIG)}
    which = chance.choice(sorted(told))
    told[which] = mutated(chance, told[which], moving=chance.random() < 0.5)
    sealed = {name: crypto.encrypt(plain, local) for name, plain in told.items()}
    content = {"key_datas": files.written([bytes(crypto.SALT), crypto.encrypt(local, opener), sealed["info"]])}
    for index in range(2):
        name = files.account_name(index)
        content[f"{name}s"] = files.written([sealed["account"]])
        content[f"{name}/configs"] = files.written([sealed["config"]])
    return bundle.pack(content)


@cache
def _desktop_keys() -> tuple[bytes, bytes, bytes]:
    keys = {dc_id: SAMPLE.auth_key.reveal() for dc_id in (2, 4)}
    return bytes(range(256)), crypto.local_key(b"", bytes(crypto.SALT)), write_account(Account(777001, 2, keys))


def _rows(chance: random.Random, source: bytes) -> bytes:
    """A value of a row is another, or a row is there twice; or bytes of it are others, and none moved."""
    if chance.random() < 0.5:
        return mutated(chance, source, moving=False)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(source)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = chance.choice([name for name in tables if not name.startswith("sqlite_")])
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        column, value = chance.choice(columns), chance.choice(VALUES)
        places = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
        connection.execute("PRAGMA ignore_check_constraints = ON")
        with suppress(sqlite3.Error, OverflowError, UnicodeEncodeError):  # a value that its column cannot have
            if places and chance.random() < 0.8:
                value = mutated_value(chance, connection, table, column, places) if chance.random() < 0.5 else value
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, chance.choice(places)))
            else:
                connection.execute(f"INSERT INTO {table} ({column}) VALUES (?)", (value,))
        return connection.serialize()


def mutated_value(
    chance: random.Random, connection: sqlite3.Connection, table: str, column: str, places: list[int]
) -> Any:
    row = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE rowid = ?", (chance.choice(places),))
    return mutated(chance, row.fetchone()[0] or b"")


def _values(chance: random.Random, source: bytes) -> bytes:
    """One value of JSON is another."""
    told = json.loads(source)
    places: list[tuple[Any, Any]] = []
    left = [told]
    while left:
        node = left.pop()
        held = list(node.items() if isinstance(node, dict) else enumerate(node))[:300]
        places += [(node, key) for key, _ in held]
        left += [value for _, value in held if isinstance(value, dict | list)]
    node, key = chance.choice(places)
    value = chance.choice([*VALUES, [], {}, [[]], {"a": None}, True])
    node[key] = value.decode("latin-1") if isinstance(value, bytes) else value
    return json.dumps(told).encode()


def tried(name: str, source: bytes) -> bool:
    """Whether ``source`` is read; False if it is refused as it should be. Raises Harm for anything else."""
    form = formats.FORMATS[name]
    try:
        found = form.read(source)
    except (UnknownFormat, SessionCorrupt) as error:
        if not error.remedy:
            raise Harm(f"refused without a remedy: {error}") from error
        return False
    except Exception as error:
        raise Harm(f"{type(error).__name__}: {error}") from error
    if crc32(source) % 8 == 0:  # of one in eight, what was read is written again
        _again(form, found)
        if formats.recognise(source) is form and formats.read(source) != found:
            raise Harm("looked at once, it is another session")
    return True


def _again(form: formats.Form, found: Session) -> None:
    try:
        losses = form.losses(found)
        again = form.read(form.write(found))
    except FormatLoss as error:
        if not error.losses:
            raise Harm("it is not written, and nothing is lost") from error
        return
    except Exception as error:
        raise Harm(f"written again, {type(error).__name__}: {error}") from error
    if (again.auth_key, again.dc) != (found.auth_key, found.dc):
        raise Harm("written again, it has another key or data center")
    if not losses and spelt_alike(again) != spelt_alike(found):
        raise Harm("written again, it has lost something that is not stated")


def _shard(name: str, number: int, folder: Path) -> dict[str, object]:
    """Try the inputs of one shard; what they came to."""
    counted: Counter[str] = Counter()
    slowest = 0.0
    began = time.perf_counter()
    for source in inputs(name, SHARD, number):
        start = time.perf_counter()
        try:
            counted["read" if tried(name, source) else "refused"] += 1
        except Harm as error:
            counted["harm"] += 1
            _keep(folder, name, source, str(error))
        took = time.perf_counter() - start
        slowest = max(slowest, took)
        if took > LONGEST:
            _keep(folder, name, source, f"took {took:.1f} s")
    seconds = time.perf_counter() - began
    return {"shard": number, "inputs": SHARD, "seconds": round(seconds, 1), "slowest": round(slowest, 3), **counted}


def _keep(folder: Path, name: str, source: bytes, why: str) -> None:
    print(f"{name}: {why}", flush=True)
    found = folder / f"{name}.found"
    found.mkdir(exist_ok=True)
    stem = sha256(source).hexdigest()[:16]
    (found / stem).write_bytes(source)
    (found / f"{stem}.why").write_text(why)


def _done(folder: Path, name: str) -> dict[int, dict[str, int]]:
    """The shards of that format that were tried already."""
    path = folder / f"{name}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {line["shard"]: line for line in map(json.loads, lines)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutations of a corpus, for every format.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--only", action="append", choices=formats.FORMATS)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    names = asked.only or list(formats.FORMATS)
    for number in range(-(-asked.count // SHARD)):  # every format in turn, so that none is left out when it is stopped
        for name in names:
            if number not in _done(asked.folder, name):
                said = _shard(name, number, asked.folder)
                with (asked.folder / f"{name}.jsonl").open("a") as file:
                    file.write(f"{json.dumps(said)}\n")
    harm = 0
    for name in names:
        shards = _done(asked.folder, name).values()
        total = Counter[str]()
        for each in shards:
            total.update({kind: each.get(kind, 0) for kind in ("inputs", "read", "refused", "harm")})
        slowest = max((each["slowest"] for each in shards), default=0)
        print(f"{name:16} {total['inputs']:>9,} inputs: {total['read']:,} read, {total['refused']:,} refused, "
              f"{total['harm']} harmful; the slowest {slowest} s")  # fmt: skip
        harm += total["harm"]
    return 1 if harm else 0


if __name__ == "__main__":
    raise SystemExit(main())
