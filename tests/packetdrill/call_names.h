// The names that scripts use for the system calls' numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "packetdrill.h"

namespace heddle::packetdrill {

struct OptionNumbers {
  int level = 0;
  int name = 0;
};

// "17", "SHUT_WR", "POLLIN|POLLOUT".
std::optional<long long> value_of(std::string_view word);
std::optional<OptionNumbers> option_of(std::string_view name);
std::string name_of_error(int error);
// Of poll's and epoll's events, in a fixed order; `prefix` is POLL or EPOLL.
std::string poll_names(uint32_t events, std::string_view prefix);
// A field of TCP_INFO; none: there is no such field.
std::optional<long long> info_of(const packetdrill_interface& interface, int fd,
                                 std::string_view field);

}  // namespace heddle::packetdrill
