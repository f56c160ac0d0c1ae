#ifndef C_NAMESPACES_H
#define C_NAMESPACES_H

#include <stdint.h>
#include <stddef.h>

// Linux calls that need _GNU_SOURCE or ioctl, which Swift cannot reach. Every function that returns an int returns
// -errno when it fails. Those that work inside a namespace bring the calling thread back before they return.

/// Makes a network namespace that has no name: it is gone when the last descriptor and process in it are.
int namespace_create(void);

/// Moves the calling thread, and the children that it starts from now on, into a namespace.
int namespace_enter(int name_space);

/// A socket that belongs to a namespace, whoever uses it.
int namespace_socket(int name_space, int domain, int type, int protocol);

/// Opens a file of /proc whose content depends on the namespace of the thread that opens it.
int namespace_open(int name_space, const char *path, int flags);

/// Sets an interface up.
int namespace_raise(int name_space, const char *interface);

/// Makes a TUN device that carries a virtio header (TUNNEL_HEADER bytes) before each IPv4 packet, with an address in
/// host byte order, and sets it up. Reads do not block.
int tunnel_open(int name_space, const char *interface, uint32_t address, int prefix, int mtu, int queue);

enum { TUNNEL_HEADER = 10 };

/// Waits for readable descriptors for at most `nanoseconds`; returns how many of `tags` were filled.
int readiness_create(void);
int readiness_add(int readiness, int descriptor, uint32_t tag);
int readiness_wait(int readiness, uint32_t *tags, int capacity, uint64_t nanoseconds);

/// Gives the calling thread SCHED_RR and the shortest timer slack.
int thread_hurry(int priority);

/// CPU time of the calling thread in nanoseconds.
uint64_t thread_cpu(void);

#endif
