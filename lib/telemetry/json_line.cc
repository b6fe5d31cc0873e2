#include "telemetry/json_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.h"

namespace heddle::telemetry {

namespace {

void put(std::string_view name, std::string_view text, std::string& to) {
  fmt::format_to(std::back_inserter(to), ",\"{}\":", name);
  append_json_string(text, to);
}
void put(std::string_view name, uint64_t value, std::string& to) {
  fmt::format_to(std::back_inserter(to), ",\"{}\":{}", name, value);
}
void put_some(std::string_view name, std::string_view text, std::string& to) {
  if (!text.empty()) put(name, text, to);
}
uint64_t us_of(Duration time) { return static_cast<uint64_t>(std::max<int64_t>(time.us(), 0)); }

void put_cut(const AccessRecord& record, std::string& to) {
  const std::pair<std::string_view, bool> texts[] = {
      {"method", record.method.is_cut()},
      {"authority", record.authority.is_cut()},
      {"path", record.path.is_cut()},
      {"user_agent", record.user_agent.is_cut()},
      {"request_id", record.request_id.is_cut()},
  };
  bool any = false;
  for (const auto& [name, cut] : texts) {
    if (!cut) continue;
    fmt::format_to(std::back_inserter(to), "{}\"{}\"", any ? "," : ",\"cut\":[", name);
    any = true;
  }
  if (any) to += ']';
}

}  // namespace

void append_json_string(std::string_view text, std::string& to) {
  to += '"';
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0)
      to += "\\ufffd";
    else if (c == '"' || c == '\\')
      (to += '\\') += c;
    else if (static_cast<uint8_t>(c) < ' ' || c == '\x7f')
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<uint8_t>(c));
    else
      to += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  to += '"';
}

std::string time_text(int64_t time_ns) {
  const int64_t second = time_ns / 1'000'000'000;
  const time_t whole = second;
  tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (time_ns - second * 1'000'000'000) / 1'000);
}

std::string text_of(const RecordEnd& end) {
  if (end.port == 0) return {};
  if (end.address.is_v4_mapped())
    return fmt::format(
        "{}:{}", to_string(wire::Ipv4Address::from_host(static_cast<uint32_t>(end.address.low()))),
        end.port);
  return fmt::format("[{}]:{}", to_string(end.address), end.port);
}

std::string protocol_of(const AccessRecord& record) {
  if (record.http_major == 2) return "HTTP/2";
  return fmt::format("HTTP/{}.{}", record.http_major, record.http_minor);
}

void append_json_line(const AccessRecord& record, const RecordNames& names, int64_t time_ns,
                      std::string& to) {
  to += "{\"time\":";
  append_json_string(time_text(time_ns), to);
  put("client", text_of(record.client), to);
  put_some("source", names.source, to);
  put("service", names.service, to);
  put_some("route", names.route, to);
  put("method", record.method.view(), to);
  put("authority", record.authority.view(), to);
  put("path", record.path.view(), to);
  put("protocol", protocol_of(record), to);
  to += record.key.tls ? ",\"tls\":true" : ",\"tls\":false";
  put("status", record.key.status, to);
  if (record.key.grpc_status != kNoGrpcStatus) put("grpc_status", record.key.grpc_status, to);
  put("flags", names.fault, to);
  put_some("endpoint", text_of(record.endpoint), to);
  put("tries", record.tries, to);
  put("bytes_in", record.bytes_in, to);
  put("bytes_out", record.bytes_out, to);
  put("time_us", us_of(record.time), to);
  if (record.to_head != Duration()) put("head_us", us_of(record.to_head), to);
  put_some("request_id", record.request_id.view(), to);
  put_some("trace_id", text_of(record.trace_id), to);
  put_some("user_agent", record.user_agent.view(), to);
  put_cut(record, to);
  to += "}\n";
}

}  // namespace heddle::telemetry
