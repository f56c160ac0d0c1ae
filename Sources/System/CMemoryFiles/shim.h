#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// memfd_create, fallocate, splice and pipe2 need _GNU_SOURCE, which Swift's Glibc module is built without.

/// A file that exists in memory alone, and as long as a descriptor of it (memfd_create(2)), or -errno.
static inline int memory_file_make(void) {
    int file = (int)syscall(SYS_memfd_create, "tributary", MFD_CLOEXEC);
    return file < 0 ? -errno : file;
}

/// Gives the memory of whole pages back; who reads there reads zeros (fallocate(2)).
static inline void memory_file_forget(int file, off_t offset, off_t length) {
    syscall(SYS_fallocate, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/// A pipe that holds `room` bytes if the system allows, or fewer (pipe(7)): 0, or -errno.
static inline int memory_pipe_make(int ends[2], int room) {
    enum { F_SETPIPE_SZ_ = 1031 };
    if (syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
    fcntl(ends[1], F_SETPIPE_SZ_, room);
    return 0;
}

/// Moves pages of a file at `offset` into a pipe without copying them (splice(2)); how many bytes, or -errno.
static inline long memory_pipe_fill(int file, off_t offset, int pipe, size_t length) {
    long count = syscall(SYS_splice, file, &offset, pipe, 0, length, 2 /* SPLICE_F_NONBLOCK */);
    return count < 0 ? -errno : count;
}

/// Moves what is in a pipe to a socket; how many bytes it took, or -errno.
static inline long memory_pipe_drain(int pipe, int socket, size_t length, int is_more_to_come) {
    long count = syscall(SYS_splice, pipe, 0, socket, 0, length, 2 | (is_more_to_come ? 4 : 0) /* SPLICE_F_MORE */);
    return count < 0 ? -errno : count;
}
