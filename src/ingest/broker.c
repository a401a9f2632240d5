/* One thread, one socket, one delivery at a time: what has come while a commit ran goes with the next one. */
#include "ingest/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "ingest/mqtt_gather.h"

enum {
    BROKER_KEEP_ALIVE = 60, /* s */
    BROKER_LOOK_MS = 200,   /* how soon the end is seen */
    BROKER_ANSWER_MS = 10000,
    BROKER_AGAIN_MS = 1000,
    BROKER_AGAIN_MAXIMUM_MS = 30000,
    BROKER_PACKET_MAXIMUM = 1024 * 1024,
    BROKER_READ = 64 * 1024,
    BROKER_FILTERS = 64,
    BROKER_SESSION = 86400, /* s */
    BROKER_PART = 256
};

struct broker {
    struct broker_options options;
    char user[BROKER_PART], password[BROKER_PART], host[BROKER_PART], port[8];
    bool has_user;
    char *filters[BROKER_FILTERS];
    size_t filter_count;
    pthread_t thread;
    atomic_bool stop;
    /* of the connection */
    int fd;
    struct bytes input, output;
    int64_t sent_at; /* monotonic ms, for the keep alive */
    size_t granted;  /* filters that the broker has answered */
    /* of the delivery at hand */
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct delivery delivery;
    bool done;
};

/* --- what is asked for
 * ------------------------------------------------------------------------------------------------------------------ */

static bool url_part(char *to, size_t size, const char *from, size_t length) {
    if (length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

static int broker_url_error(struct error *error) {
    return error_set(error, ERROR_INVALID, "the broker's URL must be mqtt://[USER[:PASSWORD]@]HOST[:PORT]");
}

static int broker_read_url(struct broker *broker, struct error *error) {
    const char *at = broker->options.url;
    if (strncmp(at, "mqtts://", 8) == 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "a broker is reached by mqtt:// only: for TLS put a tunnel before it");
    if (strncmp(at, "mqtt://", 7) != 0)
        return broker_url_error(error);
    at += 7;
    const char *host = strrchr(at, '@');
    if (host) {
        size_t length = strcspn(at, ":@");
        const char *password = at[length] == ':' ? at + length + 1 : host;
        broker->has_user = true;
        if (!url_part(broker->user, sizeof broker->user, at, length) ||
            !url_part(broker->password, sizeof broker->password, password, (size_t)(host - password)))
            return broker_url_error(error);
        at = host + 1;
    }
    size_t length = *at == '[' ? strcspn(at, "]") : strcspn(at, ":/");
    bool bracket = *at == '[' && at[length] == ']';
    if (!url_part(broker->host, sizeof broker->host, at + bracket, length - bracket) || !broker->host[0])
        return broker_url_error(error);
    at += length + bracket;
    if (*at == ':' && !url_part(broker->port, sizeof broker->port, at + 1, strcspn(at + 1, "/")))
        return broker_url_error(error);
    if (!*broker->port)
        strcpy(broker->port, "1883");
    return 0;
}

static int broker_read_filters(struct broker *broker, struct error *error) {
    for (const char *at = broker->options.topics; *at; at += *at == ',') {
        size_t length = strcspn(at, ","), size = length + 300;
        if (length == 0 || length > 1024 || broker->filter_count == BROKER_FILTERS)
            return error_set(error, ERROR_INVALID, "topics of the broker are at most %d filters, separated by commas",
                             BROKER_FILTERS);
        char *filter = malloc(size);
        if (!filter)
            return error_no_memory(error);
        const char *share = broker->options.share;
        snprintf(filter, size, "%s%.200s%s%.*s", share ? "$share/" : "", share ? share : "", share ? "/" : "",
                 (int)length, at);
        broker->filters[broker->filter_count++] = filter;
        at += length;
    }
    return broker->filter_count ? 0 : error_set(error, ERROR_INVALID, "there is no topic to subscribe to");
}

/* --- bytes
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t broker_now(const struct broker *broker) {
    return clock_monotonic_ns(broker->options.clock) / 1000000;
}

static int broker_lost(struct error *error, const char *what) {
    return error_set(error, ERROR_IO, "%s%s%s", what, errno ? ": " : "", errno ? strerror(errno) : "");
}

/* The socket waits at most BROKER_LOOK_MS; who reads nothing for BROKER_ANSWER_MS is lost. */
static int broker_send(struct broker *broker, struct error *error) {
    int64_t until = broker_now(broker) + BROKER_ANSWER_MS;
    size_t sent = 0;
    if (broker->output.failed)
        return error_no_memory(error);
    while (sent < broker->output.length) {
        ssize_t more = send(broker->fd, broker->output.data + sent, broker->output.length - sent, MSG_NOSIGNAL);
        if (more < 0 && errno != EAGAIN && errno != EINTR)
            return broker_lost(error, "the connection broke");
        if (more < 0 && (broker_now(broker) > until || atomic_load(&broker->stop)))
            return broker_lost(error, "the broker reads nothing");
        sent += more > 0 ? (size_t)more : 0;
    }
    broker->output.length = 0;
    broker->sent_at = broker_now(broker);
    return 0;
}

static int broker_say(struct broker *broker, const struct mqtt_packet *packet, struct error *error) {
    mqtt_write(&broker->output, MQTT_5, packet);
    return broker_send(broker, error);
}

static int broker_ping(struct broker *broker, struct error *error) {
    if (broker_now(broker) - broker->sent_at < BROKER_KEEP_ALIVE * 500)
        return 0;
    return broker_say(broker, &(struct mqtt_packet){.type = MQTT_PINGREQ}, error);
}

/* Waits a moment for bytes; 0 also when there were none. */
static int broker_receive(struct broker *broker, struct error *error) {
    char *to = bytes_reserve(&broker->input, BROKER_READ);
    if (!to)
        return error_no_memory(error);
    ssize_t more = recv(broker->fd, to, BROKER_READ, 0);
    if (more == 0) {
        errno = 0;
        return broker_lost(error, "the broker has closed the connection");
    }
    if (more < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : broker_lost(error, "the connection broke");
    broker->input.length += (size_t)more;
    return 0;
}

/* --- deliveries
 * ------------------------------------------------------------------------------------------------------------------ */

static void broker_done(struct delivery *delivery) {
    struct broker *broker = (struct broker *)(void *)((char *)delivery - offsetof(struct broker, delivery));
    pthread_mutex_lock(&broker->lock);
    broker->done = true;
    pthread_cond_signal(&broker->news);
    pthread_mutex_unlock(&broker->lock);
}

static void broker_commit_once(struct broker *broker) {
    broker->done = false;
    committer_submit(broker->options.committer, &broker->delivery);
    pthread_mutex_lock(&broker->lock);
    while (!broker->done)
        pthread_cond_wait(&broker->news, &broker->lock);
    pthread_mutex_unlock(&broker->lock);
}

/* Until the log has taken it; meanwhile the broker hears that this client lives. */
static int broker_commit(struct broker *broker, struct error *error) {
    for (;;) {
        broker_commit_once(broker);
        if (!broker->delivery.status)
            return 0;
        if (!broker->delivery.error.retriable || atomic_load(&broker->stop)) {
            *error = broker->delivery.error;
            return broker->delivery.status;
        }
        for (int waited = 0; waited < BROKER_AGAIN_MS && !atomic_load(&broker->stop); waited += BROKER_LOOK_MS)
            clock_sleep_ns(broker->options.clock, BROKER_LOOK_MS * INT64_C(1000000));
        int status = broker_ping(broker, error);
        if (status)
            return status;
    }
}

/* --- packets
 * ------------------------------------------------------------------------------------------------------------------ */

static int broker_refused(struct error *error, const char *what, unsigned reason, struct slice text) {
    return error_set(error, ERROR_INVALID, "the broker %s, reason 0x%02x%s%.*s", what, reason, text.length ? ": " : "",
                     (int)text.length, text.data ? text.data : "");
}

static int broker_subscribed(struct broker *broker, const struct mqtt_packet *packet, struct error *error) {
    for (size_t i = 0; i < packet->count; i++)
        if ((unsigned char)packet->payload.data[i] >= 0x80)
            return broker_refused(error, "refused the subscription", (unsigned char)packet->payload.data[i],
                                  packet->properties.reason);
    if (++broker->granted == broker->filter_count)
        log_write(broker->options.log, LOG_INFO, "broker %s:%s: subscribed to %s", broker->host, broker->port,
                  broker->options.topics);
    return 0;
}

static int broker_subscribe(struct broker *broker, struct error *error) {
    for (size_t i = 0; i < broker->filter_count; i++)
        mqtt_write(
            &broker->output, MQTT_5,
            &(struct mqtt_packet){
                .type = MQTT_SUBSCRIBE, .id = (uint16_t)(i + 1), .topic = slice_of(broker->filters[i]), .qos = 1});
    return broker_send(broker, error);
}

static int broker_take(struct broker *broker, struct mqtt_gather *gather, const struct mqtt_packet *packet,
                       struct error *error) {
    switch (packet->type) {
    case MQTT_CONNACK:
        return packet->reason
                   ? broker_refused(error, "refused the connection", packet->reason, packet->properties.reason)
                   : broker_subscribe(broker, error);
    case MQTT_SUBACK:
        return broker_subscribed(broker, packet, error);
    case MQTT_PUBLISH:
        if (packet->qos == 2 || packet->properties.topic_alias)
            return error_set(error, ERROR_INVALID, "the broker sends what was not asked for: QoS 2 or a topic alias");
        return mqtt_gather_add(gather, packet, SLICE(""), NULL) ? 0 : error_no_memory(error);
    case MQTT_DISCONNECT:
        return broker_refused(error, "ends the connection", packet->reason, packet->properties.reason);
    case MQTT_PINGRESP:
        return 0;
    default:
        return error_set(error, ERROR_INVALID, "the broker sends a packet of type %d, which only clients do",
                         (int)packet->type);
    }
}

/* Acknowledgements wait in the output until the commit. */
static int broker_read_packets(struct broker *broker, struct mqtt_gather *gather, size_t *ret_used,
                               size_t *ret_published, struct bytes *acknowledgements, struct error *error) {
    int status = 0;
    while (!status) {
        struct slice rest = {broker->input.data + *ret_used, broker->input.length - *ret_used};
        struct mqtt_packet packet;
        struct mqtt_refusal refusal;
        ssize_t length = rest.length ? mqtt_read(rest, MQTT_5, BROKER_PACKET_MAXIMUM, &packet, &refusal) : 0;
        if (length == 0)
            return 0;
        if (length < 0)
            return error_set(error, ERROR_INVALID, "the broker sends what is no MQTT: %s", refusal.text);
        status = broker_take(broker, gather, &packet, error);
        *ret_used += (size_t)length;
        *ret_published += packet.type == MQTT_PUBLISH;
        if (packet.type == MQTT_PUBLISH && packet.qos)
            mqtt_write(acknowledgements, MQTT_5, &(struct mqtt_packet){.type = MQTT_PUBACK, .id = packet.id});
    }
    return status;
}

static int broker_work(struct broker *broker, struct error *error) {
    struct mqtt_gather gather = {.readers = broker->options.readers, .received = clock_wall(broker->options.clock)};
    cleanup(bytes_release) struct bytes acknowledgements = {0};
    char source[BROKER_PART + 8];
    size_t used = 0, published = 0;
    int status = broker_read_packets(broker, &gather, &used, &published, &acknowledgements, error);
    int length = snprintf(source, sizeof source, "broker %s", broker->host);
    broker->delivery = (struct delivery){.readings = gather.readings,
                                         .count = gather.count,
                                         .rejections = gather.rejections,
                                         .rejected = gather.rejected,
                                         .source = {source, (size_t)length},
                                         .received = gather.received,
                                         .done = broker_done};
    if (!status && published)
        status = broker_commit(broker, error);
    if (!status && published) {
        bytes_append_slice(&broker->output, bytes_slice(&acknowledgements));
        broker->output.failed |= acknowledgements.failed;
        status = broker_send(broker, error);
    }
    mqtt_gather_release(&gather);
    memmove(broker->input.data, broker->input.data + used, broker->input.length - used);
    broker->input.length -= used;
    return status;
}

/* --- the connection
 * ------------------------------------------------------------------------------------------------------------------ */

static int broker_connect_to(struct broker *broker, const struct addrinfo *address) {
    struct timeval patience = {BROKER_ANSWER_MS / 1000, 0}, look = {0, BROKER_LOOK_MS * 1000};
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of connect too */
    if (connect(fd, address->ai_addr, address->ai_addrlen)) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &look, sizeof look);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look);
    broker->fd = fd;
    return 0;
}

static int broker_connect(struct broker *broker, struct error *error) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int failure = getaddrinfo(broker->host, broker->port, &hints, &addresses), found = -1;
    if (failure)
        return error_set(error, ERROR_IO, "%s", gai_strerror(failure));
    for (const struct addrinfo *address = addresses; address && found; address = address->ai_next)
        found = broker_connect_to(broker, address);
    int reason = errno;
    freeaddrinfo(addresses);
    errno = reason;
    return found ? broker_lost(error, "cannot connect") : 0;
}

static int broker_begin(struct broker *broker, struct error *error) {
    const char *client_id = broker->options.client_id;
    struct mqtt_packet packet = {.type = MQTT_CONNECT,
                                 .connect = {.clean = !client_id,
                                             .has_user = broker->has_user,
                                             .has_password = broker->password[0],
                                             .keep_alive = BROKER_KEEP_ALIVE,
                                             .client_id = slice_of(client_id ? client_id : ""),
                                             .user = slice_of(broker->user),
                                             .password = slice_of(broker->password)},
                                 .properties = {.receive_maximum = 1024,
                                                .packet_maximum = BROKER_PACKET_MAXIMUM,
                                                .session_expiry = client_id ? BROKER_SESSION : 0}};
    int status = broker_connect(broker, error);
    return status ? status : broker_say(broker, &packet, error);
}

/* One connection, from beginning to end. */
static int broker_session(struct broker *broker, struct error *error) {
    broker->input.length = broker->output.length = broker->granted = 0;
    int64_t began = broker_now(broker);
    int status = broker_begin(broker, error);
    while (!status && !atomic_load(&broker->stop)) {
        status = broker_receive(broker, error);
        if (!status)
            status = broker_work(broker, error);
        if (!status)
            status = broker_ping(broker, error);
        if (!status && !broker->granted && broker_now(broker) - began > BROKER_ANSWER_MS) {
            errno = 0;
            status = broker_lost(error, "the broker does not answer");
        }
    }
    struct error ignored;
    if (!status)
        broker_say(broker, &(struct mqtt_packet){.type = MQTT_DISCONNECT}, &ignored);
    if (broker->fd >= 0)
        close(broker->fd);
    broker->fd = -1;
    return status;
}

static void *broker_run(void *context) {
    struct broker *broker = context;
    int64_t again = BROKER_AGAIN_MS;
    while (!atomic_load(&broker->stop)) {
        struct error error = {0};
        if (!broker_session(broker, &error))
            break;
        again = broker->granted ? BROKER_AGAIN_MS : again;
        log_write(broker->options.log, LOG_WARNING, "broker %s:%s: %s; trying again in %lld s", broker->host,
                  broker->port, error.message, (long long)again / 1000);
        int64_t until = broker_now(broker) + again;
        while (broker_now(broker) < until && !atomic_load(&broker->stop))
            clock_sleep_ns(broker->options.clock, BROKER_LOOK_MS * INT64_C(1000000));
        again = again * 2 < BROKER_AGAIN_MAXIMUM_MS ? again * 2 : BROKER_AGAIN_MAXIMUM_MS;
    }
    return NULL;
}

static void broker_free(struct broker *broker) {
    for (size_t i = 0; i < broker->filter_count; i++)
        free(broker->filters[i]);
    bytes_release(&broker->input);
    bytes_release(&broker->output);
    pthread_mutex_destroy(&broker->lock);
    pthread_cond_destroy(&broker->news);
    explicit_bzero(broker->password, sizeof broker->password);
    free(broker);
}

static int broker_start(struct broker *broker, struct error *error) {
    sigset_t all, before;
    int status = broker_read_url(broker, error);
    if (!status)
        status = broker_read_filters(broker, error);
    if (status)
        return status;
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&broker->thread, NULL, broker_run, broker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure ? error_set_errno(error, failure, "cannot start the thread of the broker") : 0;
}

int broker_open(const struct broker_options *options, struct broker **ret_broker, struct error *error) {
    struct broker *broker = memory_zero(1, sizeof *broker);
    if (!broker)
        return error_no_memory(error);
    broker->options = *options;
    broker->fd = -1;
    pthread_mutex_init(&broker->lock, NULL);
    pthread_cond_init(&broker->news, NULL);
    int status = broker_start(broker, error);
    if (status)
        broker_free(broker);
    else
        *ret_broker = broker;
    return status;
}

struct broker *broker_close(struct broker *broker) {
    if (!broker)
        return NULL;
    atomic_store(&broker->stop, true);
    pthread_join(broker->thread, NULL);
    broker_free(broker);
    return NULL;
}
