/* A load of line protocol over HTTP: connections that each send a batch, wait for its answer, and send the next one when
 * its time has come.
 *
 *     bench_ingest_load HOST PORT CONNECTIONS BATCH RATE SECONDS [tls]     RATE: readings a second in all; 0: at once
 *
 * Prints JSON: readings acknowledged, seconds, answers that were none of 204, acknowledgement times in ms (median, 99 %). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SERIES = 1000, LINE_ROOM = 96, ANSWER_ROOM = 4096, TIMES_MAXIMUM = 4000000 };

struct link {
    int fd;
    SSL *ssl;
    char *request;
    size_t length, sent;
    bool waits;         /* for its answer */
    double due, posted; /* seconds */
};

struct load {
    int connections, batch;
    double rate, seconds;
    bool tls;
    struct sockaddr_in address;
    struct link *links;
    uint64_t next, acknowledged, refused;
    float *times; /* ms */
    size_t time_count;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "bench_ingest_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void link_open(struct load *load, struct link *link, SSL_CTX *context) {
    int one = 1;
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (link->fd < 0 || connect(link->fd, (const struct sockaddr *)&load->address, sizeof load->address))
        fail("connect");
    if (load->tls) {
        link->ssl = SSL_new(context);
        SSL_set_fd(link->ssl, link->fd);
        SSL_clear_mode(link->ssl, SSL_MODE_AUTO_RETRY);
        if (SSL_connect(link->ssl) != 1)
            fail("TLS");
    }
    link->request = malloc((size_t)load->batch * LINE_ROOM + 256);
}

/* Readings of SERIES meters in turn, each with a time of its own. */
static void link_write_request(struct load *load, struct link *link) {
    size_t head = 200, length = head;
    for (int i = 0; i < load->batch; i++, load->next++)
        length += (size_t)sprintf(
            link->request + length, "readings,gateway=gw%u,type=ELECTRICITY active_power=%u.%03u %llu\n",
            (unsigned)(load->next % SERIES), (unsigned)(load->next % 5000), (unsigned)(load->next * 7 % 1000),
            1700000000000ULL + (unsigned long long)(load->next / SERIES) * 1000);
    char text[200];
    int written =
        snprintf(text, sizeof text, "POST /write?precision=ms HTTP/1.1\r\nHost: bench\r\nContent-Length: %zu\r\n\r\n",
                 length - head);
    memmove(link->request + written, link->request + head, length - head);
    memcpy(link->request, text, (size_t)written);
    link->length = length - head + (size_t)written;
    link->sent = 0;
    link->waits = true;
    link->posted = now();
}

static void link_send(struct link *link) {
    while (link->sent <
           link->length) { /* blocking: requests are small against the socket's buffer, or the server reads */
        ssize_t sent = link->ssl ? SSL_write(link->ssl, link->request + link->sent, (int)(link->length - link->sent))
                                 : send(link->fd, link->request + link->sent, link->length - link->sent, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("send");
        link->sent += (size_t)sent;
    }
}

/* False: that was no answer. */
static bool link_receive(struct load *load, struct link *link) {
    char answer[ANSWER_ROOM];
    ssize_t got =
        link->ssl ? SSL_read(link->ssl, answer, sizeof answer - 1) : recv(link->fd, answer, sizeof answer - 1, 0);
    if (link->ssl && got < 0 && SSL_get_error(link->ssl, (int)got) == SSL_ERROR_WANT_READ)
        return false; /* tickets of TLS 1.3, no answer */
    if (got <= 0)
        fail("the server has ended the connection");
    bool taken = got > 12 && memcmp(answer, "HTTP/1.1 204", 12) == 0;
    link->waits = false;
    if (taken)
        load->acknowledged += (uint64_t)load->batch;
    else
        load->refused++;
    if (load->time_count < TIMES_MAXIMUM)
        load->times[load->time_count++] = (float)((now() - link->posted) * 1000);
    return true;
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void load_run(struct load *load, int epoll) {
    struct epoll_event events[256];
    double begun = now(), end = begun + load->seconds;
    double step = load->rate > 0 ? load->batch * load->connections / load->rate : 0; /* of one connection */
    for (int i = 0; i < load->connections; i++)
        load->links[i].due = begun + step * i / load->connections;
    size_t waiting = 0;
    for (double time = begun; time < end || waiting; time = now()) {
        double next = end;
        for (int i = 0; i < load->connections && time < end; i++) {
            struct link *link = &load->links[i];
            if (link->waits)
                continue;
            if (link->due <= time) {
                link_write_request(load, link);
                link_send(link);
                link->due = step > 0 ? link->due + step : time;
                waiting++;
            } else if (link->due < next) {
                next = link->due;
            }
        }
        int timeout = time >= end ? 1000 : next > time ? (int)((next - time) * 1000) : 0;
        int count = epoll_wait(epoll, events, 256, waiting && timeout > 1 ? 1 : timeout);
        for (int i = 0; i < count; i++)
            waiting -= link_receive(load, events[i].data.ptr);
    }
    double took = now() - begun;
    qsort(load->times, load->time_count, sizeof *load->times, compare);
    printf("{\"readings\":%llu,\"seconds\":%.3f,\"refused\":%llu,\"p50\":%.3f,\"p99\":%.3f}\n",
           (unsigned long long)load->acknowledged, took, (unsigned long long)load->refused,
           load->time_count ? (double)load->times[load->time_count / 2] : 0,
           load->time_count ? (double)load->times[load->time_count * 99 / 100] : 0);
}

int main(int argc, char **argv) {
    if (argc < 7)
        return 2;
    struct load load = {.connections = atoi(argv[3]),
                        .batch = atoi(argv[4]),
                        .rate = atof(argv[5]),
                        .seconds = atof(argv[6]),
                        .tls = argc > 7,
                        .address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))}};
    inet_pton(AF_INET, argv[1], &load.address.sin_addr);
    load.links = calloc((size_t)load.connections, sizeof *load.links);
    load.times = malloc(TIMES_MAXIMUM * sizeof *load.times);
    SSL_CTX *context = load.tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    int epoll = epoll_create1(0);
    for (int i = 0; i < load.connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load.links[i]};
        link_open(&load, &load.links[i], context);
        epoll_ctl(epoll, EPOLL_CTL_ADD, load.links[i].fd, &event);
    }
    load_run(&load, epoll);
    return 0;
}
