#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/syscall.h>
#include <unistd.h>

// memfd_create and fallocate need _GNU_SOURCE, which Swift's Glibc module is built without.

/// A file that exists in memory alone, and as long as a descriptor of it (memfd_create(2)), or -errno.
static inline int memory_file_make(void) {
    int file = (int)syscall(SYS_memfd_create, "tributary", MFD_CLOEXEC);
    return file < 0 ? -errno : file;
}

/// Gives the memory of whole pages back; who reads there reads zeros (fallocate(2)).
static inline void memory_file_forget(int file, off_t offset, off_t length) {
    syscall(SYS_fallocate, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
