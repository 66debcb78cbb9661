/* Loaded with LD_PRELOAD: sees every change of the file system below a folder.
 *
 * Each create, write, truncate, rename, link, unlink, mkdir, rmdir, fsync and sync below
 * KILL_ROOT, by any thread of any process that has the shim, gets the next number of a counter
 * that the processes share (KILL_COUNTER, a file of three 64-bit numbers: the counter, the
 * number before which the process group is killed (0: never), and an error code. With one, nobody
 * is killed: from that number on, changes fail with that error; with ENOSPC those that need
 * space. With KILL_LOG each is also appended to that file, with its data, in the order in which
 * they happened.
 *
 * Calls, not system calls, are seen: what CPython, SQLite, HDF5, ONNX write goes
 * through libc. Writes through shared mappings
 * are not seen; pawsight makes none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct head { uint64_t number, inode, offset, size; uint32_t path, second; char op; char pad[7]; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t *shared;
static int log_fd = -1;
static char root[PATH_MAX];


/* Arms the shim in this process, and in those it starts from now on. */
int kill_shim_arm(const char *folder, const char *counter, const char *log) {
    int fd = syscall(SYS_openat, AT_FDCWD, counter, O_RDWR);
    if (fd < 0) return -1;
    shared = mmap(0, 24, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (shared == MAP_FAILED) { shared = 0; return -1; }
    snprintf(root, sizeof root, "%s", folder);
    if (log && *log)
        log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("KILL_ROOT"), *counter = getenv("KILL_COUNTER");
    if (folder && counter) kill_shim_arm(folder, counter, getenv("KILL_LOG"));
}

static int inside(const char *path) {
    size_t n = strlen(root);
    return shared && strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == 0);
}

static int path_of(int fd, char *out) {
    char link[64];
    if (!shared) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    if (n <= 0) return 0;
    out[n] = 0;
    return inside(out);
}

/* Makes a path absolute; no link is followed. */
static int resolve(int dir, const char *path, char *out) {
    char base[PATH_MAX];
    if (!shared || !path) return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        if (dir == AT_FDCWD) { if (!getcwd(base, sizeof base)) return 0; }
        else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, base, PATH_MAX - 1);
            if (n <= 0) return 0;
            base[n] = 0;
        }
        if (strlen(base) + strlen(path) + 2 > PATH_MAX) return 0;
        snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    }
    return inside(out);
}

/* Takes a number, under the lock of this process; the process group dies where it is asked to.
 * Returns 0, with errno set, where the change is to fail. */
static uint64_t take(char op) {
    uint64_t number = __sync_add_and_fetch(&shared[0], 1);
    if (shared[1] && number >= shared[1]) {
        if (shared[2] == ENOSPC && !strchr("CWSLM", op)) return number;
        if (shared[2]) { pthread_mutex_unlock(&lock); errno = shared[2]; return 0; }
        kill(0, SIGKILL);
        for (;;) pause();
    }
    return number;
}

static void note(char op, uint64_t number, uint64_t inode, uint64_t offset, const char *path,
                 const char *second, const struct iovec *data, int count) {
    if (log_fd < 0) return;
    struct head head = {number, inode, offset, 0, strlen(path), second ? strlen(second) : 0, op, {0}};
    struct iovec all[68];
    for (int i = 0; i < count; i++) head.size += data[i].iov_len;
    all[0] = (struct iovec){&head, sizeof head};
    all[1] = (struct iovec){(void *)path, head.path};
    all[2] = (struct iovec){(void *)second, head.second};
    for (int i = 0; i < count; i++) all[3 + i] = data[i];
    syscall(SYS_writev, log_fd, all, 3 + count);
}

static uint64_t inode_of(int fd) { struct stat at; return fstat(fd, &at) ? 0 : at.st_ino; }

static int open_any(int dir, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if ((flags & (O_CREAT | O_TRUNC)) == 0 || (flags & O_TMPFILE) == O_TMPFILE || !resolve(dir, path, full))
        return syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = syscall(SYS_faccessat, dir, path, F_OK) != 0;
    if (!is_new && !(flags & O_TRUNC)) {
        pthread_mutex_unlock(&lock);
        return syscall(SYS_openat, dir, path, flags, mode);
    }
    uint64_t number = take(is_new ? 'C' : 'T');
    if (!number) return -1;
    int fd = syscall(SYS_openat, dir, path, flags, mode), saved = errno;
    if (fd >= 0) note(is_new ? 'C' : 'T', number, inode_of(fd), 0, full, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}

#define MODE(last) mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, last); mode = va_arg(l, mode_t); va_end(l); }
int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return open_any(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags) return open_any(dir, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

static ssize_t write_any(int fd, const struct iovec *data, int count, off_t offset, int placed) {
    char full[PATH_MAX];
    if (!path_of(fd, full))
        return placed ? syscall(SYS_pwritev, fd, data, count, offset, 0) : syscall(SYS_writev, fd, data, count);
    pthread_mutex_lock(&lock);
    uint64_t number = take('W'), at = offset;
    if (!number) return -1;
    if (!placed) {
        int flags = fcntl(fd, F_GETFL);
        struct stat now;
        at = (flags & O_APPEND) && !fstat(fd, &now) ? now.st_size : lseek(fd, 0, SEEK_CUR);
    }
    ssize_t done = placed ? syscall(SYS_pwritev, fd, data, count, offset, 0) : syscall(SYS_writev, fd, data, count);
    int saved = errno;
    if (done > 0) {
        struct iovec part[64];
        int used = 0;
        size_t left = done;
        for (; used < count && left; used++) {
            part[used] = data[used];
            if (part[used].iov_len > left) part[used].iov_len = left;
            left -= part[used].iov_len;
        }
        note('W', number, inode_of(fd), at, full, 0, part, used);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}
#define ONE struct iovec one = {(void *)data, size}
ssize_t write(int fd, const void *data, size_t size) { if (!shared || fd < 3) return syscall(SYS_write, fd, data, size); ONE; return write_any(fd, &one, 1, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { ONE; return write_any(fd, &one, 1, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { ONE; return write_any(fd, &one, 1, at, 1); }
ssize_t writev(int fd, const struct iovec *data, int count) { return write_any(fd, data, count > 64 ? 64 : count, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t at) { return write_any(fd, data, count > 64 ? 64 : count, at, 1); }

/* As on a kernel without them: callers then read and write. */
ssize_t sendfile(int out, int in, off_t *at, size_t n) { (void)out; (void)in; (void)at; (void)n; errno = EINVAL; return -1; }
ssize_t sendfile64(int out, int in, off_t *at, size_t n) { return sendfile(out, in, at, n); }
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t n, unsigned f) { (void)in; (void)a; (void)out; (void)b; (void)n; (void)f; errno = ENOSYS; return -1; }

int ftruncate(int fd, off_t size) {
    char full[PATH_MAX];
    if (!path_of(fd, full)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    uint64_t number = take('S');
    if (!number) return -1;
    int done = syscall(SYS_ftruncate, fd, size), saved = errno;
    if (!done) note('S', number, inode_of(fd), size, full, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }
int posix_fallocate(int fd, off_t at, off_t n) {
    struct stat now;
    if (fstat(fd, &now)) return errno;
    return now.st_size < at + n && ftruncate(fd, at + n) ? errno : 0;
}
int posix_fallocate64(int fd, off_t at, off_t n) { return posix_fallocate(fd, at, n); }

#define NAMED(letter, from_dir, from, to_dir, to, ...) \
    char first[PATH_MAX], other[PATH_MAX] = ""; \
    int is_first = resolve(from_dir, from, first), is_other = resolve(to_dir, to, other); \
    if (!is_first && !is_other) return syscall(__VA_ARGS__); \
    pthread_mutex_lock(&lock); \
    uint64_t number = take(letter); \
    if (!number) return -1; \
    int done = syscall(__VA_ARGS__), saved = errno; \
    if (!done) note(letter, number, 0, 0, first, other, 0, 0); \
    pthread_mutex_unlock(&lock); \
    errno = saved; \
    return done;
int rename(const char *from, const char *to) { NAMED('R', AT_FDCWD, from, AT_FDCWD, to, SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) }
int renameat(int a, const char *from, int b, const char *to) { NAMED('R', a, from, b, to, SYS_renameat2, a, from, b, to, 0) }
int link(const char *from, const char *to) { NAMED('L', AT_FDCWD, from, AT_FDCWD, to, SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0) }
int unlink(const char *path) { NAMED('U', AT_FDCWD, path, 0, (char *)0, SYS_unlinkat, AT_FDCWD, path, 0) }
int unlinkat(int dir, const char *path, int flags) { NAMED(flags & AT_REMOVEDIR ? 'D' : 'U', dir, path, 0, (char *)0, SYS_unlinkat, dir, path, flags) }
int remove(const char *path) { int done = unlink(path); return done && errno == EISDIR ? rmdir(path) : done; }
int rmdir(const char *path) { NAMED('D', AT_FDCWD, path, 0, (char *)0, SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) }
int mkdir(const char *path, mode_t mode) { NAMED('M', AT_FDCWD, path, 0, (char *)0, SYS_mkdirat, AT_FDCWD, path, mode) }
int mkdirat(int dir, const char *path, mode_t mode) { NAMED('M', dir, path, 0, (char *)0, SYS_mkdirat, dir, path, mode) }

static int sync_any(int fd, long call) {
    char full[PATH_MAX];
    if (!path_of(fd, full)) return syscall(call, fd);
    pthread_mutex_lock(&lock);
    uint64_t number = take('F');
    if (!number) return -1;
    int done = 0;  /* the replay drops what was not flushed; here nothing needs to wait */
    note('F', number, inode_of(fd), 0, full, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }
void sync(void) {
    if (!shared) { syscall(SYS_sync); return; }
    pthread_mutex_lock(&lock);
    note('Y', take('Y'), 0, 0, root, 0, 0, 0);
    pthread_mutex_unlock(&lock);
}
