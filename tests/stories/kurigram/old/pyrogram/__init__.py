"""A stand-in for Pyrogram as it was when it ended: what tells the hook that it keeps no address."""

from . import storage

__version__ = "2.0.106"
__all__ = ["storage"]
