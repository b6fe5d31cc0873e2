// A script's system calls, made through the runner's interface.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "packetdrill.h"
#include "script.h"
#include "tcp/tuple.h"

namespace heddle::packetdrill {

struct CallResult {
  long long value = 0;
  int error = 0;
  std::string text;   // instead of the value where the call gives names: "POLLIN|POLLOUT"
  std::string wrong;  // the call is not known, or its bytes are not those that were sent
  Duration at;        // when a blocking call came back
};

class Calls {
 public:
  // `interface` is filled in later.
  Calls(const packetdrill_interface& interface, bool ipv4);

  void set_peer(const tcp::IpAddress& address, uint16_t port);
  CallResult make(const CallText& call);
  // "" when the result is what the script says.
  std::string compare(const CallText& call, const CallResult& result) const;
  const packetdrill_interface& interface() const { return interface_; }

 private:
  using Arguments = const std::vector<std::string>&;

  // One function a group; false: the call is not one of the group.
  bool make_opening(const std::string& name, Arguments arguments, CallResult& result);
  bool make_moving(const std::string& name, Arguments arguments, CallResult& result);
  bool make_option(const std::string& name, Arguments arguments, CallResult& result);
  bool make_waiting(const std::string& name, Arguments arguments, CallResult& result);

  void read(const std::string& name, Arguments arguments, CallResult& result);
  void write(const std::string& name, Arguments arguments, CallResult& result);
  long long option(Arguments arguments, bool set, CallResult& result);
  long long info(int fd, const std::string& field, CallResult& result);
  socklen_t make_address(sockaddr_storage& to, const tcp::IpAddress& address, uint16_t port) const;
  long long number(const std::string& word, CallResult& result) const;
  int fd_of(Arguments arguments, CallResult& result) const;

  const packetdrill_interface& interface_;
  bool ipv4_;
  tcp::IpAddress peer_address_;
  uint16_t peer_port_ = 0;
  std::mutex mutex_;              // of the two maps: blocking calls have a thread of their own
  std::map<int, uint32_t> read_;  // bytes by descriptor
  std::map<int, uint32_t> written_;
};

// A call on a thread of its own, which is expected to sleep in it.
class BlockingCall {
 public:
  void start(Calls& calls, const CallText& text, long long start_us);
  // Waits until the thread sleeps in the call; false: the call came back at once.
  bool is_asleep();
  bool has_returned() const { return returned_; }
  CallResult finish();
  // The stack is about to end, which wakes the call: it is not to touch the stack again.
  void abandon() { abandoned_ = true; }
  const CallText& text() const { return text_; }

  int line = 0;
  Duration earliest;
  Duration latest;

 private:
  CallText text_;
  CallResult result_;
  std::thread thread_;
  std::atomic<int> thread_id_ = 0;
  std::atomic<bool> returned_ = false;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace heddle::packetdrill
