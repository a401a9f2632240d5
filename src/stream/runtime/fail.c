#include "stream/runtime/fail.h"

bool query_failure_is_own(const struct query_work *work, int status, const struct error *error) {
    return work->culprit < work->group->member_count && !error->retriable &&
           (status == ERROR_INVALID || status == ERROR_UNSUPPORTED || status == ERROR_CORRUPT || status == ERROR_IO);
}

void query_member_fail(struct query_group *group, size_t at, const struct error *why) {
    struct query_member *member = &group->members[at];
    pthread_mutex_lock(&group->lock);
    if (!atomic_load(&member->removed)) {
        member->failure = *why;
        atomic_store(&member->failed, true);
        atomic_store(&member->removed, true);
        atomic_fetch_add(&group->removals, 1);
    }
    pthread_mutex_unlock(&group->lock);
}

size_t query_group_failures(const struct query_group *group) {
    size_t failures = 0;
    for (size_t m = 0; m < group->member_count; m++)
        failures += atomic_load(&group->members[m].failed);
    return failures;
}
