/* An HTTP server for tests: a thread that gives each connection the next answer of a script and keeps what was
 * asked. */
#ifndef METERLINE_TEST_SCRIPTED_SERVER_H
#define METERLINE_TEST_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct answer {
    int status;          /* HTTP status; or one of the below */
    const char *body;    /* NULL: empty */
    const char *headers; /* more of them, each with its line end; NULL: none */
};

enum {
    ANSWER_HANG = -1,  /* nothing, until the client gives up */
    ANSWER_CUT = -2,   /* a body that is shorter than was said */
    ANSWER_HUGE = -3,  /* a body of 5 MiB */
    ANSWER_CLOSE = -4, /* not a byte */
};

enum { SCRIPT_MAXIMUM = 64, REQUEST_SIZE = 8192 };

struct server {
    pthread_t thread;
    int listener, port;
    const struct answer *script;
    size_t script_length; /* the last answer is given again and again */
    size_t served;
    char requests[SCRIPT_MAXIMUM][REQUEST_SIZE];
};

static void server_send(int connection, const char *data, size_t length) {
    for (ssize_t sent; length > 0 && (sent = send(connection, data, length, MSG_NOSIGNAL)) > 0; length -= (size_t)sent)
        data += sent;
}

/* Reads the head and as much body as it announces. */
static void server_receive(int connection, char request[REQUEST_SIZE]) {
    size_t length = 0, want = REQUEST_SIZE - 1;
    while (length < want) {
        ssize_t got = recv(connection, request + length, want - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        request[length] = '\0';
        const char *head_end = strstr(request, "\r\n\r\n"), *announced = strcasestr(request, "\r\nContent-Length:");
        if (head_end)
            want = (size_t)(head_end + 4 - request) +
                   (announced && announced < head_end ? strtoul(announced + 17, NULL, 10) : 0);
    }
    request[length] = '\0';
}

static void server_answer(int connection, const struct answer *answer) {
    char head[1024], byte;
    size_t length = answer->body ? strlen(answer->body) : 0;
    size_t announced = answer->status == ANSWER_HUGE ? 5 << 20 : length + (answer->status == ANSWER_CUT) * 100;
    if (answer->status == ANSWER_HANG)
        while (recv(connection, &byte, 1, 0) > 0)
            ;
    if (answer->status == ANSWER_HANG || answer->status == ANSWER_CLOSE)
        return;
    snprintf(head, sizeof head, "HTTP/1.1 %d Answer\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
             answer->status > 0 ? answer->status : 200, announced, answer->headers ? answer->headers : "");
    server_send(connection, head, strlen(head));
    server_send(connection, answer->body, length);
    if (answer->status != ANSWER_HUGE)
        return;
    char *body = calloc(1, announced);
    server_send(connection, body, announced);
    free(body);
}

static void *server_run(void *context) {
    struct server *server = context;
    for (int connection; (connection = accept(server->listener, NULL, NULL)) >= 0; close(connection)) {
        size_t number = server->served < SCRIPT_MAXIMUM ? server->served : SCRIPT_MAXIMUM - 1;
        server_receive(connection, server->requests[number]);
        server->served++;
        server_answer(connection, &server->script[number < server->script_length ? number : server->script_length - 1]);
    }
    return NULL;
}

/* On a free port of 127.0.0.1. NULL: no socket. */
static struct server *server_start(const struct answer *script, size_t length) {
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->script = script;
    server->script_length = length;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, size) || listen(server->listener, 16) ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) ||
        pthread_create(&server->thread, NULL, server_run, server)) {
        close(server->listener);
        free(server);
        return NULL;
    }
    server->port = ntohs(address.sin_port);
    return server;
}

/* When it has returned, `served` and `requests` may be looked at. */
static void server_stop(struct server *server) {
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    server->listener = -1;
}

#endif
