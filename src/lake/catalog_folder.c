/* The catalog of a folder: each folder in it that has a folder `metadata` is a table. */
#include "lake/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/random.h"
#include "lake/catalog_versions.h"

struct catalog_folder {
    struct catalog base;
    char root[PATH_MAX];
};

void catalog_uuid(char to[CATALOG_UUID_SIZE]) {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) { /* no kernel of ours lacks it */
        uint64_t halves[2] = {random_mix((uint64_t)time(NULL)),
                              random_mix((uint64_t)getpid() << 32 | (uint64_t)clock())};
        memcpy(bytes, halves, sizeof bytes);
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof bytes; i++)
        to += sprintf(to, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

static int folder_table(const struct catalog *catalog, const char *name, struct objects **ret_objects,
                        struct error *error) {
    const struct catalog_folder *folder = (const struct catalog_folder *)catalog;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder->root, name) >= (int)sizeof path)
        return error_set(error, ERROR_INVALID, "the path of table %s is too long", name);
    return objects_folder_open(path, ret_objects, error);
}

static int folder_objects(struct catalog *catalog, const char *name, const struct table_metadata *metadata,
                          struct objects **ret_objects, struct error *error) {
    (void)metadata;
    return folder_table(catalog, name, ret_objects, error);
}

static int folder_load(struct catalog *catalog, const char *name, struct table_metadata *ret_metadata,
                       struct error *error) {
    struct objects *objects;
    int status = folder_table(catalog, name, &objects, error);
    if (status)
        return status;
    status = versions_load(objects, ret_metadata, error);
    objects->driver->close(objects);
    return status;
}

static int folder_create(struct catalog *catalog, const char *name, const struct lake_table_settings *settings,
                         int64_t now, struct error *error) {
    cleanup(table_metadata_release) struct table_metadata metadata = {0};
    char uuid[CATALOG_UUID_SIZE];
    struct objects *objects;
    int status = folder_table(catalog, name, &objects, error);
    if (status)
        return status;
    catalog_uuid(uuid);
    status = table_metadata_new(settings, objects->root, uuid, now, &metadata, error);
    if (!status)
        status = versions_create(objects, &metadata, error);
    objects->driver->close(objects);
    return status;
}

static int folder_commit(struct catalog *catalog, const char *name, const struct metadata_change *change,
                         struct error *error) {
    struct objects *objects;
    int status = folder_table(catalog, name, &objects, error);
    if (status)
        return status;
    status = versions_commit(objects, change, error);
    objects->driver->close(objects);
    return status;
}

static int folder_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool folder_is_table(const struct catalog_folder *folder, const char *name) {
    char path[PATH_MAX];
    struct stat status;
    return name[0] != '.' && snprintf(path, sizeof path, "%s/%s/metadata", folder->root, name) < (int)sizeof path &&
           stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int folder_tables(struct catalog *catalog, struct arena *arena, const char *const **ret_names, size_t *ret_count,
                         struct error *error) {
    const struct catalog_folder *folder = (const struct catalog_folder *)catalog;
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    bool failed = false;
    DIR *open = opendir(folder->root);
    if (!open && errno != ENOENT)
        return error_set_errno(error, errno, "listing %s", folder->root);
    for (struct dirent *entry; open && !failed && (entry = readdir(open));) {
        if (!folder_is_table(folder, entry->d_name))
            continue;
        failed = !memory_reserve((void **)&names, &capacity, count + 1, sizeof *names);
        if (!failed)
            failed = !(names[count++] = arena_copy(arena, slice_of(entry->d_name)).data);
    }
    if (open)
        closedir(open);
    if (!failed && count)
        qsort(names, count, sizeof *names, folder_compare);
    const char **kept = arena_allocate(arena, (count + 1) * sizeof *kept);
    failed |= !kept;
    if (!failed && count)
        memcpy(kept, names, count * sizeof *kept);
    free(names);
    if (failed)
        return error_no_memory(error);
    *ret_names = kept;
    *ret_count = count;
    return 0;
}

static void folder_close(struct catalog *catalog) {
    free(catalog);
}

static const struct catalog_driver folder_driver = {.close = folder_close,
                                                    .tables = folder_tables,
                                                    .load = folder_load,
                                                    .objects = folder_objects,
                                                    .create = folder_create,
                                                    .commit = folder_commit};

/* Locations in metadata are whole paths, whatever folder the program runs in. */
static int folder_absolute(const char *folder, char to[PATH_MAX], struct error *error) {
    char here[PATH_MAX] = "";
    if (folder[0] != '/' && !getcwd(here, sizeof here))
        return error_set_errno(error, errno, "finding the current folder");
    while (folder[0] == '.' && folder[1] == '/')
        folder += 2;
    if (snprintf(to, PATH_MAX, "%s%s%s", here, *here ? "/" : "", folder) >= PATH_MAX)
        return error_set(error, ERROR_INVALID, "the path of the lake is too long");
    for (size_t length = strlen(to); length > 1 && to[length - 1] == '/';)
        to[--length] = '\0';
    return 0;
}

int catalog_folder_open(const char *path, bool create, struct catalog **ret_catalog, struct error *error) {
    struct catalog_folder *folder = memory_zero(1, sizeof *folder);
    struct stat found;
    if (!folder)
        return error_no_memory(error);
    folder->base.driver = &folder_driver;
    int status = folder_absolute(path, folder->root, error);
    if (!status && stat(folder->root, &found)) {
        if (errno != ENOENT)
            status = error_set_errno(error, errno, "opening lake %s", folder->root);
        else if (!create)
            status = error_set(error, ERROR_NOT_FOUND,
                               "there is no lake in %s: a run with --lake makes one, and --lake says where it is",
                               folder->root);
    } else if (!status && !S_ISDIR(found.st_mode)) {
        status = error_set(error, ERROR_INVALID, "lake %s is no folder", folder->root);
    }
    if (status)
        free(folder);
    else
        *ret_catalog = &folder->base;
    return status;
}
