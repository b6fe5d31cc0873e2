// An access record as one line of JSON (RFC 8259). Whatever bytes a client has sent, the line is
// valid UTF-8 without a control character, and one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "telemetry/access_record.h"

namespace heddle::telemetry {

// A string with its quotes. Control characters become \u00xx, what is not UTF-8 (RFC 3629) \ufffd.
void append_json_string(std::string_view text, std::string& to);

// `time_ns`: when the request ended, since 1970. With the line's end. Texts that were cut are
// listed in "cut".
void append_json_line(const AccessRecord& record, const RecordNames& names, int64_t time_ns,
                      std::string& to);

// "2026-03-02T10:15:07.123456Z" (RFC 3339).
std::string time_text(int64_t time_ns);
// "192.0.2.1:80", "[2001:db8::1]:80"; empty without a port.
std::string text_of(const RecordEnd& end);
// "HTTP/1.1", "HTTP/2".
std::string protocol_of(const AccessRecord& record);

}  // namespace heddle::telemetry
