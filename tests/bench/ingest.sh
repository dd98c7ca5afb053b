#!/bin/sh
# How fast the whole program reads logs, beside tools that only count, hash, search or decompress them, and beside those
# tools of the trade that are installed (pgBadger, GoAccess, lnav, hl, halog, jq).
#
#   tests/bench/ingest.sh [-n RUNS] LOG...
#
# Prints, for each log and each tool, megabytes per CPU-second (user and system time of the whole process, the best of
# RUNS runs, 3 unless told), wall time and peak memory as a multiple of the log's size. It writes nothing but temporary
# files. Figures mean something only beside each other: run on an idle machine, with the logs in the page cache, and quote
# ratios. BACKTRAIL names the program; the release build of this checkout unless set.
set -eu

runs=3
if [ "${1:-}" = -n ]; then
    runs=$2
    shift 2
fi
if [ $# -eq 0 ]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
    exit 2
fi
time=/usr/bin/time
[ -x "$time" ] || { echo "$time is needed (Debian: time)" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${BACKTRAIL:-${CARGO_TARGET_DIR:-$root/target}/release/backtrail}
[ -x "$program" ] || { echo "$program: build it first (cargo build --release)" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM

# measure NAME BYTES COMMAND...: one line of the table. Exit codes of the commands do not matter (a search finds nothing).
measure() {
    name=$1 bytes=$2
    shift 2
    : > "$dir/all"
    run=0
    while [ $run -lt "$runs" ]; do
        "$time" -o "$dir/one" -f '%U %S %e %M' "$@" > /dev/null 2> "$dir/err" || true
        tail -n 1 "$dir/one" >> "$dir/all"
        run=$((run + 1))
    done
    awk -v name="$name" -v bytes="$bytes" '
        { cpu = $1 + $2; if (NR == 1 || cpu < best) { best = cpu; wall = $3; memory = $4 } }
        END {
            # The clock of processes ticks in hundredths of a second.
            rate = best >= 0.05 ? sprintf("%9.0f", bytes / 1e6 / best) : sprintf("%9s", ">" int(bytes / 1e6 / 0.05))
            printf "  %-22s %s MB/CPU-s %7.2f s wall %7.0f MiB %6.2f x\n", name, rate, wall, memory / 1024, memory * 1024 / bytes
        }' "$dir/all"
}

have() {
    command -v "$1" > /dev/null 2>&1
}

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | sed -n 1p)
printf '%s, %s, %s processors %s\n' "$(date -u +%Y-%m-%d)" "$(uname -sm)" "$(getconf _NPROCESSORS_ONLN)" "$processor"

# peers LOG BYTES: the tools that know the log's format, by its first line.
peers() {
    case $(head -n 1 "$1") in
        '{'*)
            have hl && measure 'hl --sort' "$2" hl -P --sort "$1"
            have jq && measure 'jq -c .level' "$2" jq -c .level "$1"
            ;;
        *haproxy*)
            have halog && measure 'halog -H -st' "$2" sh -c 'halog -H -st < "$1"' halog "$1"
            ;;
        *'] "'*)
            have goaccess && measure 'goaccess -o json' "$2" goaccess "$1" --log-format=COMBINED --no-progress -o "$dir/out.json"
            ;;
        *LOG:*)
            have pgbadger && measure 'pgbadger -j 1' "$2" pgbadger -q -j 1 -f stderr -p '%m [%p] %q%u@%d ' -o "$dir/out.json" "$1"
            ;;
    esac
    have lnav && measure 'lnav -n -c count' "$2" lnav -n -c ';SELECT count(*) FROM all_logs' "$1"
    return 0
}

for log; do
    bytes=$(wc -c < "$log" | tr -d ' ')
    # Into the page cache.
    lines=$(wc -l < "$log" | tr -d ' ')
    printf '%s: %s bytes, %s lines\n' "$log" "$bytes" "$lines"
    measure 'backtrail -j1' "$bytes" "$program" report --format json -j 1 "$log"
    measure 'backtrail -j2' "$bytes" "$program" report --format json -j 2 "$log"
    measure 'wc -l' "$bytes" wc -l "$log"
    measure 'sha256sum' "$bytes" sha256sum "$log"
    measure 'grep -c disconnection' "$bytes" grep -c disconnection "$log"
    if have rg; then
        measure 'rg -c disconnection' "$bytes" rg -c disconnection "$log"
    fi
    if have zstd; then
        zstd -q -f "$log" -o "$dir/log.zst"
        measure 'zstd -d' "$bytes" zstd -q -d -c "$dir/log.zst"
        rm -f "$dir/log.zst"
    fi
    peers "$log" "$bytes"
done
