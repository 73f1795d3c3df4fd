"""Everything Telegram would know, without a socket: accounts, message boxes, groups, files, codes, tokens, passwords.

All of it lies in memory; of files, the newest 256 MiB (`files.KEPT`) and 128 MiB of parts (`uploads.KEPT`).

`World` ties it together; each file holds one thing and its rules, and is tested without a network.
"""

from telekeep.emulator.world.account import Account
from telekeep.emulator.world.world import World

__all__ = ["Account", "World"]
