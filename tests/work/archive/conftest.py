"""A daemon that lends Ada's session, and archives of her chats."""

from __future__ import annotations

from borrow.conftest import home, served

__all__ = ["home", "served"]
