#ifndef C_DATAGRAMS_H
#define C_DATAGRAMS_H

#include <stdint.h>
#include <stddef.h>
#include <sys/socket.h>
#include <netinet/in.h>

// recvmmsg and sendmmsg need _GNU_SOURCE, which Swift's Glibc module is built without.

enum { DATAGRAM_BATCH = 64, DATAGRAM_CAPACITY = 2048 };

typedef struct {
    struct sockaddr_storage address;
    socklen_t address_length;
    uint32_t length;
    uint8_t bytes[DATAGRAM_CAPACITY];
} datagram;

/// Waits for the first datagram, takes up to `capacity` more that are already there.
/// Returns how many were received, or -errno. A datagram longer than DATAGRAM_CAPACITY has length UINT32_MAX.
int datagrams_receive(int socket, datagram *datagrams, int capacity);

/// Sends datagrams in order; skips those that the kernel refuses. Returns how many were sent.
int datagrams_send(int socket, datagram *datagrams, int count);

#endif
