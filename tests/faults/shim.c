/* A library to preload: it counts the calls of a process that change files below a folder, and
 * makes one of them fail, as a full disk, a broken one, a short write or a killed process would.
 *
 * It does nothing until faults_arm is called, and nothing in forks of the process that calls it.
 * Every counted call is a line of the log if nth is 0; otherwise only the call that was struck is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NO_SPACE = 1, BROKEN = 2, SHORT = 3, KILLED = 4 };
enum { MAIN = 1, OTHERS = 2 };

static char root[4096], log_path[4096];
static long nth, counted;
static int kind, threads;
static pid_t armed; /* the process; a fork of it is not */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char torn[4096]; /* the file of a short write, whose next write fails */

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static long raw_write(int fd, const void *data, size_t size) {
    return syscall(SYS_write, fd, data, size);
}

static void note(const char *call, const char *path, const char *how) {
    char line[9000];
    int size = snprintf(line, sizeof line, "%s %d %ld %s %s\n", how, kind, counted, call, path);
    int fd = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0) return;
    raw_write(fd, line, size);
    syscall(SYS_close, fd);
}

void faults_arm(const char *folder, long number, int how, int which, const char *log) {
    snprintf(root, sizeof root, "%s", folder);
    snprintf(log_path, sizeof log_path, "%s", log);
    nth = number, kind = how, threads = which, counted = 0, torn[0] = 0;
    armed = getpid();
}

static int is_below(const char *path) {
    return strncmp(path, root, strlen(root)) == 0;
}

static int absolute(int folder, const char *path, char *full) {
    char base[4096], link[64];
    if (path[0] == '/') return snprintf(full, 4096, "%s", path) > 0;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, base, sizeof base - 1);
        if (size < 0) return 0;
        base[size] = 0;
    }
    snprintf(full, 4096, "%.2000s/%.2000s", base, path);
    return 1;
}

static int named(int fd, char *full) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, full, 4095);
    if (size < 0) return 0;
    full[size] = 0;
    return 1;
}

/* Whether to strike: 0, or the kind. What only removes cannot find the disk full. */
static int strikes(const char *call, const char *path, int is_write, int removes) {
    if (armed != getpid() || !is_below(path)) return 0;
    int is_main = syscall(SYS_gettid) == getpid();
    if ((threads == MAIN && !is_main) || (threads == OTHERS && is_main)) return 0;
    int how = 0;
    pthread_mutex_lock(&lock);
    if (is_write && torn[0] && strcmp(torn, path) == 0) {
        torn[0] = 0;
        how = NO_SPACE;
    } else {
        counted++;
        if (nth == 0) note(call, path, "call");
        if (counted == nth) {
            if ((kind == SHORT && !is_write) || (kind == NO_SPACE && removes)) {
                note(call, path, "cannot");
            } else {
                note(call, path, "struck");
                how = kind;
                if (kind == SHORT) snprintf(torn, sizeof torn, "%s", path);
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return how;
}

static int fails(const char *call, const char *path, int removes) {
    int how = strikes(call, path, 0, removes);
    if (how == KILLED) kill(getpid(), SIGKILL);
    if (how) errno = how == BROKEN ? EIO : ENOSPC;
    return how != 0;
}

/* Of a write: -1 it fails, 0 nothing happens, 1 only half of it is written. */
static int write_fails(int fd, const char *call) {
    char path[4096];
    if (armed != getpid() || !named(fd, path)) return 0;
    int how = strikes(call, path, 1, 0);
    if (how == SHORT || how == KILLED) return how;
    if (how) errno = how == BROKEN ? EIO : ENOSPC;
    return how ? -1 : 0;
}

#define HALF(fd, name, size, half) \
    do { \
        int how = write_fails(fd, name); \
        if (how < 0) return -1; \
        if (how) { \
            ssize_t done = 0; \
            if ((size) > 1) done = half; \
            if (how == KILLED) kill(getpid(), SIGKILL); \
            if (done <= 0) { errno = ENOSPC; torn[0] = 0; return -1; } \
            return done; \
        } \
    } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    HALF(fd, "write", size, real(fd, data, size / 2));
    return real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    HALF(fd, "pwrite", size, real(fd, data, size / 2, at));
    return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    HALF(fd, "pwrite", size, real(fd, data, size / 2, at));
    return real(fd, data, size, at);
}

ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    static ssize_t (*real)(int, int, off_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile");
    HALF(out, "sendfile", size, real(out, in, at, 64));
    return real(out, in, at, size);
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t size) {
    static ssize_t (*real)(int, int, off64_t *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "sendfile64");
    HALF(out, "sendfile", size, real(out, in, at, 64));
    return real(out, in, at, size);
}

static int opens_to_write(int folder, const char *path, int flags) {
    char full[4096];
    int changes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    return armed == getpid() && changes && absolute(folder, path, full) && fails("open", full, 0);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "open");
    MODE(flags);
    return opens_to_write(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "open64");
    MODE(flags);
    return opens_to_write(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "openat");
    MODE(flags);
    return opens_to_write(folder, path, flags) ? -1 : real(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = dlsym(RTLD_NEXT, "openat64");
    MODE(flags);
    return opens_to_write(folder, path, flags) ? -1 : real(folder, path, flags, mode);
}

/* Calls by path: (name, what is passed on, how it is declared, where the path is). */
#define BY_PATH(name, folder, path, removes, declared, passed) \
    int name declared { \
        char full[4096]; \
        static int(*real) declared; \
        if (!real) real = dlsym(RTLD_NEXT, #name); \
        if (armed == getpid() && absolute(folder, path, full) && fails(#name, full, removes)) \
            return -1; \
        return real passed; \
    }

BY_PATH(mkdir, AT_FDCWD, path, 0, (const char *path, mode_t mode), (path, mode))
BY_PATH(mkdirat, folder, path, 0, (int folder, const char *path, mode_t mode), (folder, path, mode))
BY_PATH(rename, AT_FDCWD, new, 0, (const char *old, const char *new), (old, new))
BY_PATH(renameat, folder, new, 0, (int from, const char *old, int folder, const char *new),
        (from, old, folder, new))
BY_PATH(link, AT_FDCWD, new, 0, (const char *old, const char *new), (old, new))
BY_PATH(linkat, folder, new, 0,
        (int from, const char *old, int folder, const char *new, int flags),
        (from, old, folder, new, flags))
BY_PATH(symlink, AT_FDCWD, new, 0, (const char *old, const char *new), (old, new))
BY_PATH(truncate, AT_FDCWD, path, 1, (const char *path, off_t size), (path, size))
BY_PATH(truncate64, AT_FDCWD, path, 1, (const char *path, off64_t size), (path, size))
BY_PATH(unlink, AT_FDCWD, path, 1, (const char *path), (path))
BY_PATH(unlinkat, folder, path, 1, (int folder, const char *path, int flags), (folder, path, flags))
BY_PATH(rmdir, AT_FDCWD, path, 1, (const char *path), (path))

#define BY_FILE(name, removes, declared, passed) \
    int name declared { \
        char full[4096]; \
        static int(*real) declared; \
        if (!real) real = dlsym(RTLD_NEXT, #name); \
        if (armed == getpid() && named(fd, full) && fails(#name, full, removes)) return -1; \
        return real passed; \
    }

BY_FILE(fsync, 0, (int fd), (fd))
BY_FILE(fdatasync, 0, (int fd), (fd))
BY_FILE(ftruncate, 1, (int fd, off_t size), (fd, size))
BY_FILE(ftruncate64, 1, (int fd, off64_t size), (fd, size))
