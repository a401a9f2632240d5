#!/usr/bin/env bash
# performance-tracking.sh --desiredMessageCount N [--windowDurationSeconds 60]: the time until N aggregates have come.
exec "$(dirname "$0")/consumer.sh" --applicationType AGGREGATES_PERFORMANCE_TRACKER "$@"
