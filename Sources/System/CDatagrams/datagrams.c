#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct datagram_batch {
    struct mmsghdr incoming[DATAGRAM_BATCH];
    struct mmsghdr outgoing[DATAGRAM_BATCH];
    struct iovec incoming_vectors[DATAGRAM_BATCH];
    struct iovec outgoing_vectors[DATAGRAM_BATCH];
    // What the kernel says about where a datagram was sent to, when it is asked to.
    union {
        struct cmsghdr first;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } controls[DATAGRAM_BATCH];
    size_t control_lengths[DATAGRAM_BATCH];
    int keeps_addresses;
    datagram datagrams[DATAGRAM_BATCH];
};

datagram_batch *datagram_batch_make(void) {
    datagram_batch *batch = calloc(1, sizeof *batch);
    if (!batch) abort();
    for (int i = 0; i < DATAGRAM_BATCH; i++) {
        batch->incoming_vectors[i].iov_base = batch->datagrams[i].bytes;
        batch->incoming_vectors[i].iov_len = DATAGRAM_CAPACITY;
        batch->incoming[i].msg_hdr.msg_name = &batch->datagrams[i].address;
        batch->incoming[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in6);
        batch->incoming[i].msg_hdr.msg_iov = &batch->incoming_vectors[i];
        batch->incoming[i].msg_hdr.msg_iovlen = 1;
        batch->outgoing[i].msg_hdr.msg_iov = &batch->outgoing_vectors[i];
        batch->outgoing[i].msg_hdr.msg_iovlen = 1;
    }
    return batch;
}

void datagram_batch_free(datagram_batch *batch) { free(batch); }

datagram *datagram_batch_at(datagram_batch *batch, int index) { return &batch->datagrams[index]; }

int datagram_batch_keep_addresses(datagram_batch *batch, int socket) {
    int yes = 1, family = 0;
    socklen_t length = sizeof family;
    if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0) return -errno;
    int failed = family == AF_INET6
                     ? setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes)
                     : setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
    if (failed) return -errno;
    batch->keeps_addresses = 1;
    return 0;
}

// The interface is left to the routing table.
static void forget_interface(struct cmsghdr *control) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        ((struct in_pktinfo *)CMSG_DATA(control))->ipi_ifindex = 0;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        ((struct in6_pktinfo *)CMSG_DATA(control))->ipi6_ifindex = 0;
    }
}

int datagram_batch_receive(datagram_batch *batch, int socket) {
    for (int i = 0; batch->keeps_addresses && i < DATAGRAM_BATCH; i++) {
        batch->incoming[i].msg_hdr.msg_control = &batch->controls[i];
        batch->incoming[i].msg_hdr.msg_controllen = sizeof batch->controls[i];
    }
    int received = recvmmsg(socket, batch->incoming, DATAGRAM_BATCH, MSG_WAITFORONE, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) {
        struct msghdr *header = &batch->incoming[i].msg_hdr;
        batch->datagrams[i].address_length = header->msg_namelen;
        batch->datagrams[i].length = header->msg_flags & MSG_TRUNC ? UINT32_MAX : batch->incoming[i].msg_len;
        header->msg_namelen = sizeof(struct sockaddr_in6);
        batch->control_lengths[i] = batch->keeps_addresses ? header->msg_controllen : 0;
        if (batch->control_lengths[i] >= sizeof(struct cmsghdr)) forget_interface(&batch->controls[i].first);
    }
    return received;
}

static int prepare(datagram_batch *batch, int count, const uint32_t *sources, char (*controls)[CMSG_SPACE(sizeof(struct in_pktinfo))]) {
    int ready = 0;
    for (int i = 0; i < count; i++) {
        datagram *datagram = &batch->datagrams[i];
        if (datagram->length == 0) continue;
        struct msghdr *header = &batch->outgoing[ready].msg_hdr;
        batch->outgoing_vectors[ready].iov_base = datagram->bytes;
        batch->outgoing_vectors[ready].iov_len = datagram->length;
        header->msg_name = &datagram->address;
        header->msg_namelen = datagram->address_length;
        header->msg_control = batch->control_lengths[i] ? &batch->controls[i] : NULL;
        header->msg_controllen = batch->control_lengths[i];
        if (sources) {
            header->msg_control = controls[ready];
            header->msg_controllen = sizeof controls[ready];
            struct cmsghdr *control = CMSG_FIRSTHDR(header);
            struct in_pktinfo info = {.ipi_spec_dst.s_addr = sources[i]};
            control->cmsg_level = IPPROTO_IP;
            control->cmsg_type = IP_PKTINFO;
            control->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(control), &info, sizeof info);
        }
        ready++;
    }
    return ready;
}

static int dispatch(datagram_batch *batch, int socket, int ready) {
    int sent = 0, position = 0;
    while (position < ready) {
        int done = sendmmsg(socket, batch->outgoing + position, (unsigned)(ready - position), MSG_NOSIGNAL);
        if (done > 0) {
            sent += done;
            position += done;
        } else if (errno != EINTR) {
            position += 1;
        }
    }
    return sent;
}

int datagram_batch_send(datagram_batch *batch, int socket, int count) {
    return dispatch(batch, socket, prepare(batch, count, NULL, NULL));
}

int datagram_batch_send_from(datagram_batch *batch, int socket, int count, const uint32_t *sources) {
    char controls[DATAGRAM_BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))] __attribute__((aligned(8)));
    return dispatch(batch, socket, prepare(batch, count, sources, controls));
}

int datagrams_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
