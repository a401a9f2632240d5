/* Objects as files of a folder. A file is written under a name of its own, brought to the disk, and gets its name by
 * link(2), which fails when there is one of it, or rename(2): it is there as a whole or not at all, also after a power
 * cut. What a process leaves that was killed meanwhile has a name that begins with ".new-". */
#include "lake/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"

enum { DEPTH_MAXIMUM = 16 };

struct folder_upload {
    struct object_upload base;
    int file;
    char path[PATH_MAX], temporary[PATH_MAX];
};

static atomic_uint folder_number; /* of temporary files of this process */

static int folder_path(const struct objects *objects, const char *name, char to[PATH_MAX], struct error *error) {
    int length = snprintf(to, PATH_MAX, "%s/%s", objects->root, name);
    if (length >= PATH_MAX || strstr(name, ".."))
        return error_set(error, ERROR_INVALID, "%s is no name of a file below %s", name, objects->root);
    return 0;
}

/* The folder that `path` lies in. */
static void folder_parent(const char *path, char to[PATH_MAX]) {
    snprintf(to, PATH_MAX, "%s", path);
    char *slash = strrchr(to, '/');
    if (slash && slash != to)
        *slash = '\0';
}

static int folder_sync(const char *folder, struct error *error) {
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return error_set_errno(error, errno, "opening folder %s", folder);
    int status = fsync(file) ? error_set_errno(error, errno, "bringing folder %s to the disk", folder) : 0;
    close(file);
    return status;
}

/* Makes the folders above `path` that are missing; each one that is made is brought to the disk. */
static int folder_make_parents(const char *path, struct error *error) {
    char folder[PATH_MAX], above[PATH_MAX];
    struct stat status;
    folder_parent(path, folder);
    if (stat(folder, &status) == 0)
        return 0;
    if (strcmp(folder, path) == 0)
        return error_set(error, ERROR_IO, "there is no folder %s", folder);
    int made = folder_make_parents(folder, error);
    if (made)
        return made;
    if (mkdir(folder, 0700) && errno != EEXIST)
        return error_set_errno(error, errno, "making folder %s", folder);
    folder_parent(folder, above);
    return folder_sync(above, error);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static int folder_upload_open(struct objects *objects, const char *name, struct object_upload **ret_upload,
                              struct error *error) {
    struct folder_upload *upload = memory_zero(1, sizeof *upload);
    char parent[PATH_MAX];
    if (!upload)
        return error_no_memory(error);
    upload->base.driver = objects->driver;
    int status = folder_path(objects, name, upload->path, error);
    if (!status)
        status = folder_make_parents(upload->path, error);
    if (!status) {
        folder_parent(upload->path, parent);
        uint64_t part = 0; /* processes of two machines, or containers, may have the same number */
        if (getrandom(&part, sizeof part, 0) < 0)
            part = (uint64_t)time(NULL);
        int length = snprintf(upload->temporary, sizeof upload->temporary, "%s/.new-%d-%u-%016" PRIx64, parent,
                              (int)getpid(), atomic_fetch_add(&folder_number, 1), part);
        if (length >= (int)sizeof upload->temporary)
            status = error_set(error, ERROR_INVALID, "the path of %s is too long", upload->path);
    }
    if (!status) {
        upload->file = open(upload->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (upload->file < 0)
            status = error_set_errno(error, errno, "making %s", upload->temporary);
    }
    if (status)
        free(upload);
    else
        *ret_upload = &upload->base;
    return status;
}

static int folder_upload_write(struct object_upload *base, const void *data, size_t length, struct error *error) {
    struct folder_upload *upload = (struct folder_upload *)base;
    const char *at = data;
    while (length) {
        ssize_t written = write(upload->file, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_errno(error, errno, "writing %s", upload->temporary);
        at += written;
        length -= (size_t)written;
    }
    return 0;
}

static void folder_upload_abandon(struct object_upload *base) {
    struct folder_upload *upload = (struct folder_upload *)base;
    close(upload->file);
    unlink(upload->temporary);
    free(upload);
}

/* Gives the file its name. After an error of the last step it is there, but perhaps not after a power cut. */
static int folder_publish(struct folder_upload *upload, bool fresh, struct error *error) {
    char parent[PATH_MAX];
    if (fsync(upload->file))
        return error_set_errno(error, errno, "bringing %s to the disk", upload->temporary);
    if (fresh && link(upload->temporary, upload->path)) {
        if (errno == EEXIST)
            return error_set(error, ERROR_EXISTS, "there is a file %s already", upload->path);
        error_set_errno(error, errno, "making %s", upload->path);
        error->retriable = true; /* of a folder on a server the answer may have been lost */
        return error->code;
    }
    if (!fresh && rename(upload->temporary, upload->path))
        return error_set_errno(error, errno, "making %s", upload->path);
    folder_parent(upload->path, parent);
    int status = folder_sync(parent, error);
    if (status)
        error->retriable = true;
    return status;
}

static int folder_upload_end(struct object_upload *base, bool fresh, struct error *error) {
    int status = folder_publish((struct folder_upload *)base, fresh, error);
    folder_upload_abandon(base); /* a renamed file has no temporary name any more */
    return status;
}

static int folder_upload_finish(struct object_upload *upload, struct error *error) {
    return folder_upload_end(upload, false, error);
}

static int folder_put(struct objects *objects, const char *name, struct slice bytes, bool fresh, struct error *error) {
    struct object_upload *upload;
    int status = folder_upload_open(objects, name, &upload, error);
    if (status)
        return status;
    status = folder_upload_write(upload, bytes.data, bytes.length, error);
    if (!status)
        return folder_upload_end(upload, fresh, error);
    folder_upload_abandon(upload);
    return status;
}

static int folder_remove(struct objects *objects, const char *name, struct error *error) {
    char path[PATH_MAX];
    int status = folder_path(objects, name, path, error);
    return status || !unlink(path) || errno == ENOENT ? status : error_set_errno(error, errno, "removing %s", path);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int folder_open_error(const char *path, struct error *error) {
    return errno == ENOENT || errno == ENOTDIR ? error_set(error, ERROR_NOT_FOUND, "there is no file %s", path)
                                               : error_set_errno(error, errno, "reading %s", path);
}

static int folder_read(int file, const char *path, int64_t offset, int64_t length, struct bytes *to,
                       struct error *error) {
    char *at = bytes_reserve(to, (size_t)length + 1);
    if (!at)
        return error_no_memory(error);
    for (int64_t done = 0; done < length;) {
        ssize_t got = pread(file, at + done, (size_t)(length - done), offset + done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "reading %s", path);
        if (got == 0)
            return error_set(error, ERROR_CORRUPT, "file %s ends at %lld bytes, where there should be %lld", path,
                             (long long)(offset + done), (long long)(offset + length));
        done += got;
    }
    to->length += (size_t)length;
    return 0;
}

static int folder_get(struct objects *objects, const char *name, int64_t offset, int64_t length, struct bytes *to,
                      struct error *error) {
    char path[PATH_MAX];
    struct stat found;
    int status = folder_path(objects, name, path, error);
    if (status)
        return status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &found)) {
        status = folder_open_error(path, error);
        if (file >= 0)
            close(file);
        return status;
    }
    to->length = 0;
    status = folder_read(file, path, offset, length < 0 ? found.st_size - offset : length, to, error);
    close(file);
    return status;
}

static int folder_size(struct objects *objects, const char *name, int64_t *ret_bytes, struct error *error) {
    char path[PATH_MAX];
    struct stat found;
    int status = folder_path(objects, name, path, error);
    if (status)
        return status;
    if (stat(path, &found))
        return folder_open_error(path, error);
    *ret_bytes = found.st_size;
    return 0;
}

struct folder_walk {
    const struct objects *objects;
    int (*each)(void *context, const struct object_listed *object, struct error *error);
    void *context;
};

static int folder_walk(const struct folder_walk *walk, const char *name, int depth, struct error *error);

static int folder_walk_entry(const struct folder_walk *walk, const char *name, int depth, struct error *error) {
    char path[PATH_MAX];
    struct stat found;
    int status = folder_path(walk->objects, name, path, error);
    if (status || lstat(path, &found)) /* gone meanwhile */
        return status;
    if (S_ISDIR(found.st_mode))
        return folder_walk(walk, name, depth + 1, error);
    struct object_listed object = {name, found.st_size,
                                   (int64_t)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000};
    return S_ISREG(found.st_mode) ? walk->each(walk->context, &object, error) : 0;
}

static int folder_walk(const struct folder_walk *walk, const char *name, int depth, struct error *error) {
    char path[PATH_MAX], below[PATH_MAX];
    int status = folder_path(walk->objects, name, path, error);
    if (status || depth > DEPTH_MAXIMUM)
        return status;
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? 0 : error_set_errno(error, errno, "listing %s", path);
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int length = snprintf(below, sizeof below, "%s%s%s", name, *name ? "/" : "", entry->d_name);
        if (length < (int)sizeof below)
            status = folder_walk_entry(walk, below, depth, error);
    }
    closedir(folder);
    return status;
}

static int folder_list(struct objects *objects, const char *prefix,
                       int (*each)(void *context, const struct object_listed *object, struct error *error),
                       void *context, struct error *error) {
    struct folder_walk walk = {objects, each, context};
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s", prefix);
    size_t length = strlen(name);
    if (length && name[length - 1] == '/')
        name[length - 1] = '\0';
    return folder_walk(&walk, name, 0, error);
}

static void folder_close(struct objects *objects) {
    free(objects->root);
    free(objects);
}

static const struct object_driver folder_driver = {.close = folder_close,
                                                   .put = folder_put,
                                                   .get = folder_get,
                                                   .size = folder_size,
                                                   .list = folder_list,
                                                   .remove = folder_remove,
                                                   .upload_open = folder_upload_open,
                                                   .upload_write = folder_upload_write,
                                                   .upload_finish = folder_upload_finish,
                                                   .upload_abandon = folder_upload_abandon};

int objects_folder_open(const char *folder, struct objects **ret_objects, struct error *error) {
    struct objects *objects = memory_zero(1, sizeof *objects);
    char *root = strdup(folder);
    if (!objects || !root) {
        free(objects);
        free(root);
        return error_no_memory(error);
    }
    for (size_t length = strlen(root); length > 1 && root[length - 1] == '/';)
        root[--length] = '\0';
    *objects = (struct objects){&folder_driver, root};
    *ret_objects = objects;
    return 0;
}
