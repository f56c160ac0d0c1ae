#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

// ioctl is variadic, which Swift cannot call, and SIOCOUTQ is a macro that it does not see.

/// Bytes that a TCP socket was given and that the other end has not acknowledged (tcp(7), SIOCOUTQ), or -errno.
static inline int streams_unacknowledged(int socket) {
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}
