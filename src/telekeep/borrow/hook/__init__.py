"""What `telekeep run` puts into another program's Python: this folder stands first in its PYTHONPATH.

sitecustomize   what Python runs by itself when it starts; hands over to the one that it hides
telekeep_hook   waits for Telethon or Pyrogram to be imported, and gives their clients the loan

Nothing here imports telekeep, which need not be installed there; Python 3.8 and newer.
"""

import os

HOOK = os.path.dirname(__file__)
"""What goes in front of PYTHONPATH."""
