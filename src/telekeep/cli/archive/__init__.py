"""``telekeep archive``: keep the messages of chats, and look into what is kept.

fetching    historical, monitor, test          looking     search, stats, export
chats       how chats are written on the command line
showing     how far it is, and how it ended
"""

from telekeep.cli.archive.group import archive as archive

__all__ = ["archive"]
