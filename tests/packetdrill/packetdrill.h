// The interface between the packetdrill runner and a TCP in a shared object: the runner loads it
// with dlopen, calls packetdrill_interface_init, and then runs its scripts through the functions
// that it was given. Order and types are the runner's; interface_test.cc asserts them.
//
// Each function answers as the system call of its name does: -1 and errno for a failure.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

extern "C" {

struct packetdrill_interface {
  void* userdata;  // the first argument of all functions
  void (*free)(void* userdata);
  int (*socket)(void* userdata, int domain, int type, int protocol);
  int (*bind)(void* userdata, int fd, const struct sockaddr* address, socklen_t size);
  int (*listen)(void* userdata, int fd, int backlog);
  int (*accept)(void* userdata, int fd, struct sockaddr* address, socklen_t* size);
  int (*connect)(void* userdata, int fd, const struct sockaddr* address, socklen_t size);
  ssize_t (*read)(void* userdata, int fd, void* to, size_t size);
  ssize_t (*readv)(void* userdata, int fd, const struct iovec* parts, int count);
  ssize_t (*recv)(void* userdata, int fd, void* to, size_t size, int flags);
  ssize_t (*recvfrom)(void* userdata, int fd, void* to, size_t size, int flags,
                      struct sockaddr* address, socklen_t* address_size);
  ssize_t (*recvmsg)(void* userdata, int fd, struct msghdr* message, int flags);
  ssize_t (*write)(void* userdata, int fd, const void* from, size_t size);
  ssize_t (*writev)(void* userdata, int fd, const struct iovec* parts, int count);
  ssize_t (*send)(void* userdata, int fd, const void* from, size_t size, int flags);
  ssize_t (*sendto)(void* userdata, int fd, const void* from, size_t size, int flags,
                    const struct sockaddr* address, socklen_t address_size);
  ssize_t (*sendmsg)(void* userdata, int fd, const struct msghdr* message, int flags);
  int (*fcntl)(void* userdata, int fd, int command, ...);
  int (*ioctl)(void* userdata, int fd, unsigned long request, ...);
  int (*close)(void* userdata, int fd);
  int (*shutdown)(void* userdata, int fd, int how);
  int (*getsockopt)(void* userdata, int fd, int level, int name, void* value, socklen_t* size);
  int (*setsockopt)(void* userdata, int fd, int level, int name, const void* value, socklen_t size);
  int (*poll)(void* userdata, struct pollfd* fds, nfds_t count, int timeout_ms);
  // A packet for the stack, from its IP header on.
  int (*netdev_send)(void* userdata, const void* packet, size_t size);
  // The next packet that leaves the stack. `*size` is the buffer's size, then the packet's, 0 for
  // none; `*time_us` is when it left, on gettimeofday's clock.
  int (*netdev_receive)(void* userdata, void* packet, size_t* size, long long* time_us);
  int (*usleep)(void* userdata, useconds_t microseconds);
  int (*gettimeofday)(void* userdata, struct timeval* time, struct timezone* zone);
  int (*epoll_create)(void* userdata, int size);
  int (*epoll_ctl)(void* userdata, int epoll, int operation, int fd, struct epoll_event* event);
  int (*epoll_wait)(void* userdata, int epoll, struct epoll_event* events, int most,
                    int timeout_ms);
  int (*pipe)(void* userdata, int fds[2]);
  int (*splice)(void* userdata, int from, loff_t* from_offset, int to, loff_t* to_offset,
                size_t size, unsigned int flags);
};

// `flags` is a list of settings (README.md), or null. With settings that are not understood
// `userdata` is null, and every function fails with EINVAL.
__attribute__((visibility("default"))) void packetdrill_interface_init(
    const char* flags, struct packetdrill_interface* interface);

}  // extern "C"
