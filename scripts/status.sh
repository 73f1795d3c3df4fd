#!/usr/bin/env bash
# The whole system: the daemon, and every session. See docs/guides.md.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
telekeep=$here/.venv/bin/telekeep
[ -x "$telekeep" ] || telekeep=telekeep
"$telekeep" daemon status
exec "$telekeep" status "$@"
