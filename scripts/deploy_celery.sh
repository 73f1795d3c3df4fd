#!/usr/bin/env bash
# The Celery worker and its beat, under the names that guides use. See docs/celery.md.
#   scripts/deploy_celery.sh start|stop|restart|status|logs    (the application: CELERY_APP, or start --app MODULE)
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
telekeep=$here/.venv/bin/telekeep
[ -x "$telekeep" ] || telekeep=telekeep
command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    start) exec "$telekeep" worker start ${CELERY_APP:+--app "$CELERY_APP"} "$@" ;;
    stop | restart | status | logs) exec "$telekeep" worker "$command" "$@" ;;
    help | -h | --help) sed -n 's/^# *//p' "$0" | tail -n +2 ;;
    *) echo "There is no command '$command'." >&2; exit 1 ;;
esac
