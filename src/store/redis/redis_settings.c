#include "store/redis/redis_settings.h"

#include <string.h>

#include "core/options.h"

static int settings_property(const struct client_property *property, struct tls_settings *settings,
                             struct error *error) {
    static const char *const names[] = {"redis.ssl.ca.location", "redis.ssl.certificate.location",
                                        "redis.ssl.key.location", "redis.tls.trust.any"};
    const char **const texts[] = {&settings->authorities, &settings->certificate, &settings->key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(property->name, names[i]) == 0) {
            *texts[i] = property->value;
            return 0;
        }
    const char *nearest = options_nearest(property->name, names, sizeof names / sizeof *names);
    if (strcmp(property->name, "redis.tls.trust.any") != 0)
        return error_set(error, ERROR_INVALID, "-X %s: there is no such property%s%s", property->name,
                         nearest ? "; did you mean " : "", nearest ? nearest : "");
    settings->trust_any = strcmp(property->value, "true") == 0;
    if (settings->trust_any || strcmp(property->value, "false") == 0)
        return 0;
    return error_set(error, ERROR_INVALID, "-X %s: '%.40s' is neither true nor false", property->name, property->value);
}

int redis_settings_read(const struct cache_options *options, struct tls_settings *settings, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < options->property_count && !status; i++)
        status = settings_property(&options->properties[i], settings, error);
    return status;
}
