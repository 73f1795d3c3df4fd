#!/usr/bin/env bash
# Everything about the session, under the names that guides use. See docs/guides.md.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
telekeep=$here/.venv/bin/telekeep
[ -x "$telekeep" ] || telekeep=telekeep
name=${TELEKEEP_SESSION:-main}

usage() {
    cat <<TEXT
Usage: scripts/telegram_session.sh COMMAND [OPTIONS]    (the session is TELEKEEP_SESSION, else main)
  status         age, size, who holds it, what to do
  test           ask Telegram whether it is valid; no code is asked for
  auth           log in, with the questions that takes   (authenticate)
  renew          a new login in the place of the old one; programs wait meanwhile
  backup         one sealed, verified archive
  restore        choose from the backups
  safety-check   does anybody use it now?                (safety)
  diagnostics    everything that may be wrong, and what to do   (diag)
  help           this page
TEXT
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    status | test | renew | backup) exec "$telekeep" "$command" "$name" "$@" ;;
    auth | authenticate) exec "$telekeep" auth "$name" "$@" ;;
    restore) exec "$telekeep" restore "$name" "$@" ;;
    safety-check | safety) exec "$telekeep" safety-check "$@" ;;
    diagnostics | diag) exec "$telekeep" diagnostics "$@" ;;
    help | -h | --help) usage ;;
    *) echo "There is no command '$command'." >&2; usage >&2; exit 1 ;;
esac
