#!/usr/bin/env bash
# The daemon under the name that guides use: ./daemon.sh start|stop|restart|status|logs [--follow]|help. See docs/guides.md.
set -u
here=$(cd "$(dirname "$0")" && pwd)
telekeep=$here/.venv/bin/telekeep
[ -x "$telekeep" ] || telekeep=telekeep
name=${TELEKEEP_SESSION:-main}

# Started is not enough: it says whether Telegram takes the session, too. A string in .env is kept first.
begin() {
    if ! "$telekeep" status "$name" --quiet >/dev/null 2>&1 && "$telekeep" check --env --quiet >/dev/null 2>&1; then
        "$telekeep" import --env --as "$name" || exit
    fi
    "$telekeep" daemon "$@" || exit
    ! "$telekeep" status "$name" --quiet >/dev/null 2>&1 || "$telekeep" test "$name" || exit $(($? == 3 ? 0 : $?)) # 3: in use
}

case ${1:-help} in
    start | restart) begin "$@" ;;
    stop | status | logs | install-service) exec "$telekeep" daemon "$@" ;;
    help | -h | --help) sed -n 2p "$0" | cut -c3- ;;
    *) echo "There is no command '$1'. $(sed -n 2p "$0" | cut -c3-)" >&2; exit 2 ;;
esac
