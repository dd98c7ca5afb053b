#!/bin/bash
# run.sh STORY OUT_DIR: captures one of the Java stories (stories/STORY.py) into OUT_DIR. Run as root on Debian 12 with
#   apt-get install faketime haproxy rsyslog postgresql-15 openjdk-17-jdk-headless libhikaricp-java libpostgresql-jdbc-java
#     liblogback-java libslf4j-java libtomcat10-java libtomcat10-embed-java libbyte-buddy-java
# Takes about 20 minutes. Everything runs in /srv/larch and on 127.0.0.x.
set -euo pipefail
story=$1 out=$(realpath -m "$2") here=$(cd "$(dirname "$0")" && pwd) base=/srv/larch jars=/usr/share/java
for tool in faketime haproxy rsyslogd javac psql; do
    command -v "$tool" >/dev/null || { echo "$tool is missing; the packages are listed in $0" >&2; exit 1; }
done
libraries=$jars/HikariCP.jar:$jars/postgresql.jar:$jars/logback-classic.jar:$jars/slf4j-api.jar:$jars/jul-to-slf4j.jar
libraries=$libraries:$jars/tomcat10-embed-core.jar:$jars/byte-buddy.jar
mkdir -p "$base/run" "$base/build"

# A version is the base with the files of versions/VERSION laid over it, if there are any.
build() {
    rm -rf "$base/build/source" "$base/shop-api/$1"
    cp -r "$here/shop/base" "$base/build/source"
    if [ -d "$here/shop/versions/$1" ]; then cp -r "$here/shop/versions/$1/." "$base/build/source/"; fi
    mkdir -p "$base/shop-api/$1"
    find "$base/build/source" -name '*.java' -exec javac -nowarn -d "$base/shop-api/$1" -cp "$libraries" {} +
    cp "$here"/shop/resources/* "$base/shop-api/$1/"
}
for version in $(sed -n 's/^# versions: //p' "$here/stories/$story.py"); do build "$version"; done
mkdir -p "$base/build/agent"
javac -nowarn -d "$base/build/agent" -cp "$libraries" "$here"/agent/net/larchshop/journal/*.java
printf 'Premain-Class: net.larchshop.journal.JournalAgent\nClass-Path: %s\n' "$jars/byte-buddy.jar" >"$base/build/manifest"
jar cfm "$base/journal-agent.jar" "$base/build/manifest" -C "$base/build/agent" .

start=$(sed -n 's/^# clock: \(.*\) x.*/\1/p' "$here/stories/$story.py")
rate=$(sed -n 's/^# clock: .* x//p' "$here/stories/$story.py")
TZ=UTC NO_FAKE_STAT=1 STORY_RATE=$rate faketime -f "@$start x$rate" python3 "$here/lib/main.py" "$story" "$out"
python3 "$here/lib/truth.py" "$here/stories/$story.py" "$out"
