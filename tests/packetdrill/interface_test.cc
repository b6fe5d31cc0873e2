// What the public runner relies on: the order of the struct, the functions' types, how flags are
// refused, the clock, and that packets which are no good do no harm.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <type_traits>

#include "loaded.h"
#include "options.h"

namespace heddle::packetdrill {
namespace {

using Struct = packetdrill_interface;

struct Member {
  const char* name;
  size_t offset;
};

TEST(Interface, TheOrderIsTheRunners) {
  const Member members[] = {
      {"userdata", offsetof(Struct, userdata)},
      {"free", offsetof(Struct, free)},
      {"socket", offsetof(Struct, socket)},
      {"bind", offsetof(Struct, bind)},
      {"listen", offsetof(Struct, listen)},
      {"accept", offsetof(Struct, accept)},
      {"connect", offsetof(Struct, connect)},
      {"read", offsetof(Struct, read)},
      {"readv", offsetof(Struct, readv)},
      {"recv", offsetof(Struct, recv)},
      {"recvfrom", offsetof(Struct, recvfrom)},
      {"recvmsg", offsetof(Struct, recvmsg)},
      {"write", offsetof(Struct, write)},
      {"writev", offsetof(Struct, writev)},
      {"send", offsetof(Struct, send)},
      {"sendto", offsetof(Struct, sendto)},
      {"sendmsg", offsetof(Struct, sendmsg)},
      {"fcntl", offsetof(Struct, fcntl)},
      {"ioctl", offsetof(Struct, ioctl)},
      {"close", offsetof(Struct, close)},
      {"shutdown", offsetof(Struct, shutdown)},
      {"getsockopt", offsetof(Struct, getsockopt)},
      {"setsockopt", offsetof(Struct, setsockopt)},
      {"poll", offsetof(Struct, poll)},
      {"netdev_send", offsetof(Struct, netdev_send)},
      {"netdev_receive", offsetof(Struct, netdev_receive)},
      {"usleep", offsetof(Struct, usleep)},
      {"gettimeofday", offsetof(Struct, gettimeofday)},
      {"epoll_create", offsetof(Struct, epoll_create)},
      {"epoll_ctl", offsetof(Struct, epoll_ctl)},
      {"epoll_wait", offsetof(Struct, epoll_wait)},
      {"pipe", offsetof(Struct, pipe)},
      {"splice", offsetof(Struct, splice)},
  };
  size_t offset = 0;
  for (const Member& member : members) {
    EXPECT_EQ(member.offset, offset) << member.name;
    offset += sizeof(void*);
  }
  EXPECT_EQ(sizeof(Struct), offset);
}

// The system calls' own types behind `userdata`.
template <class Call>
struct WithUserdata;
template <class Value, class... Arguments>
struct WithUserdata<Value(Arguments...)> {
  using Type = Value (*)(void*, Arguments...);
};
template <class Call>
using Behind = typename WithUserdata<Call>::Type;

static_assert(std::is_same_v<decltype(Struct::free), Behind<void()>>);
static_assert(std::is_same_v<decltype(Struct::socket), Behind<int(int, int, int)>>);
static_assert(std::is_same_v<decltype(Struct::bind), Behind<int(int, const sockaddr*, socklen_t)>>);
static_assert(std::is_same_v<decltype(Struct::listen), Behind<int(int, int)>>);
static_assert(std::is_same_v<decltype(Struct::accept), Behind<int(int, sockaddr*, socklen_t*)>>);
static_assert(std::is_same_v<decltype(Struct::connect), decltype(Struct::bind)>);
static_assert(std::is_same_v<decltype(Struct::read), Behind<ssize_t(int, void*, size_t)>>);
static_assert(std::is_same_v<decltype(Struct::readv), Behind<ssize_t(int, const iovec*, int)>>);
static_assert(std::is_same_v<decltype(Struct::recv), Behind<ssize_t(int, void*, size_t, int)>>);
static_assert(std::is_same_v<decltype(Struct::recvfrom),
                             Behind<ssize_t(int, void*, size_t, int, sockaddr*, socklen_t*)>>);
static_assert(std::is_same_v<decltype(Struct::recvmsg), Behind<ssize_t(int, msghdr*, int)>>);
static_assert(std::is_same_v<decltype(Struct::write), Behind<ssize_t(int, const void*, size_t)>>);
static_assert(std::is_same_v<decltype(Struct::writev), decltype(Struct::readv)>);
static_assert(
    std::is_same_v<decltype(Struct::send), Behind<ssize_t(int, const void*, size_t, int)>>);
static_assert(
    std::is_same_v<decltype(Struct::sendto),
                   Behind<ssize_t(int, const void*, size_t, int, const sockaddr*, socklen_t)>>);
static_assert(std::is_same_v<decltype(Struct::sendmsg), Behind<ssize_t(int, const msghdr*, int)>>);
static_assert(std::is_same_v<decltype(Struct::fcntl), int (*)(void*, int, int, ...)>);
static_assert(std::is_same_v<decltype(Struct::ioctl), int (*)(void*, int, unsigned long, ...)>);
static_assert(std::is_same_v<decltype(Struct::close), Behind<int(int)>>);
static_assert(std::is_same_v<decltype(Struct::shutdown), Behind<int(int, int)>>);
static_assert(
    std::is_same_v<decltype(Struct::getsockopt), Behind<int(int, int, int, void*, socklen_t*)>>);
static_assert(std::is_same_v<decltype(Struct::setsockopt),
                             Behind<int(int, int, int, const void*, socklen_t)>>);
static_assert(std::is_same_v<decltype(Struct::poll), Behind<int(pollfd*, nfds_t, int)>>);
static_assert(std::is_same_v<decltype(Struct::netdev_send), Behind<int(const void*, size_t)>>);
static_assert(
    std::is_same_v<decltype(Struct::netdev_receive), Behind<int(void*, size_t*, long long*)>>);
static_assert(std::is_same_v<decltype(Struct::usleep), Behind<int(useconds_t)>>);
static_assert(
    std::is_same_v<decltype(Struct::gettimeofday), Behind<int(timeval*, struct timezone*)>>);
static_assert(std::is_same_v<decltype(Struct::epoll_create), Behind<int(int)>>);
static_assert(
    std::is_same_v<decltype(Struct::epoll_ctl), Behind<int(int, int, int, epoll_event*)>>);
static_assert(
    std::is_same_v<decltype(Struct::epoll_wait), Behind<int(int, epoll_event*, int, int)>>);
static_assert(std::is_same_v<decltype(Struct::pipe), Behind<int(int*)>>);
static_assert(std::is_same_v<decltype(Struct::splice),
                             Behind<int(int, loff_t*, int, loff_t*, size_t, unsigned)>>);

class Loaded : public testing::Test {
 protected:
  explicit Loaded(const char* flags = nullptr) { loaded_init()(flags, &i); }
  ~Loaded() override {
    if (i.userdata != nullptr) i.free(i.userdata);
  }
  long long now_us() {
    timeval time{};
    EXPECT_EQ(i.gettimeofday(i.userdata, &time, nullptr), 0);
    return time.tv_sec * 1'000'000ll + time.tv_usec;
  }

  Struct i{};
};

TEST_F(Loaded, EveryFunctionIsThere) {
  ASSERT_NE(i.userdata, nullptr);
  std::array<void*, sizeof(Struct) / sizeof(void*)> pointers{};
  std::memcpy(pointers.data(), &i, sizeof(i));
  for (size_t at = 0; at < pointers.size(); ++at) EXPECT_NE(pointers[at], nullptr) << at;
}

TEST_F(Loaded, TwoStacksHaveNothingInCommon) {
  Struct other{};
  loaded_init()("cc=newreno", &other);
  EXPECT_EQ(i.socket(i.userdata, AF_INET, SOCK_STREAM, 0), 3);
  EXPECT_EQ(other.socket(other.userdata, AF_INET6, SOCK_STREAM, 0), 3);
  other.usleep(other.userdata, 500'000);
  timeval time{};
  other.gettimeofday(other.userdata, &time, nullptr);
  EXPECT_GE(time.tv_sec * 1'000'000ll + time.tv_usec - now_us(), 499'000);
  other.free(other.userdata);
}

// The runner waits for an event by reading the clock in a loop for the last microseconds.
TEST_F(Loaded, TheClockMovesByUsleepAndByBeingLookedAt) {
  const long long start = now_us();
  EXPECT_EQ(i.usleep(i.userdata, 250'000), 0);
  const long long later = now_us();
  EXPECT_GE(later - start, 250'000);
  EXPECT_LE(later - start, 250'002);
  for (int look = 0; look < 20; ++look) now_us();
  EXPECT_GE(now_us() - later, 20);
}

TEST_F(Loaded, NothingLeavesAStackThatNobodyUses) {
  std::array<uint8_t, 2048> buffer;
  size_t size = buffer.size();
  long long time_us = -1;
  EXPECT_EQ(i.netdev_receive(i.userdata, buffer.data(), &size, &time_us), 0);
  EXPECT_EQ(size, 0u);
  EXPECT_GT(time_us, 0);
}

TEST_F(Loaded, PacketsThatAreNoGoodAreDropped) {
  std::array<uint8_t, 64> packet{};
  EXPECT_EQ(i.netdev_send(i.userdata, packet.data(), 0), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(i.netdev_send(i.userdata, packet.data(), 70000), -1);
  for (const uint8_t first : std::to_array<uint8_t>({0x00, 0x45, 0x4f, 0x60, 0xff})) {
    for (size_t size = 1; size <= packet.size(); ++size) {
      packet[0] = first;
      EXPECT_EQ(i.netdev_send(i.userdata, packet.data(), size), 0);
    }
  }
  size_t size = packet.size();
  long long time_us = 0;
  EXPECT_EQ(i.netdev_receive(i.userdata, packet.data(), &size, &time_us), 0);
  EXPECT_EQ(size, 0u);
}

TEST_F(Loaded, APacketIsNotCutToASmallBuffer) {
  Flow flow(true, 1);
  const auto words = parse_script("+0 < S 0:0(0) win 1000");
  const auto syn = flow.build(words->events[0].segment);
  ASSERT_EQ(i.netdev_send(i.userdata, syn.data(), syn.size()), 0);  // answered with a reset
  std::array<uint8_t, 100> buffer;
  size_t size = 39;
  long long time_us = 0;
  EXPECT_EQ(i.netdev_receive(i.userdata, buffer.data(), &size, &time_us), -1);
  EXPECT_EQ(errno, EMSGSIZE);
  size = buffer.size();
  EXPECT_EQ(i.netdev_receive(i.userdata, buffer.data(), &size, &time_us), 0);
  EXPECT_EQ(size, 40u);
}

class LoadedToWait : public Loaded {
 protected:
  LoadedToWait() : Loaded("receive=wait receive_limit=30s") {}
};

// The public runner does not wait before it asks for a packet that is to come later.
TEST_F(LoadedToWait, ReceivingMovesTheClockToTheNextPacket) {
  const int fd = i.socket(i.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = 0x901f;
  peer.sin_addr.s_addr = 0x010200c0;  // 192.0.2.1
  ASSERT_EQ(i.connect(i.userdata, fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)), -1);
  ASSERT_EQ(errno, EINPROGRESS);
  std::array<uint8_t, 100> buffer;
  long long times[2] = {};
  for (long long& time_us : times) {
    size_t size = buffer.size();
    ASSERT_EQ(i.netdev_receive(i.userdata, buffer.data(), &size, &time_us), 0);
    EXPECT_GT(size, 0u);
  }
  EXPECT_NEAR(static_cast<double>(times[1] - times[0]), 1e6, 100) << "a SYN is repeated after 1 s";
  EXPECT_GE(now_us(), times[1]);
  ASSERT_EQ(i.close(i.userdata, fd), 0);
  const long long before = now_us();
  size_t size = buffer.size();
  ASSERT_EQ(i.netdev_receive(i.userdata, buffer.data(), &size, times), 0);
  EXPECT_EQ(size, 0u) << "nothing will ever leave";
  EXPECT_LE(now_us() - before, 30'000'100);
}

// A thread that sleeps in a call is woken when the stack ends.
TEST_F(Loaded, FreeWakesWhoSleeps) {
  const int fd = i.socket(i.userdata, AF_INET, SOCK_STREAM, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = 0x901f;
  ASSERT_EQ(i.bind(i.userdata, fd, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
  ASSERT_EQ(i.listen(i.userdata, fd, 1), 0);
  const CallText text{
      .name = "accept", .arguments = {"3"}, .expected = "-1", .error = "EBADF", .ends = {}};
  Calls calls(i, true);
  BlockingCall call;
  call.start(calls, text, 0);
  ASSERT_TRUE(call.is_asleep());
  call.abandon();
  i.free(i.userdata);
  i.userdata = nullptr;
  call.finish();
  EXPECT_TRUE(call.has_returned());
}

TEST(Flags, AreUnderstood) {
  const auto options = parse_options(
      "cc=newreno, mtu=1280 ecn timestamps=off,min_rto=50ms,msl=3s\tcookies=always seed=7");
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->profile.congestion, tcp::CongestionKind::kNewReno);
  EXPECT_EQ(options->profile.interface_mtu, 1280);
  EXPECT_TRUE(options->profile.ecn);
  EXPECT_FALSE(options->profile.timestamps);
  EXPECT_EQ(options->profile.rtt.min_rto, milliseconds(50));
  EXPECT_EQ(options->profile.msl, seconds(3));
  EXPECT_EQ(options->cookies, tcp::CookieMode::kAlways);
  EXPECT_EQ(options->seed, 7u);
  EXPECT_TRUE(parse_options(""));
}

TEST(Flags, ThatAreNotUnderstoodAreRefused) {
  for (const char* flags : {"bogus",
                            "cc=bbr",
                            "cc",
                            "mtu=",
                            "mtu=100",
                            "mtu=1500x",
                            "mtu=-1",
                            "ecn=maybe",
                            "min_rto=200",
                            "min_rto=5h",
                            "msl=s",
                            "seed=-1",
                            "local4=1.2.3",
                            "local6=10.0.0.1",
                            "ecn,bogus=1",
                            "receive=later",
                            "min_rto=2s max_rto=1s",
                            "quick_acks=256",
                            "=",
                            "=5"}) {
    EXPECT_FALSE(parse_options(flags)) << flags;
    Struct i{};
    testing::internal::CaptureStderr();
    loaded_init()(flags, &i);
    EXPECT_NE(testing::internal::GetCapturedStderr(), "") << flags;
    EXPECT_EQ(i.userdata, nullptr) << flags;
    errno = 0;
    EXPECT_EQ(i.socket(i.userdata, AF_INET, SOCK_STREAM, 0), -1);
    EXPECT_EQ(errno, EINVAL);
    timeval time{};
    EXPECT_EQ(i.gettimeofday(i.userdata, &time, nullptr), -1) << "which ends the runner";
    i.free(i.userdata);
  }
}

TEST(Scripts, ThatAreNotUnderstoodNameTheLine) {
  for (const char* text : {"",
                           "+0",
                           "+0 >",
                           "+0 > S 0:0",
                           "+0 < S 0:1(0)",
                           "+0 < S 0:0(0) ack 1",
                           "+0 < . 1:1(0)",
                           "+0 < Q 0:0(0)",
                           "+0 < S 0:0(0) win",
                           "+0 < S 0:0(0) <mss>",
                           "+0 < S 0:0(0) <mss 1",
                           "+0 < [xx] S 0:0(0)",
                           "x < S 0:0(0)",
                           "+0.2~+0.1 > S 0:0(0)",
                           "* < S 0:0(0)",
                           "+0 close(3)",
                           "+0 close(3) =",
                           "+0 close 3 = 0",
                           "+0...+1 > S 0:0(0)",
                           "flow 0",
                           "only",
                           "+0 < icmp what [1:1(0)]",
                           "+0 < icmp too_big mtu 1200",
                           "+0 close(3) = 0 EBADF x"}) {
    const auto script = parse_script(text);
    ASSERT_FALSE(script) << text;
    EXPECT_TRUE(script.error().text.starts_with("line 1: ")) << script.error().text;
  }
}

// A script that is wrong about the stack fails: a player that takes everything proves nothing.
TEST(Scripts, ThatAreWrongFail) {
  constexpr const char* kOpen =
      "+0 socket() = 3\n+0 bind(3, 8080) = 0\n+0 listen(3, 1) = 0\n"
      "+0 < S 0:0(0) win 1000 <mss 1000>\n";
  constexpr const char* kOpened =
      "+0 > S. 0:0(0) ack 1 <...>\n+.1 < . 1:1(0) ack 1 win 1000\n+0 accept(3) = 4\n";
  struct Row {
    const char* text;
    const char* why;
  };
  const std::string opened = std::string(kOpen) + kOpened;
  EXPECT_EQ((Player(loaded_init(), *parse_script(opened), true).run()), "");
  for (const Row& row : {Row{"+0 write(4, 10) = 9\n+0 > . 1:11(10) ack 1", "10 (0) instead of 9"},
                         Row{"+0 nonblock(4) = 0\n+0 read(4, 10) = -1 EBADF", "EAGAIN instead of"},
                         Row{"+0 write(4, 10) = 10", "nobody expects"},
                         Row{"+0 write(4, 10) = 10\n+.5 > . 1:11(10) ack 1", "left at"},
                         Row{"+0 write(4, 10) = 10\n+0 > . 1:10(9) ack 1", "length"},
                         Row{"+0 write(4, 10) = 10\n+0 > F. 1:11(10) ack 1", "flags"},
                         Row{"+0 write(4, 10) = 10\n+0 > . 1:11(10) ack 2", "ack"},
                         Row{"+0 write(4, 10) = 10\n+0 > . 1:11(10) ack 1 <mss 5>", "mss"},
                         Row{"+0 > . 1:1(0) ack 1", "did not come"},
                         Row{"+0...+.1 read(4, 10) = 0", "does not come back"},
                         Row{"+0...+.1 close(4) = 0", "does not sleep"},
                         Row{"+0...+.1 read(4, 9) = 9\n+.3 < . 1:10(9) ack 1", "does not come"},
                         Row{"+0 frobnicate(4) = 0", "there is no call"}}) {
    const auto script = parse_script(opened + row.text);
    ASSERT_TRUE(script) << row.text << script.error().text;
    const std::string wrong = Player(loaded_init(), *script, true).run();
    EXPECT_NE(wrong.find(row.why), std::string::npos) << row.text << "\n" << wrong;
  }
}

}  // namespace
}  // namespace heddle::packetdrill
