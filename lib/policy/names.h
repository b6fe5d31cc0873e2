// Names, labels and addresses: what they may be, and how sentences quote them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/resource.h"

namespace heddle::policy {

// Why a text is no DNS label (RFC 1123 2.1, in small letters); empty: it is one.
std::string_view why_no_label(std::string_view text);

// Why a text is no server name; empty: it is one. Names of hosts in small letters (RFC 6066 3), and
// where wildcards are taken also "*.example.org".
enum class Wildcard : uint8_t { kRefused, kTaken };
std::string_view why_no_server_name(std::string_view text, Wildcard wildcard);

// Why no host has the address; empty: one may.
std::string_view why_no_host(const IpAddress& address);

// In quotation marks, cut where no name is that long, without control characters.
std::string quote(std::string_view text);

// "shop/cart".
std::string path_of(const Key& key);

// "Service shop/cart".
std::string title_of(const Key& key);

// "version=v2, zone=a".
std::string text_of(const Labels& labels);

const char* text_of(Protocol protocol);

// A port's number as a text, "80"; 0: it is none.
uint16_t number_of(std::string_view text);

// Where the ports of a Service or a Gateway are.
const char* ports_field(Kind kind);

// "tcp/80"; of number 0 "all ports of tcp".
std::string port_text(Protocol protocol, uint16_t number);

// " (did you mean "cart"?)", when a name differs by two letters at most; or nothing.
std::string suggestion(std::string_view wrong, const std::vector<std::string_view>& names);

// Whether all that is wanted is there.
bool carries(const Labels& labels, const Labels& wanted);

// The same of a workload: its spec's labels lie over those of its metadata.
bool carries(const Resource& workload, const Labels& wanted);

}  // namespace heddle::policy
