"""Whatever a stranger sends: bounded time and memory, typed errors, nothing executed, nothing written."""

from __future__ import annotations

import io
import json
import struct
import time
import tracemalloc
import zipfile
from hashlib import md5
from pathlib import Path

import pytest

from session.samples import FIXTURES, fixture_session
from telekeep.errors import SessionCorrupt, StorageUnavailable, TelekeepError, UnknownFormat
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.formats import bounds, bundle
from telekeep.session.formats.tdata import crypto, files

SAMPLE = fixture_session("telethon-1.45")
MOST = 96 << 20  # bytes of memory for one source
LONGEST = 20.0  # seconds of this process's own time for one source


def refuse(source: bytes, **options: object) -> TelekeepError:
    """The error that ``source`` ends in, within its bounds."""
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises((UnknownFormat, SessionCorrupt)) as caught:
            formats.read_all(source, **options)  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < MOST
        assert time.process_time() - began < LONGEST
    finally:
        tracemalloc.stop()
    assert caught.value.remedy
    return caught.value


def zipped(**content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_that_swells_is_not_unpacked() -> None:
    bomb = zipped(key_datas=bytes(512 << 20))
    assert len(bomb) < 1 << 20
    refuse(bomb)


def test_an_archive_of_very_many_files_is_looked_at_in_bounds() -> None:
    one = zipped(key_datas=b"")
    entry = one[one.index(b"PK\x01\x02") : one.index(b"PK\x05\x06")]
    start, count = one.index(entry), 200_000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entry) * count, start, 0)
    refuse(one[:start] + entry * count + end)


@pytest.mark.parametrize("cut", [5, 18, 30, 100, -30, -10, -1])
def test_a_folder_or_archive_that_is_cut_off_is_refused(cut: int) -> None:
    packed = formats.write(SAMPLE, "tdata")
    refuse(packed[:cut])
    opened = bundle.Bundle(packed)
    refuse(zipped(**{name: opened.read(name) or b"" for name in opened.names})[:cut])


def test_a_folder_that_claims_very_much_is_looked_at_in_bounds() -> None:
    refuse(bundle.MAGIC + struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(100))
    refuse(bundle.MAGIC + (struct.pack(">II", 0, 0)) * 1_000_000)
    refuse(bundle.pack({"key_datas": bytes(bounds.LARGEST_FILE + 1)}))


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path: Path) -> None:
    refuse(bundle.pack({"../../key_datas": b"TDF$", "/etc/key_datas": b""}))
    refuse(zipped(**{"../../key_datas": b"TDF$", "/etc/key_datas": b""}))
    with pytest.raises(StorageUnavailable):
        bundle.unpack(bundle.pack({"x/y": b""}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def _framed(content: bytes) -> bytes:
    version = struct.pack("<I", 1)
    return b"TDF$" + version + content + md5(content + struct.pack("<I", len(content)) + version + b"TDF$").digest()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        struct.pack(">I", 0xFFFFFFFE) + b"x" * 40,  # an array of four gigabytes
        struct.pack(">I", 32) + bytes(32),  # and no more
        files.array(bytes(32)) + files.array(bytes(16)) + files.array(bytes(16)),
        files.array(bytes(32)) + files.array(bytes(1 << 20)) + files.array(b""),
        # Argon2id that asks for four terabytes, and for a year
        files.array(bytes(32)) + b"\xff" * 4 + files.array(bytes(32))
        + files.array(crypto._NEWER + struct.pack(">III", 0xFFFFFFFF, 0xFFFFFFFF, 1) + files.array(bytes(32)) * 2),
        files.array(bytes(32)) + b"\xff" * 4 + files.array(bytes(32)) + files.array(crypto._NEWER),
    ],
)  # fmt: skip
def test_a_key_file_made_to_do_harm_is_refused(content: bytes) -> None:
    source = bundle.pack({"key_datas": _framed(content)})
    refuse(source)
    refuse(source, passcode=Secret(b"1234"))


def test_a_tdata_folder_that_claims_very_many_accounts_or_keys_is_refused() -> None:
    local, salt = bytes(range(256)), bytes(32)
    opener = crypto.local_key(b"", salt)
    info = struct.pack(">I", 0xFFFFFFFF) + bytes(64)
    account = struct.pack(">I", 0x4B) + files.array(struct.pack(">IIQiI", *[0xFFFFFFFF] * 2, 1, 2, 0xFFFFFFFF))
    for told in (info, struct.pack(">III", 1, 0, 0)):
        sealed = files.written([salt, crypto.encrypt(local, opener), crypto.encrypt(told, local)])
        name = files.account_name(0)
        folder = {"key_datas": sealed, f"{name}s": files.written([crypto.encrypt(account, local)])}
        refuse(bundle.pack(folder))


@pytest.mark.parametrize(
    "source",
    [
        b'{"Version":1,"Data":' + b"[" * 100_000,
        b'{"Version":1,"Data":' + b'{"a":' * 100_000,
        b'{"Version":1,"Data":{"AuthKey":"' + b"A" * (8 << 20) + b'"}}',
        b'{"telekeep":"session","version":1,"dc":{},"auth_key":' + b"9" * 4000 + b"}",
        b'{"telekeep":"session","version":1e999,"dc":{"id":2},"auth_key":""}',
        b'{"telekeep":"session","version":1,"dc":[],"auth_key":""}',
        b'{"Version":1,"Data":{"AuthKey":7,"DC":"x","Addr":[]}}',
        b"{" + b"\xff" * 100,
    ],
)
def test_json_made_to_do_harm_is_refused(source: bytes) -> None:
    refuse(source)


def test_json_of_ours_with_one_thing_wrong_is_refused() -> None:
    good = json.loads(formats.write(SAMPLE, "telekeep-json"))
    for path, value in (
        (("peers",), [{"kind": "planet", "id": 1}]),
        (("peers",), 7),
        (("state",), {"pts": "many"}),
        (("state", "channels"), {"x": 1}),
        (("user", "id"), 1 << 70),
        (("dc", "port"), 0),
        (("network",), 7),
        (("other_keys",), {"4": "AAAA"}),
        (("version",), 2),
    ):
        table = json.loads(json.dumps(good))
        place = table
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        refuse(json.dumps(table).encode())


def test_a_store_with_a_value_that_is_none_is_refused() -> None:
    files_of = {path.name: path.read_bytes() for path in (FIXTURES / "gramjs-store").iterdir()}
    for name, value in (
        ("gramjs-store%3AauthKey", b"[" * 100_000),
        ("gramjs-store%3AauthKey", b'{"type":"Buffer","data":[1,2]}'),
        ("gramjs-store%3AauthKey", b'{"type":"Buffer","data":[' + b"300," * 255 + b"1]}"),
        ("gramjs-store%3AdcId", b"true"),
        ("gramjs-store%3Aport", b"99999"),
        ("gramjs-store%3AserverAddress", b"null"),
        ("gramjs-store%3A777001", b'["777001","9e99",null,null,null]'),
        ("gramjs-store%3A777001", b"7"),
    ):
        refuse(bundle.pack({**files_of, name: value}))


def test_numbers_the_wrong_way_round_are_no_session() -> None:
    opened = bundle.Bundle(formats.write(SAMPLE, "tdata"))
    folder = {name: opened.read(name) or b"" for name in opened.names}
    refuse(bundle.pack({name: said[:8] + said[8:12][::-1] + said[12:] for name, said in folder.items()}))
