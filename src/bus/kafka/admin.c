/* Questions to the cluster by librdkafka's admin client: asked one at a time, waited for in slices, so that refused
 * credentials end the wait at once. */
#include "bus/kafka/kafka_bus.h"
#include "core/clock.h"

enum { WAIT_SLICE = 200 /* ms */ };

static int admin_wait(struct kafka_bus *bus, rd_kafka_queue_t *queue, const char *what, rd_kafka_event_t **ret_event,
                      struct error *error) {
    for (int waited = 0; waited < KAFKA_ADMIN_TIMEOUT + 1000; waited += WAIT_SLICE) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_SLICE);
        if (event) {
            *ret_event = event;
            return 0;
        }
        rd_kafka_poll(bus->admin, 0); /* the error callback */
        int status = kafka_refused(bus, error);
        if (status)
            return status;
    }
    return kafka_error(bus, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, error, "%s", what);
}

int kafka_admin(struct kafka_bus *bus, rd_kafka_admin_op_t operation, kafka_ask ask, void *request, const char *what,
                rd_kafka_event_t **ret_event, struct error *error) {
    char text[200];
    rd_kafka_event_t *event = NULL;
    pthread_mutex_lock(&bus->admin_lock);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->admin);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(bus->admin, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_ADMIN_TIMEOUT, text, sizeof text);
    ask(bus->admin, request, options, queue);
    int status = admin_wait(bus, queue, what, &event, error);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    pthread_mutex_unlock(&bus->admin_lock);
    if (status)
        return status;
    if (rd_kafka_event_error(event)) {
        status = kafka_error(bus, rd_kafka_event_error(event), rd_kafka_event_error_string(event), error, "%s", what);
        rd_kafka_event_destroy(event);
        return status;
    }
    *ret_event = event;
    return 0;
}

int kafka_metadata(struct kafka_bus *bus, const struct rd_kafka_metadata **ret_metadata, struct error *error) {
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t patience = kafka_is_accepted(bus) ? KAFKA_ADMIN_TIMEOUT : KAFKA_FIRST_TIMEOUT;
    int64_t until = clock_monotonic_ns(bus->base.options.clock) + INT64_C(1000000) * patience;
    do {
        err = rd_kafka_metadata(bus->admin, 1, NULL, ret_metadata, WAIT_SLICE * 10);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_accepted(bus);
            return 0;
        }
        rd_kafka_poll(bus->admin, 0);
        int status = kafka_refused(bus, error);
        if (status)
            return status;
    } while ((err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT) &&
             clock_monotonic_ns(bus->base.options.clock) < until);
    return kafka_error(bus, err, NULL, error, "Kafka at %s does not answer", bus->brokers);
}
