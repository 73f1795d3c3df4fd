"""Reads the TL schema back out of the Python code that Telethon's generator has made of it.

Wheels and source archives hold no .tl file. What is needed stands in the generated classes: `from_reader` has the
fields in their order, `__init__` the boxed types, CONSTRUCTOR_ID the id, SUBCLASS_OF_ID the CRC32 of the result's name.
The code is parsed, not run.
"""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

# MTProto's own, which no layer has: core.telegram.org/schema/mtproto
_CORE_NAMES: Final = """
    ResPQ PQInnerData PQInnerDataDc PQInnerDataTemp PQInnerDataTempDc BindAuthKeyInner ServerDHParamsFail
    ServerDHParamsOk ServerDHInnerData ClientDHInnerData DhGenOk DhGenRetry DhGenFail DestroyAuthKeyOk
    DestroyAuthKeyNone DestroyAuthKeyFail ReqPqRequest ReqPqMultiRequest ReqPqMultiNewRequest
    ReqDHParamsRequest SetClientDHParamsRequest DestroyAuthKeyRequest MsgsAck BadMsgNotification
    BadServerSalt MsgsStateReq MsgsStateInfo MsgsAllInfo MsgDetailedInfo MsgNewDetailedInfo MsgResendReq
    MsgResendAnsReq RpcResult RpcError RpcAnswerUnknown RpcAnswerDroppedRunning RpcAnswerDropped FutureSalt
    FutureSalts Pong DestroySessionOk DestroySessionNone NewSessionCreated MessageContainer MsgCopy
    GzipPacked HttpWait IpPort IpPortSecret AccessPointRule TlsClientHello TlsBlockString TlsBlockRandom
    TlsBlockZero TlsBlockDomain TlsBlockGrease TlsBlockPublicKey ConfigSimple TlsBlockScope
    TlsBlockPermutation RpcDropAnswerRequest GetFutureSaltsRequest PingRequest PingDelayDisconnectRequest
    DestroySessionRequest HttpWaitRequest
"""
_CORE: Final = frozenset(_CORE_NAMES.split())
_PYTHON_NAMES: Final = {"is_self": "self", "from_": "from"}  # what Telethon calls a field that Python could not
_READ: Final = {
    "reader.read_int()": "int",
    "reader.read_int(signed=False)": "int",
    "reader.read_long()": "long",
    "reader.read_double()": "double",
    "reader.read_large_int(bits=128)": "int128",
    "reader.read_large_int(bits=256)": "int256",
    "reader.tgread_string()": "string",
    "reader.tgread_bytes()": "bytes",
    "reader.tgread_bool()": "Bool",
    "reader.tgread_date()": "int",
    "reader.tgread_object()": "object",
}


class Line(NamedTuple):
    """One constructor or method: its TL name, and its line of the schema."""

    name: str
    text: str


class Schema(NamedTuple):
    """A layer as one release speaks it."""

    layer: int
    types: list[Line]
    functions: list[Line]


class _Class(NamedTuple):
    room: str  # "messages." or ""
    node: ast.ClassDef
    rooms: dict[str, list[str]]  # the rooms that the types of this file come from, by their bare names


def schema_of(package: Path) -> Schema:
    """The schema in ``package``: the folder ``telethon`` of a release. Raises ValueError where it is not understood."""
    source = (package / "tl" / "alltlobjects.py").read_text()
    layer = int(re.search(r"^LAYER = (\d+)", source, re.M)[1])  # type: ignore[index]
    types = list(_classes(package / "tl" / "types"))
    functions = list(_classes(package / "tl" / "functions"))
    results = _results([*types, *functions])
    return Schema(layer, [_line(each, results) for each in types], [_line(each, results) for each in functions])


def _classes(folder: Path) -> Iterator[_Class]:
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text())
        rooms: dict[str, list[str]] = {}
        for node in tree.body:  # the types of this file itself: TypePeer = Union[...]
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                room = "" if path.stem == "__init__" else f"{path.stem}."
                rooms[node.targets[0].id.removeprefix("Type")] = [room]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tl.types"):
                for each in node.names:
                    room = node.module.removeprefix("tl.types").removeprefix(".")
                    rooms.setdefault(each.name.removeprefix("Type"), []).append(f"{room}." if room else "")
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name not in _CORE:
                yield _Class("" if path.stem == "__init__" else f"{path.stem}.", node, rooms)


class _Names(NamedTuple):
    """Names of types: by their CRC32, and by what they are called within their rooms."""

    by_checksum: dict[int, str]
    by_bare: dict[str, list[str]]


def _results(classes: list[_Class]) -> _Names:
    """Every type. Constructors and methods without fields have no docstring that tells theirs."""
    names = {"Bool", "Updates", "True", "X"}
    for each in classes:
        for part in each.node.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                names.update(re.findall(r"(?:Constructor for|:returns) ([\w.<>]+):", ast.get_docstring(part) or ""))
        names.update(room + name for name, rooms in each.rooms.items() for room in rooms)
        names.add(each.room + each.node.name)
    by_bare: dict[str, list[str]] = {}
    for name in sorted(names):
        by_bare.setdefault(name.rpartition(".")[2], []).append(name)
    names |= {f"Vector<{name}>" for name in names}
    return _Names({zlib.crc32(name.encode()): name for name in names}, by_bare)


def _line(found: _Class, results: _Names) -> Line:
    node = found.node
    numbers = {
        each.targets[0].id: each.value.value
        for each in node.body
        if isinstance(each, ast.Assign)
        and isinstance(each.targets[0], ast.Name)
        and isinstance(each.value, ast.Constant)
    }
    parts = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    bare = node.name.removesuffix("Request") if _is_request(node) else node.name
    name = found.room + bare[:1].lower() + bare[1:]
    result = results.by_checksum.get(numbers["SUBCLASS_OF_ID"])
    if result is None:
        raise ValueError(f"{name}: what it returns is not told")
    candidates: dict[str, list[str]] = {}
    if "__init__" in parts:
        for argument in parts["__init__"].args.args[1:]:
            match = re.search(r"'Type(\w+)'", ast.unparse(argument.annotation) if argument.annotation else "")
            if match:
                near = [room + match[1] for room in found.rooms.get(match[1], [""])]
                far = [name for name in results.by_bare.get(match[1], []) if name not in near]
                candidates[argument.arg] = near + far  # a few names are used in two rooms: the id tells which is meant
    lines = []
    for choice in product(*candidates.values()):
        types = dict(zip(candidates, choice, strict=True))
        fields = [_field(each, types) for each in parts["from_reader"].body[:-1]]
        generic = ["{X:Type}"] if "X" in choice else []  # the result of what it wraps
        number = numbers["CONSTRUCTOR_ID"]
        words = [f"{name}#{number:x}", *generic, *(each for each in fields if each), "=", result]
        lines.append(Line(name, " ".join(words) + ";"))
        if checksum(lines[-1].text) == number:
            return lines[-1]
    return lines[0]


def _is_request(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "TLRequest" for base in node.bases)


def _field(statement: ast.stmt, types: dict[str, str]) -> str | None:
    """The field that one statement of `from_reader` reads; None for a statement that belongs to the next one."""
    code = ast.unparse(statement)
    if code in ("reader.read_int()",) or re.fullmatch(r"_\w+ = \[\]", code):
        return None  # a vector's constructor, and the list that its loop fills
    if match := re.fullmatch(r"(flags\d?) = reader.read_int\(\)", code):
        return f"{match[1]}:#"
    if match := re.fullmatch(r"_(\w+) = bool\((flags\d?) & (\d+)\)", code):
        return f"{_name(match[1])}:{match[2]}.{_bit(match[3])}?true"
    if match := re.fullmatch(r"_(\w+) = (.*)", code):
        return f"{_name(match[1])}:{_type(match[2], types.get(match[1]))}"
    if match := re.fullmatch(r"for _ in range\(reader.read_int\(\)\):\n\s+_x = (.*)\n\s+_(\w+).append\(_x\)", code):
        return f"{_name(match[2])}:Vector<{_type(match[1], types.get(match[2]))}>"
    if match := re.fullmatch(r"if (flags\d?) & (\d+):\n(.*)\nelse:\n    _\w+ = None", code, re.S):
        assert isinstance(statement, ast.If)
        inner = [field for each in statement.body if (field := _field(each, types))]
        if len(inner) == 1:
            name, _, kind = inner[0].partition(":")
            return f"{name}:{match[1]}.{_bit(match[2])}?{kind}"
    raise ValueError(f"not understood: {code}")


def _name(python: str) -> str:
    return _PYTHON_NAMES.get(python, python)


def _bit(mask: str) -> int:
    number = int(mask)
    if number & (number - 1):
        raise ValueError(f"{number} is more than one flag")
    return number.bit_length() - 1


def _type(code: str, boxed: str | None) -> str:
    kind = _READ[code]
    if kind != "object":
        return kind
    if boxed is None:
        raise ValueError(f"an object of no type: {code}")
    return "!X" if boxed == "X" else boxed


def checksum(text: str) -> int:
    """The id that a line of TL ought to have: the CRC32 of its plain form (core.telegram.org/mtproto/TL)."""
    plain = re.sub(r"#[0-9a-f]+", "", text, count=1).rstrip(";")
    plain = re.sub(r" \w+:flags\d?\.\d+\?true", "", plain)
    plain = plain.replace(":bytes ", ":string ").replace("?bytes ", "?string ")
    return zlib.crc32(re.sub(r"[{}>]", "", plain.replace("<", " ")).encode())
