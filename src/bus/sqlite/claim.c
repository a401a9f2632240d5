/* One run of a group at a time: a lock on a file of the group beside the log, which ends with the process that holds
 * it, however that ends. The file stays; it says whose it was last:
 *
 *     group-2f1c90b3a4d5e6f7.lock      "1234 run\n"      process, group
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

enum { CLAIM_MODE = 0600 };

struct bus_claim {
    int file;
};

/* Names of groups hold what names of files do not: FNV-1a, 64 bits. */
static uint64_t claim_hash(const char *group) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *group; group++)
        hash = (hash ^ (unsigned char)*group) * UINT64_C(0x100000001b3);
    return hash;
}

static int claim_taken(int file, const char *group, const char *folder, struct error *error) {
    char owner[32] = "";
    ssize_t length = pread(file, owner, sizeof owner - 1, 0);
    owner[length > 0 ? strspn(owner, "0123456789") : 0] = '\0';
    return error_set(
        error, ERROR_CONFLICT,
        "group %s already runs on %s%s%s: stop that one, start this one as another group (--group NAME), or "
        "give it a data folder of its own (--data DIR)",
        group, folder, *owner ? ", in process " : "", owner);
}

static int claim_lock(int file, const char *group, const char *folder, struct error *error) {
    char owner[600];
    if (flock(file, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? claim_taken(file, group, folder, error)
                                    : error_set_errno(error, errno, "cannot lock group %s on %s", group, folder);
    int length = snprintf(owner, sizeof owner, "%ld %.500s\n", (long)getpid(), group);
    if (ftruncate(file, 0) != 0 || pwrite(file, owner, (size_t)length, 0) != length)
        return error_set_errno(error, errno, "cannot write down who runs group %s on %s", group, folder);
    return 0;
}

int sqlite_group_claim(struct bus *door, const char *group, struct bus_claim **ret_claim, struct error *error) {
    const char *folder = ((struct sqlite_bus *)door)->folder;
    struct bus_claim *claim = memory_zero(1, sizeof *claim);
    char *path = NULL;
    if (!claim || asprintf(&path, "%s/group-%016" PRIx64 ".lock", folder, claim_hash(group)) < 0) {
        free(claim);
        return error_no_memory(error);
    }
    claim->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, CLAIM_MODE);
    int status = claim->file < 0 ? error_set_errno(error, errno, "cannot open %s", path)
                                 : claim_lock(claim->file, group, folder, error);
    free(path);
    if (status)
        sqlite_group_release(claim);
    else
        *ret_claim = claim;
    return status;
}

void sqlite_group_release(struct bus_claim *claim) {
    if (claim->file >= 0)
        close(claim->file);
    free(claim);
}
