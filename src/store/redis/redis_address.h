/* redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], without the scheme. */
#ifndef METERLINE_STORE_REDIS_REDIS_ADDRESS_H
#define METERLINE_STORE_REDIS_REDIS_ADDRESS_H

#include "core/error.h"

struct redis_address {
    char *host, *user, *password; /* owned; user and password may be NULL */
    int port, database;
};

/* ERROR_INVALID says what is wrong and never shows the password. */
int redis_address_read(const char *text, struct redis_address *ret_address, struct error *error);
void redis_address_release(struct redis_address *address);

#endif
