/* librdkafka's errors in our words: which are the user's to mend, which pass by themselves. */
#include <stdio.h>

#include "bus/kafka/kafka_bus.h"

/* librdkafka's own _UNKNOWN_PARTITION is not among those that do not pass: metadata may lack a partition for a
 * moment while brokers come and go. */
static int kafka_code(rd_kafka_resp_err_t err) {
    switch (err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return ERROR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return ERROR_EXISTS;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERROR_INVALID;
    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return ERROR_CONFLICT;
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        return ERROR_BUSY;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
        return ERROR_CORRUPT;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        return ERROR_UNSUPPORTED;
    default:
        return ERROR_IO;
    }
}

int kafka_error(struct kafka_bus *bus, rd_kafka_resp_err_t err, const char *detail, struct error *error,
                const char *format, ...) {
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    int code = kafka_code(err);
    bool waiting = err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT ||
                   err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    pthread_mutex_lock(&bus->problem_lock);
    bool more = waiting && bus->problem[0];
    error_set(error, code, "%s: %s%s%s%s", what, detail && *detail ? detail : rd_kafka_err2str(err), more ? " (" : "",
              more ? bus->problem : "", more ? ")" : "");
    pthread_mutex_unlock(&bus->problem_lock);
    if (error)
        error->retriable = code == ERROR_IO || code == ERROR_BUSY;
    return code;
}

void kafka_accepted(struct kafka_bus *bus) {
    pthread_mutex_lock(&bus->problem_lock);
    bus->accepted = true;
    pthread_mutex_unlock(&bus->problem_lock);
}

bool kafka_is_accepted(struct kafka_bus *bus) {
    pthread_mutex_lock(&bus->problem_lock);
    bool accepted = bus->accepted;
    pthread_mutex_unlock(&bus->problem_lock);
    return accepted;
}

int kafka_refused(struct kafka_bus *bus, struct error *error) {
    pthread_mutex_lock(&bus->problem_lock);
    int status = 0;
    if (bus->refused)
        status = error_set(
            error, ERROR_INVALID,
            "Kafka at %s refuses the connection: %s; see security.protocol, sasl.* and ssl.* in 'Running on Kafka'",
            bus->brokers, bus->problem);
    pthread_mutex_unlock(&bus->problem_lock);
    return status;
}
