#include "batch/duckdb/duckdb_library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY_NAME    "libduckdb.so"
#define LIBRARY_CACHE   "duckdb-1.5.5"
#define LIBRARY_VERSION "v1.5."

/* The folder of the program, or an empty text. */
static void library_program_folder(char *to, size_t size) {
    ssize_t length = readlink("/proc/self/exe", to, size - 1);
    to[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(to, '/');
    if (slash)
        *slash = '\0';
}

/* Candidate `at` into `to`; false: it does not apply here. */
static bool library_candidate(size_t at, char *to, size_t size) {
    char folder[PATH_MAX];
    const char *home = getenv("HOME"), *cache = getenv("METERLINE_ENGINES_CACHE");
    int length = -1;
    library_program_folder(folder, sizeof folder);
    if (at == 0 && *folder)
        length = snprintf(to, size, "%s/" LIBRARY_NAME, folder);
    else if (at == 1 && *folder)
        length = snprintf(to, size, "%s/../lib/meterline/" LIBRARY_NAME, folder);
    else if (at == 2 && cache && *cache)
        length = snprintf(to, size, "%s/" LIBRARY_CACHE "/" LIBRARY_NAME, cache);
    else if (at == 2 && home && *home)
        length = snprintf(to, size, "%s/.cache/meterline-engines/" LIBRARY_CACHE "/" LIBRARY_NAME, home);
    return length > 0 && (size_t)length < size && access(to, R_OK) == 0;
}

static void library_find(char *to, size_t size) {
    for (size_t at = 0; at < 3; at++)
        if (library_candidate(at, to, size))
            return;
    snprintf(to, size, LIBRARY_NAME);
}

static int library_symbols(struct duckdb *duckdb, const char *path, struct error *error) {
    const char *missing = NULL;
#define DUCKDB_SYMBOL(result, name, parameters)                                                                        \
    {                                                                                                                  \
        void *symbol = dlsym(duckdb->library, "duckdb_" #name);                                                        \
        missing = symbol || missing ? missing : "duckdb_" #name;                                                       \
        memcpy(&duckdb->name, &symbol, sizeof symbol);                                                                 \
    }
    DUCKDB_FUNCTIONS(DUCKDB_SYMBOL)
#undef DUCKDB_SYMBOL
    if (missing)
        return error_set(error, ERROR_UNSUPPORTED, "%s has no function %s; it must be DuckDB 1.5", path, missing);
    const char *version = duckdb->library_version();
    if (strncmp(version, LIBRARY_VERSION, strlen(LIBRARY_VERSION)) != 0)
        return error_set(error, ERROR_UNSUPPORTED, "%s is DuckDB %s; it must be 1.5", path, version);
    return 0;
}

int duckdb_load(const char *path, struct duckdb *ret_duckdb, struct error *error) {
    char found[PATH_MAX + 64];
    struct duckdb duckdb = {0};
    bool named = path != NULL;
    if (!named) {
        library_find(found, sizeof found);
        path = found;
    }
    duckdb.library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!duckdb.library && named)
        return error_set(error, ERROR_NOT_FOUND, "DuckDB's library cannot be loaded: %s", dlerror());
    if (!duckdb.library)
        return error_set(error, ERROR_NOT_FOUND,
                         "DuckDB's library is not there (%s): './dev duckdb' in the sources fetches it; or put "
                         "libduckdb.so of DuckDB 1.5 beside the program, or name it by --duckdb FILE",
                         dlerror());
    int status = library_symbols(&duckdb, path, error);
    if (status) {
        dlclose(duckdb.library);
        return status;
    }
    *ret_duckdb = duckdb;
    return 0;
}

void duckdb_unload(struct duckdb *duckdb) {
    if (duckdb->library)
        dlclose(duckdb->library);
    *duckdb = (struct duckdb){0};
}
