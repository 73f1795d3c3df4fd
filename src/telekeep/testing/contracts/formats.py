"""The contract of a session format: what it writes it reads, what it loses it says, and it never tells a secret.

    check_round_trip(MyFormat(), session)       # for sessions of your choice
    check_hostile(MyFormat(), source, session)  # for sources of your choice
    check_format(MyFormat(), session)           # both, with the damages below

A broken rule is an AssertionError. `damages` makes the sources that files and strings turn into on their way.
"""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterator
from dataclasses import replace

from telekeep.errors import FormatLoss, SessionCorrupt, TelekeepError, UnknownFormat
from telekeep.session.formats import Format
from telekeep.session.model import Peer, Session

_WINDOW = 12  # characters of a secret in a row that count as telling it


def check_format(format: Format, session: Session) -> None:
    """The whole contract for one session."""
    check_round_trip(format, session)
    source = format.write(session)
    check_recognised(format, source)
    for damaged in damages(source):
        check_hostile(format, damaged, session)


def check_round_trip(format: Format, session: Session) -> None:
    """What is written is read back, all but the stated losses; and a loss is stated only where there is one."""
    losses = format.losses(session)
    try:
        source = format.write(session)
    except FormatLoss as error:
        assert losses, f"{format.name} refuses a session without naming a loss: {error.message}"
        assert_silent(_everything_said(error), session)
        return
    found = format.read(source)
    assert found.auth_key == session.auth_key
    assert found.dc == session.dc
    same = spelt_alike(found) == spelt_alike(session)
    assert same or losses, f"{format.name} loses something it does not state"
    assert not (same and losses), f"{format.name} states losses that are none: {losses}"
    assert not format.losses(found), f"{format.name} loses again what it has given back: {format.losses(found)}"
    assert spelt_alike(format.read(format.write(found))) == spelt_alike(found)
    assert_silent(" ".join(losses), session)


def check_recognised(format: Format, source: bytes) -> None:
    """A sound source is recognised and keeps every rule."""
    assert format.recognises(source)
    broken = [rule for rule in format.rules(source) if not rule.ok]
    assert not broken, broken


def check_hostile(format: Format, source: bytes, session: Session) -> None:
    """Any bytes are read, or refused with an error that is typed, says what to do, and shows nothing of ``session``.

    The rules agree: all are kept exactly where reading succeeds.
    """
    rules = format.rules(source)
    assert rules
    assert_silent(" ".join(f"{rule.text} {rule.detail} {rule.remedy}" for rule in rules), session)
    assert all(rule.detail for rule in rules if not rule.ok), "a broken rule must say what is wrong"
    try:
        format.read(source)
    except (UnknownFormat, SessionCorrupt) as error:
        assert error.message
        assert error.remedy
        assert_silent(_everything_said(error), session)
        assert not (format.recognises(source) and all(rule.ok for rule in rules)), "refused, but no rule is broken"
    else:
        assert all(rule.ok for rule in rules), "read, although a rule is broken"


def damages(source: bytes) -> Iterator[bytes]:
    """``source`` as it arrives when something went wrong: cut, lengthened, quoted, with bits flipped, …"""
    for length in (0, 1, 2, 16, 100, len(source) // 2, len(source) - 16, len(source) - 1):
        yield source[:length]
        yield source[-length:] if length else b"\0"
    for around in (b"\n", b"\r\n", b" ", b"\t", b'"', b"'", b"=", b"A", b"\0", b"\xef\xbb\xbf"):
        yield source + around
        yield around + source
        yield around + source + around
    yield b"TELEGRAM_SESSION_STRING=" + source
    middle = len(source) // 2
    yield source[:middle] + b"\n" + source[middle:]
    yield source + source
    yield source.swapcase()
    yield source[::-1]
    yield bytes(len(source))
    for place in range(0, len(source), max(1, len(source) // 200)):
        yield source[:place] + bytes([source[place] ^ 1]) + source[place + 1 :]
        yield source[:place] + b"\xff" + source[place + 1 :]


def assert_silent(said: str, session: Session) -> None:
    """Nothing of the session's secrets may appear in ``said``, in any usual spelling."""
    secrets = [session.auth_key] + ([session.application.api_hash] if session.application else [])
    for secret in secrets:
        for spelling in _spellings(secret.reveal()):
            pieces = (spelling[start : start + _WINDOW] for start in range(len(spelling) - _WINDOW + 1))
            assert not any(piece in said for piece in pieces), "a secret was shown"


def _spellings(secret: bytes) -> Iterator[str]:
    yield secret.hex()
    yield repr(secret)
    for shift in range(3):  # base64 looks different at each of the three alignments
        for encoded in (base64.b64encode(secret[shift:]), base64.urlsafe_b64encode(secret[shift:])):
            yield encoded.decode().rstrip("=")


def _everything_said(error: TelekeepError) -> str:
    return " ".join(
        (str(error), repr(error), str(error.remedy), str(error.fields()), *traceback.format_exception(error))
    )


def spelt_alike(session: Session) -> Session:
    """``session`` with all that means the same spelt the same: the order of peers, capitals in usernames, a plus."""
    user = session.user and replace(session.user, username=_lower(session.user.username))
    peers = sorted({_spelt(peer) for peer in session.peers}, key=lambda peer: (peer.kind, peer.id))
    return replace(session, user=user, peers=tuple(peers))


def _spelt(peer: Peer) -> Peer:
    phone = (peer.phone or "").removeprefix("+") or None
    return replace(peer, username=_lower(peer.username), phone=phone, name=peer.name or None)


def _lower(username: str | None) -> str | None:
    return username.lower() or None if username else None
