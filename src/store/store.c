/* Which store a URL means. */
#include "store/store.h"

#include "core/memory.h"
#include "store/sqlite/sqlite_store.h"

int store_open(const char *url, const struct store_options *options, struct store **ret_store, struct error *error) {
    const char *folder = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : url;
    if (strstr(folder, "://"))
        return error_set(error, ERROR_UNSUPPORTED, "--store %s: this version has only the embedded store; use sqlite:DIR", url);
    if (!*folder)
        return error_set(error, ERROR_INVALID, "--store: the folder is missing; use sqlite:DIR");
    struct store *store = memory_zero(1, sizeof *store);
    if (!store)
        return error_no_memory(error);
    store->options = *options;
    store->folder = strdup(folder);
    int status = store->folder ? sqlite_store_prepare(store, error) : error_no_memory(error);
    if (status) {
        store_close(store);
        return status;
    }
    *ret_store = store;
    return 0;
}

struct store *store_close(struct store *store) {
    if (!store)
        return NULL;
    free(store->folder);
    free(store);
    return NULL;
}
