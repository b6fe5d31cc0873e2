// TCP headers and options, the latter also by themselves.
#include "support.h"
#include "wire/tcp.h"

using namespace heddle::wire;
using heddle::fuzz::require;

namespace {

void check_options(std::span<const uint8_t> bytes) {
  TcpOptionValues values;
  const TcpOptionFault fault = parse_tcp_options(bytes, values);
  TcpOptions walk(bytes);
  size_t size = 0;
  while (const auto option = walk.next()) {
    heddle::fuzz::read_all(option->data);
    size += option->data.size() + 2;
  }
  require(size <= bytes.size());
  require(fault == walk.fault() || fault == TcpOptionFault::kWrongLength);
  require(values.size() <= kTcpMaxOptionsSize && values.size() % 4 == 0);
  std::vector<uint8_t> out(values.size());
  values.emit(out.data());
  TcpOptionValues again;
  require(parse_tcp_options(out, again) == TcpOptionFault::kNone);
  require(again.mss == values.mss && again.window_scale == values.window_scale);
  require(again.sack_permitted == values.sack_permitted && again.timestamps == values.timestamps);
  require(again.sack_count <= values.sack_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  check_options(input);
  const auto value = Tcp::parse(input);
  if (check_tcp(input) != TcpFault::kNone) {
    require(!value);
    return 0;
  }
  const TcpView view(data);
  require(view.options().size() <= kTcpMaxOptionsSize);
  check_options(view.options());
  if (!value) return 0;
  std::vector<uint8_t> out(value->header_size());
  value->emit(kAllNodes, kAllRouters, out);
  require(check_tcp(out) == TcpFault::kNone && tcp_checksum_ok(kAllNodes, kAllRouters, out));
  const auto again = Tcp::parse(out);
  require(again.has_value());
  require(again->sequence == value->sequence && again->flags == value->flags);
  require(again->header_size() == value->header_size());
  return 0;
}
