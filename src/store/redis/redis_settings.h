/* What is known of a Redis beside its address: the properties redis.*. */
#ifndef METERLINE_STORE_REDIS_REDIS_SETTINGS_H
#define METERLINE_STORE_REDIS_REDIS_SETTINGS_H

#include "store/cache.h"
#include "store/tls.h"

/* `settings` borrows the properties' values. ERROR_INVALID names a property that there is not. */
int redis_settings_read(const struct cache_options *options, struct tls_settings *settings, struct error *error);

#endif
