#!/usr/bin/env bash
# demo.sh: what the original's commands did by hand, one after the other: topics, five households, the four window sizes, and what came of it.
set -eu
. "$(dirname "$0")/common.sh"
here=$(dirname "$0")
"$here/create-topics.sh"
"$here/kafka-replay.sh" -d 0 -h 5 -t 1
for type in 2:Water_WHW.csv 3:NaturalGas_FRG.csv; do
    if dataset "${type#*:}" >/dev/null 2>&1; then
        "$here/kafka-replay.sh" -d 0 -h 5 -t "${type%%:*}" -c 100000
    else
        echo "demo.sh: ${type#*:} is not there: left out" >&2
    fi
done
for window in 60 600 3600 86400; do
    "$here/consumer.sh" --applicationType AGGREGATOR --windowDurationSeconds "$window" --until-end --final
done
"$METERLINE" query --window 86400 --gateway 0 --attribute VOLTAGE
