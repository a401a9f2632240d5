#!/usr/bin/env bash
# kafka-replay.sh -r RATE -d DAY_OFFSET -h HOUSEHOLDS -t 1|2|3 [-c COUNT]: households 0 .. HOUSEHOLDS - 1 of electricity (1), water (2) or gas (3).
# RATE and COUNT are for each household, as every household had a publisher of its own; one process publishes all of them.
set -eu
. "$(dirname "$0")/common.sh"
rate=0 day=0 households=1 type='' count=0
while getopts r:d:h:t:c: flag; do
    case $flag in
    r) rate=$OPTARG ;;
    d) day=$OPTARG ;;
    h) households=$OPTARG ;;
    t) type=$OPTARG ;;
    c) count=$OPTARG ;;
    *) wrong "expected -r RATE -d DAY_OFFSET -h HOUSEHOLDS -t 1|2|3 [-c COUNT]" ;;
    esac
done
for number in "$rate" "$day" "$households" "$count"; do
    [[ $number =~ ^[0-9]{1,9}$ ]] || wrong "'$number' is not a whole number"
done
[ "$households" -gt 0 ] || wrong "-h $households: expected one household or more"
case $type in
1) type=electricity file=household_power_consumption.txt ;;
2) type=water file=Water_WHW.csv ;;
3) type=gas file=NaturalGas_FRG.csv ;;
*) wrong "-t '$type': expected 1 (electricity), 2 (water) or 3 (gas)" ;;
esac
file=$(dataset "$file")
exec "$METERLINE" replay -t "$type" -r $((rate * households)) -d "$day" -s 0 -e $((households - 1)) -c $((count * households)) "$file"
