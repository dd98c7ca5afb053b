#!/bin/sh
# Make one story's capture: run.sh STORY OUT_DIR
# Needs (nothing is installed here): Debian gcc nginx postgresql-15 mariadb-server haproxy python3-venv nodejs npm;
# the Python packages of requirements.txt in /srv/meridian/venv; for the Node story, `npm install` in ../node/tickets.
# Run as root: the database servers are started as the users postgres and mysql.
set -eu
story=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
run=/run/meridian
mkdir -p "$run"
chmod 755 "$run"
gcc -O2 -w -shared -fPIC -o "$run/vclock.so" "$here/vclock.c" -ldl
cd "$here"
export TZ=UTC PYTHONDONTWRITEBYTECODE=1
python3 -m harness.capture prepare "$story" "$out"
begin=$(python3 -m harness.capture begin "$story" "$out") # "VIRTUAL RATE"
VCLOCK="$(date +%s.%6N) $begin" LD_PRELOAD="$run/vclock.so" python3 -m harness.capture run "$story" "$out"
python3 -m harness.capture finish "$story" "$out"
