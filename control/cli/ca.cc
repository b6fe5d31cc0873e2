// ca init, bundle, revoke and crl.
#include <fmt/format.h>

#include <filesystem>

#include "ca/names.h"
#include "ca/new_file.h"
#include "ca_parts.h"
#include "files.h"
#include "policy_text.h"
#include "resource/write.h"
#include "table.h"
#include "tls/spiffe.h"

namespace heddle::cli {
namespace {

constexpr size_t kMostFile = 1 << 20;

// The serial of a certificate, as PEM or in a Secret.
Reply<std::string> serial_in_file(const std::string& path) {
  const auto text = read_file(path, kMostFile);
  if (!text) return std::unexpected(Failure{kUsage, text.error().text});
  if (const auto serial = ca::serial_of_pem(*text)) return *serial;
  auto read = read_resources({path}, "default");
  if (!read) return std::unexpected(read.error());
  for (const v1::Resource& resource : read->resources())
    if (resource.has_secret())
      if (const auto serial = ca::serial_of_pem(resource.secret().certificate_pem()))
        return *serial;
  return std::unexpected(
      Failure{kUsage, fmt::format("{} has no certificate, neither as PEM nor in a Secret", path)});
}

Reply<std::string> serial_of(const std::string& word) {
  std::error_code unknown;
  std::string serial = ca::serial_of_text(word);
  if (!serial.empty() && !std::filesystem::exists(word, unknown)) return serial;
  return serial_in_file(word);
}

std::string apply_hint(const std::string& directory) {
  return fmt::format("To be applied everywhere: heddlectl ca bundle {}\n", printable(directory));
}

}  // namespace

Outcome ca_init(const Options& options) {
  const CaOptions& asked = options.ca;
  ca::InitWanted wanted{.trust_domain = asked.trust_domain};
  if (!tls::is_trust_domain(wanted.trust_domain))
    return wrong_usage(fmt::format(
        "--trust-domain: '{}' is no trust domain; expected a name in small letters, as example.org",
        printable(wanted.trust_domain)));
  if (!asked.key.empty()) wanted.key = *ca::key_kind_of(asked.key);
  wanted.days = asked.days.value_or(wanted.days);
  wanted.intermediate_days = asked.intermediate_days.value_or(wanted.intermediate_days);
  const auto made = ca::Authority::init(asked.directory, wanted, wall_now());
  if (!made) return refused(made.error());
  return {.out = fmt::format("{}: an authority of {}\n"
                             "Keep root.key elsewhere: only 'heddlectl ca rotate' needs it.\n",
                             printable(asked.directory), wanted.trust_domain)};
}

Outcome ca_bundle(const Options& options) {
  const std::string name = options.ca.name.empty() ? "mesh" : options.ca.name;
  for (const std::string& label : {name, space_of(options)})
    if (!ca::is_label(label))
      return wrong_usage(
          fmt::format("'{}' is no DNS label: small letters, digits and hyphens", printable(label)));
  const auto authority = open_authority(options, ca::Access::kRead);
  if (!authority) return Outcome::fail(authority.error());
  const auto bundle = authority->bundle(wall_now());
  if (!bundle) return refused(bundle.error());
  v1::Resource resource;
  resource.mutable_metadata()->set_namespace_(space_of(options));
  resource.mutable_metadata()->set_name(name);
  v1::TrustBundle& spec = *resource.mutable_trust_bundle();
  spec.set_trust_domain(bundle->trust_domain);
  spec.set_certificates_pem(bundle->roots_pem);
  if (!bundle->crl_pem.empty()) spec.set_crl_pem(bundle->crl_pem);
  std::string text =
      options.format == Format::kJson ? resource::to_json(resource) : resource::to_yaml(resource);
  if (options.ca.out.empty() || options.ca.out == "-") return {.out = std::move(text)};
  const auto written =
      ca::write_file(options.ca.out, text, ca::kPublic, ca::NewFile::Place::kReplace);
  if (!written) return wrong_usage(written.error().text);
  return {.out = fmt::format("{}: the TrustBundle {}/{}\n", printable(options.ca.out),
                             space_of(options), name)};
}

Outcome ca_revoke(const Options& options) {
  const auto serial = serial_of(options.ca.certificate);
  if (!serial) return Outcome::fail(serial.error());
  auto authority = open_authority(options, ca::Access::kWrite);
  if (!authority) return Outcome::fail(authority.error());
  const auto revoked = authority->revoke(*serial, options.ca.days, wall_now());
  if (!revoked) return refused(revoked.error());
  return {.out =
              fmt::format("{} of {} {}; the revocation lists end at {}\n{}", *serial,
                          revoked->spiffe_id, revoked->before ? "was revoked before" : "is revoked",
                          ca::text_of(revoked->next_update), apply_hint(options.ca.directory))};
}

Outcome ca_crl(const Options& options) {
  auto authority = open_authority(options, ca::Access::kWrite);
  if (!authority) return Outcome::fail(authority.error());
  const auto next = authority->sign_crls(options.ca.days, wall_now());
  if (!next) return refused(next.error());
  return {.out = fmt::format("the revocation lists are signed, and end at {}\n{}",
                             ca::text_of(*next), apply_hint(options.ca.directory))};
}

}  // namespace heddle::cli
