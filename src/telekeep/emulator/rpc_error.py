"""The error a request is answered with."""

from __future__ import annotations


class RpcError(Exception):
    """An error in Telegram's own words: ``RpcError(400, "PHONE_CODE_INVALID")``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
