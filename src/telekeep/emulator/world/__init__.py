"""Everything Telegram would know, without a socket: accounts, message boxes, groups, codes, tokens, passwords.

`World` ties it together; each file holds one thing and its rules, and is tested without a network.
"""

from telekeep.emulator.world.account import Account
from telekeep.emulator.world.world import World

__all__ = ["Account", "World"]
