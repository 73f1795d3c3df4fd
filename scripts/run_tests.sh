#!/usr/bin/env bash
# Quick tests of telekeep itself, without any network: --session, --quick, or both (the default). `make test` runs all.
set -u
cd "$(dirname "$0")/.." || exit
python=$PWD/.venv/bin/python
[ -x "$python" ] || { echo "Run \`make venv\` first." >&2; exit 2; }
failed=0

# Run what follows the label, quietly, and say how it ended; what it has said only if it failed.
line() {
    local label=$1 said
    shift
    if said=$("$@" 2>&1); then
        printf '✅ %-34s [PASS]\n' "$label"
    else
        printf '❌ %-34s [FAIL]\n%s\n' "$label" "$said"
        failed=1
    fi
}

tests() { "$python" -m pytest -q -n 0 -p no:cacheprovider "$@"; }

nothing_kept() { # status of a home that was never used: exit code 1, and the way to log in
    local home
    home=$(mktemp -d) && "$python" -m telekeep --home "$home" status
    local code=$?
    rm -r "$home"
    [ $code -eq 1 ]
}

session() {
    line "Session Manager Import" "$python" -c "from telekeep import TelegramSessionManager"
    line "Session Manager Init" "$python" -c "import telekeep; telekeep.TelegramSessionManager(1, '0' * 32, '+15550100')"
    line "Session Status Checker" nothing_kept
}

quick() {
    line "All Core Components" tests tests/test_front_door.py tests/session/test_telethon_string.py tests/lease/test_contract.py
    line "Configuration Validation" tests tests/settings
    line "Enhanced Error Handling" tests tests/upstream/test_fault_table.py tests/cli/test_remedies.py
    line "Recovery Tools" tests tests/health/test_mending.py
}

case ${1:-all} in
    --session) session ;;
    --quick) quick ;;
    all) session; quick ;;
    *) echo "Usage: scripts/run_tests.sh [--session|--quick]" >&2; exit 2 ;;
esac
exit $failed
