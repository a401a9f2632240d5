/* A library for LD_PRELOAD that makes the Nth call of a class of C library functions fail, to see what a program
 * makes of it.
 *
 *     FAULT_CLASS=alloc   malloc, calloc, realloc, reallocarray, posix_memalign, aligned_alloc: ENOMEM
 *     FAULT_CLASS=write   write, pwrite, writev, ftruncate, fallocate, posix_fallocate, fsync, fdatasync on regular files, rename and unlink. By turns, for
 *                         every third N: ENOSPC; EIO; half of the bytes are written and the write of the rest is ENOSPC. A sync is always EIO.
 *     FAULT_CLASS=publish link, rename and unlink of files below a folder "lake": EIO
 *     FAULT_KILL=before   the Nth call is not made, and the process is killed; after: it is made, and then
 *     FAULT_LOST=1        the Nth call is made, and fails all the same (publish)
 *     FAULT_AT=N          the call that fails, counted from 1 since this library's constructor ran. Without it calls are only counted.
 *     FAULT_FOREVER=1     all later calls of the class fail, too
 *     FAULT_COUNT_FILE=F  at exit the number of calls seen is written to F
 *     FAULT_TRACE=1       prints the stack of the first call that fails on stderr
 *
 * Descriptors 0 to 2 never fail, so the program can say what has happened. SQLite calls the file functions through
 * pointers that the dynamic linker has resolved, so it is caught as well; what glibc's stdio writes is not.
 * Thread-safe; usable before main. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault_class { FAULT_NONE, FAULT_ALLOC, FAULT_WRITE, FAULT_PUBLISH };

static enum fault_class fault_class; /* set once, by the constructor; FAULT_NONE before */
static uint64_t fault_at;
static bool fault_forever, fault_trace, fault_lost;
static const char *fault_kill; /* "before", "after", or NULL */
static atomic_uint_fast64_t fault_calls;
static atomic_bool fault_rest; /* half was written: the next write fails */

static void fault_show_stack(void) {
    void *frames[40];
    fault_trace = false;
    int count = backtrace(frames, 40);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
}

__attribute__((constructor)) static void fault_open(void) {
    const char *name = getenv("FAULT_CLASS"), *at = getenv("FAULT_AT");
    void *frame;
    fault_at = at ? strtoull(at, NULL, 10) : 0;
    fault_forever = getenv("FAULT_FOREVER") != NULL;
    fault_trace = getenv("FAULT_TRACE") != NULL;
    fault_kill = getenv("FAULT_KILL");
    fault_lost = getenv("FAULT_LOST") != NULL;
    if (fault_trace)
        backtrace(&frame, 1); /* loads libgcc now */
    fault_class = !name                          ? FAULT_NONE
                  : strcmp(name, "alloc") == 0   ? FAULT_ALLOC
                  : strcmp(name, "write") == 0   ? FAULT_WRITE
                  : strcmp(name, "publish") == 0 ? FAULT_PUBLISH
                                                 : FAULT_NONE;
}

__attribute__((destructor)) static void fault_close(void) {
    const char *path = getenv("FAULT_COUNT_FILE");
    uint64_t calls = atomic_load(&fault_calls);
    fault_class = FAULT_NONE;
    if (!path)
        return;
    char text[24];
    int length = snprintf(text, sizeof text, "%llu\n", (unsigned long long)calls);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    syscall(SYS_write, file, text, length);
    close(file);
}

/* Counts one call; the number of the call when it has to fail, otherwise 0. */
static uint64_t fault_due(enum fault_class class) {
    if (fault_class != class)
        return 0;
    uint64_t call = atomic_fetch_add(&fault_calls, 1) + 1;
    if (fault_at == 0 || call < fault_at || (call > fault_at && !fault_forever))
        return 0;
    if (fault_trace)
        fault_show_stack();
    return call;
}

/* --- allocations
 * ------------------------------------------------------------------------------------------------------------ */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool fault_no_memory(void) {
    if (!fault_due(FAULT_ALLOC))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    return fault_no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return fault_no_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    return fault_no_memory() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fault_no_memory() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size) {
    void *memory = fault_due(FAULT_ALLOC) ? NULL : __libc_memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret_memory = memory;
    return 0;
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------------ */

static bool fault_is_file(int file) {
    struct stat status;
    int saved = errno;
    bool is_file = file > STDERR_FILENO && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    errno = saved;
    return is_file;
}

static bool fault_fail(int number) {
    errno = number;
    return true;
}

/* Must this write fail? Otherwise `length` is what may be written of it. */
static bool fault_write(int file, size_t *length) {
    if (fault_class != FAULT_WRITE || !fault_is_file(file))
        return false;
    uint64_t call = fault_due(FAULT_WRITE);
    if (atomic_exchange(&fault_rest, false))
        return fault_fail(ENOSPC);
    if (!call)
        return false;
    if (call % 3 == 0 && !fault_forever && length && *length > 1) {
        atomic_store(&fault_rest, true);
        *length /= 2;
        return false;
    }
    return fault_fail(call % 3 == 1 ? ENOSPC : EIO);
}

static bool fault_sync(int file) {
    return fault_class == FAULT_WRITE && fault_is_file(file) && fault_due(FAULT_WRITE) && fault_fail(EIO);
}

ssize_t write(int file, const void *data, size_t length) {
    return fault_write(file, &length) ? -1 : syscall(SYS_write, file, data, length);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return fault_write(file, &length) ? -1 : syscall(SYS_pwrite64, file, data, length, offset);
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    return fault_write(file, &length) ? -1 : syscall(SYS_pwrite64, file, data, length, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    return fault_write(file, NULL) ? -1 : syscall(SYS_writev, file, parts, count);
}

int ftruncate(int file, off_t length) {
    return fault_write(file, NULL) ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int ftruncate64(int file, off64_t length) {
    return fault_write(file, NULL) ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
    return fault_write(file, NULL) ? -1 : (int)syscall(SYS_fallocate, file, mode, offset, length);
}

int posix_fallocate(int file, off_t offset, off_t length) {
    if (fault_write(file, NULL))
        return errno;
    return syscall(SYS_fallocate, file, 0, offset, length) == 0 ? 0 : errno;
}

int fsync(int file) {
    return fault_sync(file) ? -1 : (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    return fault_sync(file) ? -1 : (int)syscall(SYS_fdatasync, file);
}

/* A call that gives a file of a lake its name, or takes it away: what it comes to, -1 with EIO when it has to fail. */
static int fault_publish(const char *path, long (*call)(const char *from, const char *to), const char *from,
                         const char *to) {
    bool due = strstr(path, "/lake/") && fault_due(FAULT_PUBLISH);
    if (!due)
        return (int)call(from, to);
    if (fault_kill && strcmp(fault_kill, "before") == 0)
        kill(getpid(), SIGKILL);
    if (fault_kill || fault_lost)
        call(from, to);
    if (fault_kill)
        kill(getpid(), SIGKILL);
    errno = EIO;
    return -1;
}

static long fault_rename(const char *from, const char *to) {
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static long fault_link(const char *from, const char *to) {
    return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static long fault_unlink(const char *from, const char *to) {
    (void)to;
    return syscall(SYS_unlinkat, AT_FDCWD, from, 0);
}

int rename(const char *from, const char *to) {
    if (fault_due(FAULT_WRITE) && fault_fail(EIO))
        return -1;
    return fault_publish(to, fault_rename, from, to);
}

int link(const char *from, const char *to) {
    return fault_publish(to, fault_link, from, to);
}

int unlink(const char *path) {
    if (fault_due(FAULT_WRITE) && fault_fail(EIO))
        return -1;
    return fault_publish(path, fault_unlink, path, NULL);
}
