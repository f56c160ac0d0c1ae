#define _GNU_SOURCE
#include "CNamespaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Static_assert(TUNNEL_HEADER == sizeof(struct virtio_net_hdr), "the header that TUN puts before a packet");

static const char own_namespace[] = "/proc/thread-self/ns/net";

static int open_own(void) {
    int descriptor = open(own_namespace, O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static int visit(int name_space, int *home) {
    *home = open_own();
    if (*home < 0) return *home;
    if (setns(name_space, CLONE_NEWNET) == 0) return 0;
    int failure = -errno;
    close(*home);
    return failure;
}

// A thread that cannot come home must not go on: it would do the next thing in the wrong place.
static void leave(int home) {
    if (setns(home, CLONE_NEWNET) != 0) __builtin_trap();
    close(home);
}

int namespace_create(void) {
    int home = open_own();
    if (home < 0) return home;
    if (unshare(CLONE_NEWNET) != 0) {
        int failure = -errno;
        close(home);
        return failure;
    }
    int made = open_own();
    leave(home);
    return made;
}

int namespace_enter(int name_space) { return setns(name_space, CLONE_NEWNET) == 0 ? 0 : -errno; }

int namespace_socket(int name_space, int domain, int type, int protocol) {
    int home, failure = visit(name_space, &home);
    if (failure) return failure;
    int made = socket(domain, type | SOCK_CLOEXEC, protocol);
    if (made < 0) made = -errno;
    leave(home);
    return made;
}

int namespace_open(int name_space, const char *path, int flags) {
    int home, failure = visit(name_space, &home);
    if (failure) return failure;
    int opened = open(path, flags | O_CLOEXEC);
    if (opened < 0) opened = -errno;
    leave(home);
    return opened;
}

static int raise_interface(int control, const char *interface) {
    struct ifreq request = {0};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
    if (ioctl(control, SIOCGIFFLAGS, &request)) return -errno;
    request.ifr_flags |= IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, &request) ? -errno : 0;
}

int namespace_raise(int name_space, const char *interface) {
    int control = namespace_socket(name_space, AF_INET, SOCK_DGRAM, 0);
    if (control < 0) return control;
    int result = raise_interface(control, interface);
    close(control);
    return result;
}

static int set_address(int control, const char *interface, unsigned long call, uint32_t address) {
    struct ifreq request = {0};
    struct sockaddr_in *place = (void *)&request.ifr_addr;
    snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
    place->sin_family = AF_INET;
    place->sin_addr.s_addr = htonl(address);
    return ioctl(control, call, &request) ? -errno : 0;
}

static int configure(int control, const char *interface, uint32_t address, int prefix, int mtu, int queue) {
    int failure = set_address(control, interface, SIOCSIFADDR, address);
    if (!failure) failure = set_address(control, interface, SIOCSIFNETMASK, prefix ? ~0u << (32 - prefix) : 0);
    struct ifreq request = {0};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
    request.ifr_mtu = mtu;
    if (!failure && ioctl(control, SIOCSIFMTU, &request)) failure = -errno;
    request.ifr_qlen = queue;
    if (!failure && ioctl(control, SIOCSIFTXQLEN, &request)) failure = -errno;
    return failure ? failure : raise_interface(control, interface);
}

// Checksums may stay unfinished: the header that travels with a packet says so, and the receiving kernel trusts it.
static int make_tunnel(const char *interface) {
    int tunnel = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tunnel < 0) return -errno;
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", interface);
    if (ioctl(tunnel, TUNSETIFF, &request) || ioctl(tunnel, TUNSETOFFLOAD, TUN_F_CSUM)) {
        int failure = -errno;
        close(tunnel);
        return failure;
    }
    return tunnel;
}

int tunnel_open(int name_space, const char *interface, uint32_t address, int prefix, int mtu, int queue) {
    int home, failure = visit(name_space, &home);
    if (failure) return failure;
    int tunnel = make_tunnel(interface);
    leave(home);
    if (tunnel < 0) return tunnel;
    int control = namespace_socket(name_space, AF_INET, SOCK_DGRAM, 0);
    failure = control < 0 ? control : configure(control, interface, address, prefix, mtu, queue);
    if (control >= 0) close(control);
    if (!failure) return tunnel;
    close(tunnel);
    return failure;
}

int readiness_create(void) {
    int made = epoll_create1(EPOLL_CLOEXEC);
    return made < 0 ? -errno : made;
}

int readiness_add(int readiness, int descriptor, uint32_t tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};
    return epoll_ctl(readiness, EPOLL_CTL_ADD, descriptor, &event) ? -errno : 0;
}

int readiness_wait(int readiness, uint32_t *tags, int capacity, uint64_t nanoseconds) {
    struct epoll_event events[128];
    struct timespec bound = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    if (capacity > 128) capacity = 128;
    int count = epoll_pwait2(readiness, events, capacity, &bound, NULL);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tags[i] = events[i].data.u32;
    return count;
}

int thread_hurry(int priority) {
    prctl(PR_SET_TIMERSLACK, 1000);
    struct sched_param parameters = {.sched_priority = priority};
    return -pthread_setschedparam(pthread_self(), SCHED_RR, &parameters);
}

uint64_t thread_cpu(void) {
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000000000u + (uint64_t)spent.tv_nsec;
}
