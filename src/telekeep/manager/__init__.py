"""One account, one object: `TelegramSessionManager`, a face over keeper, guard and ledger.

manager    the face: connect, say how things are, close
sources    where its session is: a file of the program's own, or one that is kept in the vault
file       a session file in the shape of a vault, so that a held client keeps its update state in it
damage     SQLite's own verdict on a file, and setting a damaged one aside
dead       keys that Telegram has declared dead, for files whose keys no vault knows
limits     what the ledger says of one account
"""

from telekeep.manager.manager import TelegramSessionManager

__all__ = ["TelegramSessionManager"]
