"""Two-step verification: account.getPassword, auth.checkPassword, account.updatePasswordSettings."""

from __future__ import annotations

import secrets
from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import view
from telekeep.emulator.services.signing_in import admit
from telekeep.emulator.world import Account
from telekeep.emulator.world.password import Password, Salts
from telekeep.mtproto.schema import DH_G, DH_PRIME, build, functions, types

_PRIME = DH_PRIME.to_bytes(256, "big")
_PROPOSED = "password salts"  # Authorization.memo: what this key was offered for a new password


@handles(functions.account.GetPasswordRequest, authorized=False)
def get_password(call: Call, request: Any) -> Any:
    """Asked by a login about itself, or by a key that owes the password."""
    account = _asked_about(call)
    proposed = call.authorization.memo[_PROPOSED] = Salts.fresh()
    has: dict[str, Any] = {}
    if account.password is not None:
        challenge = call.world.passwords.ask(call.authorization.key.id, account.password)
        has = {
            "has_password": True,
            "current_algo": _algorithm(account.password.salts),
            "srp_B": challenge.B,
            "srp_id": challenge.id,
            "hint": account.password.hint or None,
        }
    return build(
        types.account.Password,
        new_algo=_algorithm(proposed),
        new_secure_algo=types.SecurePasswordKdfAlgoSHA512(salt=secrets.token_bytes(8)),
        secure_random=secrets.token_bytes(256),
        **has,
    )


@handles(functions.auth.CheckPasswordRequest, authorized=False)
def check_password(call: Call, request: Any) -> Any:
    account = _asked_about(call)
    _prove(call, account, request.password)
    return admit(call, account)


@handles(functions.account.UpdatePasswordSettingsRequest)
def update_password_settings(call: Call, request: Any) -> Any:
    """Set, change or (an empty hash) remove the password. Recovery e-mails are not part of this world.

    Raises RpcError 400: as checkPassword, for the old one; NEW_SALT_INVALID for other salts than getPassword proposed
    to this key; NEW_SETTINGS_INVALID; EMAIL_INVALID.
    """
    account = view(call, people_only=True).account
    _prove(call, account, request.password)
    new = request.new_settings
    if new.email:
        raise RpcError(400, "EMAIL_INVALID")
    if new.new_password_hash is None and new.hint is None:
        raise RpcError(400, "NEW_SETTINGS_EMPTY")
    if new.new_password_hash is None:
        raise RpcError(400, "NEW_SETTINGS_INVALID")
    if not new.new_password_hash:
        account.password = None
        return True
    salts = _accepted_salts(call.authorization.memo.pop(_PROPOSED, None), new.new_algo)
    verifier = int.from_bytes(new.new_password_hash, "big")
    if len(new.new_password_hash) != len(_PRIME) or not 1 < verifier < DH_PRIME - 1:
        raise RpcError(400, "NEW_SETTINGS_INVALID")
    account.password = Password(salts, verifier, new.hint or "")
    return True


def _asked_about(call: Call) -> Account:
    user_id = call.authorization.user_id or call.authorization.pending_user_id
    if user_id is None:
        raise RpcError(401, "AUTH_KEY_UNREGISTERED")
    return call.world.accounts[user_id]


def _prove(call: Call, account: Account, answer: Any) -> None:
    """Return if ``answer`` proves the account's password, or it has none. Raises as `PasswordDesk.judge`."""
    if account.password is None:
        return
    if not isinstance(answer, types.InputCheckPasswordSRP):
        raise RpcError(400, "PASSWORD_HASH_INVALID")
    call.world.passwords.judge(
        call.authorization.key.id,
        account.id,
        account.password,
        srp_id=answer.srp_id,
        a=answer.A,
        proof=answer.M1,
        now=call.clock.wall(),
    )


def _accepted_salts(proposed: Salts | None, algorithm: Any) -> Salts:
    """The client lengthens the first salt by at least 32 bytes of its own, and changes nothing else."""
    ours = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
    if not isinstance(algorithm, ours) or algorithm.g != DH_G or algorithm.p != _PRIME:
        raise RpcError(400, "NEW_SETTINGS_INVALID")
    if (
        proposed is None
        or algorithm.salt2 != proposed.server
        or not algorithm.salt1.startswith(proposed.client)
        or len(algorithm.salt1) < len(proposed.client) + 32
    ):
        raise RpcError(400, "NEW_SALT_INVALID")
    return Salts(algorithm.salt1, algorithm.salt2)


def _algorithm(salts: Salts) -> Any:
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        salt1=salts.client, salt2=salts.server, g=DH_G, p=_PRIME
    )
