#!/usr/bin/env bash
# consumer.sh --applicationType CONSOLE_CONSUMER|AGGREGATOR|CASSANDRA_WRITER|AGGREGATES_PERFORMANCE_TRACKER [--sourceTopic metrics] [--windowDurationSeconds N]
#             [--bucket DAYS|MONTHS] [--clientId ID] [--desiredMessageCount N]
# The arguments of the consumer's image. What begins with another option goes to meterline as it is (--until-end, --store URL ..).
set -eu
. "$(dirname "$0")/common.sh"
application='' topic=metrics window=60 count=1 client=''
more=()
while [ $# -gt 0 ]; do
    case $1 in
    --applicationType | --sourceTopic | --windowDurationSeconds | --bucket | --clientId | --desiredMessageCount) [ $# -gt 1 ] || wrong "$1 wants a value" ;;
    esac
    case $1 in
    --applicationType) application=$2 && shift ;;
    --sourceTopic) topic=$2 && shift ;;
    --windowDurationSeconds) window=$2 && shift ;;
    --clientId) client=$2 && shift ;;
    --desiredMessageCount) count=$2 && shift ;;
    --bucket) shift ;; # the store's tables say it
    *) more+=("$1") ;;
    esac
    shift
done
case $application in
CONSOLE_CONSUMER) exec "$METERLINE" tail "$topic" "${more[@]}" ;;
AGGREGATOR) exec "$METERLINE" run --topic "$topic" --windows "$window" --group "metrics-aggregates-$window" ${client:+--instance "$client"} "${more[@]}" ;;
AGGREGATES_PERFORMANCE_TRACKER) exec "$METERLINE" track "$topic-aggregates-$window" --count "$count" "${more[@]}" ;;
CASSANDRA_WRITER) echo "consumer.sh: nothing to start: the AGGREGATOR of $window s writes to the store (--store cassandra://HOST:9042/KEYSPACE, or METERLINE_STORE)" >&2 ;;
*) wrong "--applicationType '$application': expected CONSOLE_CONSUMER, AGGREGATOR, CASSANDRA_WRITER or AGGREGATES_PERFORMANCE_TRACKER" ;;
esac
