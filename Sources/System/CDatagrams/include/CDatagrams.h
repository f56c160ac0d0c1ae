#ifndef C_DATAGRAMS_H
#define C_DATAGRAMS_H

#include <stdint.h>
#include <stddef.h>
#include <sys/socket.h>
#include <netinet/in.h>

// recvmmsg and sendmmsg need _GNU_SOURCE, which Swift's Glibc module is built without.

enum { DATAGRAM_BATCH = 64, DATAGRAM_CAPACITY = 2048 };

typedef struct {
    /// Family, port and address as the kernel writes them; a sockaddr_in is shorter.
    struct sockaddr_in6 address;
    socklen_t address_length;
    uint32_t length;
    uint8_t bytes[DATAGRAM_CAPACITY];
} datagram;

/// DATAGRAM_BATCH datagrams and what the kernel wants to know of them, prepared once.
typedef struct datagram_batch datagram_batch;

datagram_batch *datagram_batch_make(void);
void datagram_batch_free(datagram_batch *batch);
datagram *datagram_batch_at(datagram_batch *batch, int index);

/// For a socket that is bound to no address in particular: answers leave from the address that was asked, as clients
/// expect. Returns 0 or -errno.
int datagram_batch_keep_addresses(datagram_batch *batch, int socket);

/// Waits for the first datagram, takes up to a batch of those that are already there.
/// Returns how many were received, or -errno. A datagram longer than DATAGRAM_CAPACITY has length UINT32_MAX.
int datagram_batch_receive(datagram_batch *batch, int socket);

/// Sends those of the first `count` datagrams that have a length, in order; skips what the kernel refuses.
/// Returns how many were sent.
int datagram_batch_send(datagram_batch *batch, int socket, int count);

/// The same, each from the IPv4 address in `sources` (network order); for one program that plays many clients.
int datagram_batch_send_from(datagram_batch *batch, int socket, int count, const uint32_t *sources);

/// The processors that this process may run on.
int datagrams_processors(void);

#endif
