"""The keyring of the desktop: a master key in the Secret Service, the macOS Keychain or the like.

Back ends that keep it in plain text, or nowhere, are refused by class: `keyring` picks them silently where nothing
better is installed. The package is optional: ``pip install telekeep[keyring]``.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from contextlib import suppress
from secrets import token_hex
from typing import Any

from telekeep.errors import ConfigError, SessionSealed
from telekeep.secret import Secret
from telekeep.vault.keys.source import Made, Parameters

SERVICE = "telekeep"
KEY_BYTES = 32
_REFUSED = ("keyrings.alt", "keyring.backends.fail", "keyring.backends.null")
_REMEDY = "Unlock the desktop's keyring (Secret Service, Keychain), or use a key file or a passphrase."


class Keyring:
    """A key in the desktop's keyring. ``backend``: a keyring to use instead of the one `keyring` chooses."""

    name = "keyring"

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """A new key under a new entry, read back before it is trusted. Raises ConfigError."""
        entry = f"{vault_id}/{token_hex(4)}"
        key = Secret(os.urandom(KEY_BYTES))
        text = b64encode(key.reveal()).decode()
        backend = self._usable()
        try:
            backend.set_password(SERVICE, entry, text)
            kept = backend.get_password(SERVICE, entry)
        except Exception as error:  # every back end has its own errors, down to those of D-Bus
            raise _unusable(error) from None
        if kept != text:
            raise ConfigError("The keyring did not keep what it was given.", remedy=_REMEDY)
        return Made(key, {"entry": entry})

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """The key under the entry that the vault names."""
        backend = self._usable()
        try:
            text = backend.get_password(SERVICE, str(parameters.get("entry", "")))
        except Exception as error:  # as above
            raise _unusable(error) from None
        if text is None:
            raise SessionSealed(
                "The keyring has no key for this vault.",
                remedy="Log in as the user who made the vault, on the machine it was made on.",
            )
        try:
            return [Secret(b64decode(text, validate=True))]
        except (NotBase64, ValueError):
            raise SessionSealed("The keyring's entry for this vault is damaged.") from None

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """Delete the entry."""
        with suppress(Exception):  # a leftover entry opens nothing any more
            self._usable().delete_password(SERVICE, str(parameters["entry"]))

    def _usable(self) -> Any:
        chosen = self._backend if self._backend is not None else _chosen()
        for backend in getattr(chosen, "backends", None) or [chosen]:  # a chainer tries its members in turn
            if not _is_refused(backend):
                return backend
        raise ConfigError(
            f"The only keyring here ({type(chosen).__module__}) does not keep a key safe; it was not used.",
            remedy=_REMEDY,
        )


def _chosen() -> Any:
    try:
        import keyring
    except ImportError:
        raise ConfigError(
            "The keyring package is not installed.", remedy="Run: pip install 'telekeep[keyring]'"
        ) from None
    return keyring.get_keyring()


def _is_refused(backend: object) -> bool:
    return any(
        kind.__module__ == refused or kind.__module__.startswith(refused + ".")
        for kind in type(backend).__mro__
        for refused in _REFUSED
    )


def _unusable(error: Exception) -> ConfigError:
    return ConfigError(f"The keyring cannot be used ({type(error).__name__}).", remedy=_REMEDY)
