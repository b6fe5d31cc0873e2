// TLS: of a Service's port and towards endpoints; Secret and TrustBundle, whose files are read
// here.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "pem.h"
#include "pem_file.h"
#include "policy/limits.h"
#include "policy_reader.h"
#include "tls/spiffe.h"

namespace heddle::server {
namespace {

using Texts = google::protobuf::RepeatedPtrField<std::string>;

// OpenSSL's names of those that are as strong as a server should be.
constexpr std::array<std::string_view, 4> kGroups = {"X25519", "P-256", "P-384", "P-521"};

std::vector<std::string> list(const Texts& from) { return {from.begin(), from.end()}; }

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

tls::Version read_version(const std::string& text, tls::Version otherwise, const std::string& field,
                          PolicyReader& reader) {
  if (text.empty()) return otherwise;
  if (text == "1.2") return tls::Version::kTls12;
  if (text == "1.3") return tls::Version::kTls13;
  reader.problem(field, fmt::format("expected \"1.2\" or \"1.3\", not \"{}\"", shown(text)));
  return otherwise;
}

void read_suites(const Texts& from, const std::string& field, policy::TlsChoice& to,
                 PolicyReader& reader) {
  if (!reader.fits(from.size(), tls::kSuites.size(), field)) return;
  for (int i = 0; i < from.size(); ++i) {
    const auto known = std::ranges::find(tls::kSuites, from[i], &tls::Suite::name);
    if (known == tls::kSuites.end()) {
      std::vector<std::string_view> names;
      for (const tls::Suite& each : tls::kSuites) names.push_back(each.name);
      reader.problem(
          fmt::format("{}[{}]", field, i),
          fmt::format("\"{}\" is not known; expected one of {}", shown(from[i]), listed(names)));
      continue;
    }
    if (std::ranges::find(to.suites, known->id) != to.suites.end())
      reader.problem(fmt::format("{}[{}]", field, i),
                     fmt::format("\"{}\" is there twice", from[i]));
    to.suites.push_back(known->id);
  }
  const auto usable = [&](tls::SuiteId id) {
    const tls::Version version = tls::suite(id).version;
    return version >= to.min_version && version <= to.max_version;
  };
  if (!to.suites.empty() && std::ranges::none_of(to.suites, usable))
    reader.problem(field, "has none of the versions that are allowed");
}

void read_groups(const Texts& from, const std::string& field, policy::TlsChoice& to,
                 PolicyReader& reader) {
  if (!reader.fits(from.size(), policy::kMaxGroups, field)) return;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", field, i);
    if (std::ranges::find(kGroups, from[i]) == kGroups.end())
      reader.problem(at, fmt::format("\"{}\" is not known; expected one of {}", shown(from[i]),
                                     listed(kGroups)));
    else if (std::ranges::find(to.groups, from[i]) != to.groups.end())
      reader.problem(at, fmt::format("\"{}\" is there twice", from[i]));
    to.groups.push_back(from[i]);
  }
}

// ServerTls and UpstreamTls have these fields in common.
template <class Message>
policy::TlsChoice read_choice(const Message& from, const std::string& field, PolicyReader& reader) {
  policy::TlsChoice to;
  to.min_version = read_version(from.min_version(), to.min_version, field + ".min_version", reader);
  to.max_version = read_version(from.max_version(), to.max_version, field + ".max_version", reader);
  read_suites(from.suites(), field + ".suites", to, reader);
  read_groups(from.groups(), field + ".groups", to, reader);
  if (reader.fits(from.alpn_size(), policy::kMaxAlpn, field + ".alpn")) to.alpn = list(from.alpn());
  return to;
}

std::vector<std::string> read_ids(const Texts& from, const std::string& field,
                                  PolicyReader& reader) {
  if (!reader.fits(from.size(), policy::kMaxPeerIds, field)) return {};
  for (int i = 0; i < from.size(); ++i)
    if (!tls::parse_spiffe_id(from[i]))
      reader.problem(fmt::format("{}[{}]", field, i),
                     fmt::format("\"{}\" is no SPIFFE ID; expected "
                                 "spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT",
                                 shown(from[i])));
  return list(from);
}

std::vector<std::string> read_names(const Texts& from, size_t most, const std::string& field,
                                    PolicyReader& reader) {
  return reader.fits(from.size(), most, field) ? list(from) : std::vector<std::string>();
}

// A text that is given itself or by its file.
struct Given {
  const char* what;  // "certificate": of the fields' names
  const std::string& pem;
  const std::string& file;
  FileKind kind = FileKind::kPublic;
  size_t most = 0;

  std::string pem_field() const { return fmt::format("spec.{}_pem", what); }
  std::string file_field() const { return fmt::format("spec.{}_file", what); }
  std::string field() const { return file.empty() ? pem_field() : file_field(); }
};

// The text, or an empty one and a problem.
std::string read_text(const Given& given, PolicyReader& reader) {
  if (!given.file.empty() && !given.pem.empty()) {
    reader.problem(given.pem_field(),
                   fmt::format("{}_file is given too; leave one of the two out", given.what));
    return {};
  }
  if (given.file.empty()) {
    if (given.pem.size() <= given.most) return given.pem;
    reader.problem(given.pem_field(), fmt::format("has {} bytes; at most {} are allowed",
                                                  given.pem.size(), given.most));
    return {};
  }
  if (!given.file.starts_with('/') || given.file.find('\0') != std::string::npos) {
    reader.problem(given.file_field(), "is no absolute path; heddled reads it on its own machine");
    return {};
  }
  auto text = read_pem_file(given.file, given.kind, given.most);
  if (!text) {
    reader.problem(given.file_field(), text.error().text);
    return {};
  }
  if (text->empty()) reader.problem(given.file_field(), given.file + ": is empty");
  return std::move(*text);
}

// Whether it is good; the problem is at the field that gave it.
bool take(const Result<>& checked, const Given& given, PolicyReader& reader) {
  if (checked) return true;
  reader.problem(given.field(), given.file.empty()
                                    ? checked.error().text
                                    : fmt::format("{}: {}", given.file, checked.error().text));
  return false;
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr size_t kMost = 64;
  std::string told(text.substr(0, kMost));
  for (char& c : told)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return told + (text.size() > kMost ? "..." : "");
}

policy::ServerTls read_server_tls(const v1::ServerTls& from, const std::string& field,
                                  PolicyReader& reader) {
  policy::ServerTls to;
  switch (from.mode()) {
    case v1::SERVER_TLS_MODE_TERMINATE:
      to.mode = policy::ClientTls::kTerminate;
      break;
    case v1::SERVER_TLS_MODE_OPTIONAL:
      to.mode = policy::ClientTls::kOptional;
      break;
    case v1::SERVER_TLS_MODE_PASSTHROUGH:
      to.mode = policy::ClientTls::kPassthrough;
      break;
    default:
      reader.problem(field + ".mode", "missing; expected TERMINATE, OPTIONAL or PASSTHROUGH");
  }
  to.certificates =
      read_names(from.certificates(), policy::kMaxCertificates, field + ".certificates", reader);
  to.trust = read_names(from.trust(), policy::kMaxTrust, field + ".trust", reader);
  to.client_ids = read_ids(from.client_ids(), field + ".client_ids", reader);
  to.known_names_only = from.known_names_only();
  to.choice = read_choice(from, field, reader);
  return to;
}

policy::UpstreamTls read_upstream_tls(const v1::UpstreamTls& from, const std::string& field,
                                      PolicyReader& reader) {
  policy::UpstreamTls to;
  to.server_name = from.server_name();
  switch (from.verify()) {
    case v1::VERIFY_PEER_UNSPECIFIED:
      if (from.server_name().empty() || from.server_ids_size() != 0)
        reader.problem(field + ".verify",
                       "missing; expected NAME (the certificate has server_name) or SPIFFE (it is "
                       "an X.509-SVID)");
      break;
    case v1::VERIFY_PEER_NAME:
      break;
    case v1::VERIFY_PEER_SPIFFE:
      to.verify = tls::PeerCheck::kSpiffe;
      break;
    default:
      reader.problem(field + ".verify", "expected NAME or SPIFFE");
  }
  to.trust = read_names(from.trust(), policy::kMaxTrust, field + ".trust", reader);
  to.certificate = from.certificate();
  to.server_ids = read_ids(from.server_ids(), field + ".server_ids", reader);
  to.choice = read_choice(from, field, reader);
  return to;
}

policy::Secret read(const v1::Secret& from, PolicyReader& reader) {
  const Given chain{"certificate", from.certificate_pem(), from.certificate_file(),
                    FileKind::kPublic, policy::kMaxChainPem};
  const Given key{"private_key", from.private_key_pem(), from.private_key_file(),
                  FileKind::kPrivateKey, policy::kMaxKeyPem};
  if (chain.pem.empty() && chain.file.empty())
    reader.problem("spec.certificate_pem", "missing; give it or certificate_file");
  if (key.pem.empty() && key.file.empty())
    reader.problem("spec.private_key_pem",
                   "missing; give it or private_key_file. What get and describe tell has no keys, "
                   "and cannot be applied: apply the Secret from where it is kept");
  policy::Secret to{read_text(chain, reader), read_text(key, reader)};
  if (to.chain_pem.empty() || to.key_pem.empty()) return to;
  if (take(check_chain(to.chain_pem), chain, reader))
    take(check_key(to.chain_pem, to.key_pem), key, reader);
  return to;
}

policy::TrustBundle read(const v1::TrustBundle& from, PolicyReader& reader) {
  const Given roots{"certificates", from.certificates_pem(), from.certificates_file(),
                    FileKind::kPublic, policy::kMaxBundlePem};
  const Given crl{"crl", from.crl_pem(), from.crl_file(), FileKind::kPublic, policy::kMaxCrlPem};
  if (!tls::is_trust_domain(from.trust_domain()))
    reader.problem("spec.trust_domain",
                   fmt::format("\"{}\" is no trust domain; expected a name as example.org",
                               shown(from.trust_domain())));
  if (roots.pem.empty() && roots.file.empty())
    reader.problem("spec.certificates_pem", "missing; give it or certificates_file");
  policy::TrustBundle to{from.trust_domain(), read_text(roots, reader), read_text(crl, reader)};
  if (!to.roots_pem.empty()) take(check_roots(to.roots_pem), roots, reader);
  if (!to.crl_pem.empty()) take(check_crl(to.crl_pem), crl, reader);
  return to;
}

}  // namespace heddle::server
