#!/usr/bin/env bash
# create-topics.sh [PARTITIONS]: metrics and the topics of the four window sizes; those that are there are left as they are.
set -eu
. "$(dirname "$0")/common.sh"
partitions=${1:-4}
[[ $partitions =~ ^[0-9]{1,4}$ ]] || wrong "'$partitions' is not a number of partitions"
for topic in metrics metrics-aggregates-60 metrics-aggregates-600 metrics-aggregates-3600 metrics-aggregates-86400; do
    if "$METERLINE" topics describe "$topic" >/dev/null 2>&1; then
        echo "$topic is there"
    else
        "$METERLINE" topics create "$topic" --partitions "$partitions"
    fi
done
