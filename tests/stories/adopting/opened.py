"""Opens a session file with whichever Telethon is installed: ``opened.py FILE``. Connects to nothing."""

import sys

import telethon
from telethon.sessions import SQLiteSession

session = SQLiteSession(sys.argv[1])
print(telethon.__version__, session.dc_id, session.server_address, session.port, session.auth_key.key.hex(), sep="|")
session.close()
