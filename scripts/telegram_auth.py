#!/usr/bin/env python3
"""Log in, or what else its one flag says: --status, --test, --renew, --safe-renew, --backup. See docs/guides.md."""

import sys

from telekeep_command import NAME, run

VERBS = {"--status": "status", "--test": "test", "--renew": "renew", "--safe-renew": "renew", "--backup": "backup"}

given = [each for each in sys.argv[1:] if each in VERBS]
if len(given) > 1:
    sys.stderr.write(f"Choose one of {', '.join(VERBS)}.\n")
    sys.exit(2)
run(VERBS[given[0]] if given else "auth", NAME, more=[each for each in sys.argv[1:] if each not in VERBS])
