// What an authority holds and has done, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ca/step.h"
#include "tls/config.h"

namespace heddle::ca {

struct AuthorityFacts {
  bool root = false;
  std::string serial, subject, key_type;
  tls::UnixTime not_before{}, not_after{};
  bool signs = false;    // now
  bool trusted = false;  // a root of the bundle, or by such a one
  bool has_key = false;  // in the directory
};

struct LeafFacts {
  std::string serial, issuer, spiffe_id;
  std::vector<std::string> dns_names;
  tls::UnixTime not_before{}, not_after{};
  std::optional<tls::UnixTime> revoked;
};

struct Report {
  std::string trust_domain;
  Step step = Step::kSteady;
  std::vector<AuthorityFacts> authorities;   // roots first
  std::vector<LeafFacts> leaves;             // in the order they were issued
  std::optional<tls::UnixTime> next_update;  // of the revocation list that ends first
  std::vector<std::string> warnings;         // sentences: what ends soon, what is missing
};

// Within the last tenth of its life, or past it.
bool ends_soon(tls::UnixTime not_before, tls::UnixTime not_after, tls::UnixTime now);

// "2026-03-02 10:15:07 UTC".
std::string text_of(tls::UnixTime time);

}  // namespace heddle::ca
