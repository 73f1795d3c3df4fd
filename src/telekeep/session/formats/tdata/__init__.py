"""Telegram Desktop's ``tdata``: a folder with several accounts, behind a local passcode or none.

    TData().read_all(source)                     # every account; `read` gives the one that was in use
    TData(passcode).write_all(sessions)          # a bundle to be unpacked as a folder

``crypto`` opens and seals, ``files`` frames, ``account`` is one login. Addresses are not kept: Telegram Desktop knows
them. What is written is what it needs to show the accounts: keys, and an empty map; it fetches everything else anew.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from telekeep.errors import PasscodeNeeded, SessionCorrupt, UnknownFormat
from telekeep.secret import Secret
from telekeep.session.formats import bundle
from telekeep.session.formats.bundle import Bundle
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import DC_RULE, KEY_RULE, Findings, check_dc, check_key, counted, network_name
from telekeep.session.formats.home import away, home
from telekeep.session.formats.packed import Ended, Packed
from telekeep.session.formats.tables import INT64
from telekeep.session.formats.tdata import crypto, files
from telekeep.session.formats.tdata.account import Account, is_test, read_account, write_account
from telekeep.session.model import AuthKey, DataCenter, Session, User
from telekeep.session.network import TEST, Network, telegrams_own

_KEY_FILES = tuple(files.KEY_FILE + ending for ending in files.ENDINGS)
_MOST_ACCOUNTS = 100
_CONFIG = struct.pack(">iii", 1, 1, 0)  # version, environment "test", no data centers of its own
_AGAIN = "Copy the whole tdata folder again while Telegram Desktop is closed."


class TData(Form):
    """The folder that Telegram Desktop keeps. ``passcode``: the local one, if it has any."""

    name = "tdata"
    subject = "This tdata folder"
    is_folder = True
    follows_address = False
    texts = (
        "has Telegram Desktop's key file, undamaged",
        "opens with its local passcode, or without one",
        "has the file of its account, undamaged",
        "says who is logged in",
        DC_RULE,
        KEY_RULE,
    )

    def __init__(self, passcode: Secret | None = None) -> None:
        self._passcode = passcode

    def recognises(self, source: bytes) -> bool:
        found = bundle.opened(source)
        return found is not None and found.find(*_KEY_FILES) is not None

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        opened = self._opened(source, findings)
        return self._session(opened, opened.active, findings, network) if opened else None

    def read_all(self, source: bytes, *, network: Network | None = None) -> tuple[Session, ...]:
        """Every account, the one that was in use first. Raises what `read` does, even if but one of them is damaged."""
        first = self.read(source, network=network)
        found = {first.auth_key.id: first}
        for index in self._indices(source):
            findings = Findings(self.subject, *self.texts)
            opened = self._opened(source, findings)
            session = self._session(opened, index, findings, network) if opened else None
            if session is None:
                raise findings.error or SessionCorrupt()
            found.setdefault(session.auth_key.id, session)
        return tuple(found.values())

    def held(self, session: Session) -> Session:
        user = session.user
        name = TEST.name if session.network == TEST.name else network_name(home(session), None)
        others = {each: key for each, key in session.other_keys.items() if 1 <= each <= 5 and each != session.dc.id}
        owner = User(user.id) if user and 1 <= user.id < INT64 else None
        return Session(home(session), session.auth_key, owner, network=name, other_keys=others)

    def refusal(self, session: Session) -> Refusal | None:
        if self.held(session).user is None:
            return Refusal(
                "Telegram Desktop shows an account only if it knows whose it is, and this session does not say.",
                "everything: it does not say whose session it is",
                "Use it once, so that it is known: telekeep test NAME",
            )
        return away(session)

    def encode(self, session: Session, variant: int | None) -> bytes:
        return self.write_all([session])

    def write_all(self, sessions: Sequence[Session]) -> bytes:
        """A folder with all of ``sessions``, the first in use; at most three show up in Telegram Desktop without
        Premium.
        """
        local, salt = os.urandom(crypto.LOCAL_KEY), os.urandom(crypto.SALT)
        opener = crypto.local_key(self._secret, salt)
        info = struct.pack(f">I{len(sessions)}II", len(sessions), *range(len(sessions)), 0)
        made = {files.KEY_FILE + "s": files.written([salt, crypto.encrypt(local, opener), crypto.encrypt(info, local)])}
        for index, session in enumerate(sessions):
            kept, name = self.held(session), files.account_name(index)
            keys = {kept.dc.id: kept.auth_key, **kept.other_keys}
            user_id = kept.user.id if kept.user else 0
            account = Account(user_id, kept.dc.id, {dc_id: key.reveal() for dc_id, key in keys.items()})
            made[f"{name}s"] = files.written([crypto.encrypt(write_account(account), local)])
            made[f"{name}/maps"] = files.written([b"", b"", crypto.encrypt(b"", local)])
            if kept.network == TEST.name:
                made[f"{name}/configs"] = files.written([crypto.encrypt(files.array(_CONFIG), local)])
        return bundle.pack({f"tdata/{name}": content for name, content in made.items()})

    # ---- reading

    @property
    def _secret(self) -> bytes:
        return self._passcode.reveal() if self._passcode else b""

    def _opened(self, source: bytes, findings: Findings) -> _Opened | None:
        """The folder with its local key: the first two rules."""
        try:
            found = Bundle(source)
            place = found.find(*_KEY_FILES)
            if place is None:
                findings.check("it has none", error=UnknownFormat, remedy="Name the folder that holds key_datas.")
                return None
            key_file = files.read(found, place + files.KEY_FILE)
            salt, sealed_key, sealed_info = (files.next_array(key_file) for _ in range(3))
        except (files.Torn, SessionCorrupt):
            findings.check("it is cut off or changed", remedy=_AGAIN)
            return None
        findings.check(None, found="yes")
        try:
            if sealed_key:
                opener = crypto.local_key(self._secret, salt)
            elif self._secret:
                opener, sealed_key = crypto.newer_key(files.next_array(key_file), self._secret)
            else:
                raise crypto.WrongKey
            local = crypto.decrypt(sealed_key, opener)
            if len(local) != crypto.LOCAL_KEY:
                raise crypto.WrongKey
        except (crypto.WrongKey, files.Torn):
            asked = "the passcode is not its own" if self._passcode else "it has a local passcode"
            findings.check(asked, error=PasscodeNeeded, remedy="Give it with --passcode-file FILE.")
            return None
        try:
            info = Packed(crypto.decrypt(sealed_info, local), ">")
            count = info.number("I")
            indices = tuple(info.number("I") for _ in range(min(count, _MOST_ACCOUNTS)))
            active = info.number("I") if info.left else 0
        except (crypto.WrongKey, Ended):
            findings.check("its list of accounts is damaged", remedy=_AGAIN)
            return None
        known = [index for index in indices if index < _MOST_ACCOUNTS]
        if not known:
            findings.check("it has no account: nobody has logged in")
            return None
        findings.check(None, found=counted(len(known), "account"))
        return _Opened(found, place, local, tuple(known), active if active in known else known[0])

    def _indices(self, source: bytes) -> tuple[int, ...]:
        opened = self._opened(source, Findings(self.subject, *self.texts))
        return opened.indices if opened else ()

    def _session(self, opened: _Opened, index: int, findings: Findings, network: Network | None) -> Session | None:
        path = opened.place + files.account_name(index)
        try:
            account = read_account(crypto.decrypt(opened.array(path), opened.local))
        except (crypto.WrongKey, files.Torn, SessionCorrupt):
            findings.check("it is missing or damaged", remedy=_AGAIN)
            return None
        findings.check(None, found="yes")
        nobody = None if 1 <= account.user_id < INT64 else "it names no user: nobody has logged in"
        findings.check(nobody, found=f"user {account.user_id}")
        test = opened.is_test(path)
        host, port = telegrams_own(account.dc_id, test=test, network=network)
        check_dc(findings, account.dc_id if host else -1, network)
        key = account.keys.get(account.dc_id)
        check_key(findings, key)
        if findings.error or host is None or port is None or key is None:
            return None
        dc = DataCenter(account.dc_id, host, port)
        others = {
            each: AuthKey(found)
            for each, found in account.keys.items()
            if each != dc.id and 1 <= each <= 5 and any(found)
        }
        name = TEST.name if test and network is None else network_name(dc, network)
        return Session(dc, AuthKey(key), User(account.user_id), network=name, other_keys=others)


class _Opened(NamedTuple):
    """A folder that its passcode has opened. ``place``: where in the bundle; ``active``: the account in use."""

    bundle: Bundle
    place: str
    local: bytes
    indices: tuple[int, ...]
    active: int

    def __repr__(self) -> str:
        return f"_Opened(indices={self.indices})"

    def array(self, path: str) -> bytes:
        return files.next_array(files.read(self.bundle, path))

    def is_test(self, path: str) -> bool:
        try:
            return is_test(crypto.decrypt(self.array(f"{path}/config"), self.local))
        except (crypto.WrongKey, files.Torn, SessionCorrupt):
            return False


__all__ = ["TData"]
