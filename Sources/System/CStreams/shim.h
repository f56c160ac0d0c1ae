#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

// ioctl is variadic, which Swift cannot call, and SIOCOUTQ is a macro that it does not see.

/// Bytes that a TCP socket was given and that the other end has not acknowledged (tcp(7), SIOCOUTQ), or -errno.
static inline int streams_unacknowledged(int socket) {
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}

/// Has what has come acknowledged at once (tcp(7), TCP_QUICKACK); 0, or -errno.
static inline int streams_acknowledge(int socket) {
    int one = 1;
    return setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one) < 0 ? -errno : 0;
}
