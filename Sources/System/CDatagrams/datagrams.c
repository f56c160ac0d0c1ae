#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <string.h>

static int clamp(int count) { return count > DATAGRAM_BATCH ? DATAGRAM_BATCH : count; }

int datagrams_receive(int socket, datagram *datagrams, int capacity) {
    struct mmsghdr headers[DATAGRAM_BATCH];
    struct iovec vectors[DATAGRAM_BATCH];
    capacity = clamp(capacity);
    memset(headers, 0, sizeof(struct mmsghdr) * (size_t)capacity);
    for (int i = 0; i < capacity; i++) {
        vectors[i].iov_base = datagrams[i].bytes;
        vectors[i].iov_len = DATAGRAM_CAPACITY;
        headers[i].msg_hdr.msg_name = &datagrams[i].address;
        headers[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_storage);
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int received = recvmmsg(socket, headers, (unsigned)capacity, MSG_WAITFORONE, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) {
        datagrams[i].address_length = headers[i].msg_hdr.msg_namelen;
        datagrams[i].length = headers[i].msg_hdr.msg_flags & MSG_TRUNC ? UINT32_MAX : headers[i].msg_len;
    }
    return received;
}

int datagrams_send(int socket, datagram *datagrams, int count) {
    struct mmsghdr headers[DATAGRAM_BATCH];
    struct iovec vectors[DATAGRAM_BATCH];
    count = clamp(count);
    memset(headers, 0, sizeof(struct mmsghdr) * (size_t)count);
    for (int i = 0; i < count; i++) {
        vectors[i].iov_base = datagrams[i].bytes;
        vectors[i].iov_len = datagrams[i].length;
        headers[i].msg_hdr.msg_name = &datagrams[i].address;
        headers[i].msg_hdr.msg_namelen = datagrams[i].address_length;
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = 0, position = 0;
    while (position < count) {
        int done = sendmmsg(socket, headers + position, (unsigned)(count - position), MSG_NOSIGNAL);
        if (done > 0) {
            sent += done;
            position += done;
        } else if (errno != EINTR) {
            position += 1;
        }
    }
    return sent;
}
