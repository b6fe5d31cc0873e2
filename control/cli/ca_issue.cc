// ca issue. What it writes has a private key in it, which is wiped from memory when it is written.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "ca/names.h"
#include "ca/new_file.h"
#include "ca_parts.h"
#include "policy_text.h"
#include "print.h"
#include "resource/write.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string name_of(const CaOptions& options) {
  return options.name.empty() ? "svid-" + options.service_account : options.name;
}

// What is wrong with the names, or nothing.
std::string problem_of_names(const Options& options) {
  const CaOptions& asked = options.ca;
  const struct {
    const char* option;
    const std::string& value;
  } labels[] = {{"--namespace", options.policy.space},
                {"--service-account", asked.service_account},
                {"--name", name_of(asked)}};
  for (const auto& [option, value] : labels)
    if (!ca::is_label(value))
      return fmt::format(
          "{}: '{}' is no DNS label: at most 63 small letters, digits and hyphens, none of these "
          "first or last",
          option, printable(value));
  for (const std::string& name : asked.dns_names)
    if (!ca::is_host_name(name))
      return fmt::format(
          "--dns: '{}' is no name of a host in small letters, as shop.example or *.shop.example",
          printable(name));
  if (asked.dns_names.size() > ca::kMaxDnsNames)
    return fmt::format("--dns: {} names; at most {} are taken", asked.dns_names.size(),
                       ca::kMaxDnsNames);
  return {};
}

std::string problem_of_place(const CaOptions& asked) {
  if (!asked.out.empty() && !asked.pem.empty()) return "--out is a Secret, --pem are files of PEM";
  if (asked.out.empty() && asked.pem.empty() && ::isatty(STDOUT_FILENO) == 1)
    return "a private key is not printed to a terminal; give --out FILE, --pem DIR, or --out - to "
           "print it";
  return {};
}

// The files, made before anything is issued.
struct Files {
  std::optional<ca::NewFile> secret, certificate, key;
};

Result<> make(std::optional<ca::NewFile>& file, const std::string& path, mode_t mode) {
  auto made = ca::NewFile::make(path, mode, ca::NewFile::Place::kReplace);
  if (!made) return std::unexpected(made.error());
  file.emplace(std::move(*made));
  return {};
}

Result<> make_files(const CaOptions& asked, Files& files) {
  if (!asked.out.empty() && asked.out != "-") return make(files.secret, asked.out, ca::kPrivate);
  if (asked.pem.empty()) return {};
  if (::mkdir(asked.pem.c_str(), 0700) != 0 && errno != EEXIST)
    return fail("cannot make the directory {}: {}", asked.pem, std::strerror(errno));
  HEDDLE_TRY(make(files.key, asked.pem + "/tls.key", ca::kPrivate));
  return make(files.certificate, asked.pem + "/tls.crt", ca::kPublic);
}

// The authority is left before anything is written: a pipe may be read slowly.
Reply<ca::Issued> issue(const Options& options, Files& files) {
  const CaOptions& asked = options.ca;
  auto authority = open_authority(options, ca::Access::kWrite);
  if (!authority) return std::unexpected(authority.error());
  if (const auto made = make_files(asked, files); !made)
    return std::unexpected(Failure{kUsage, made.error().text});
  ca::LeafWanted wanted{.name_space = options.policy.space,
                        .service_account = asked.service_account,
                        .dns_names = asked.dns_names};
  wanted.hours = asked.hours.value_or(wanted.hours);
  auto issued = authority->issue(wanted, wall_now());
  if (!issued) return std::unexpected(Failure{kRefused, issued.error().text});
  return std::move(*issued);
}

ca::SecretText secret_of(const Options& options, const ca::Issued& issued) {
  v1::Resource resource;
  resource.mutable_metadata()->set_namespace_(options.policy.space);
  resource.mutable_metadata()->set_name(name_of(options.ca));
  v1::Secret& spec = *resource.mutable_secret();
  spec.set_certificate_pem(issued.chain_pem);
  spec.set_private_key_pem(issued.key_pem.text());
  ca::SecretText text(options.format == Format::kJson ? resource::to_json(resource)
                                                      : resource::to_yaml(resource));
  ca::wipe(*spec.mutable_private_key_pem());
  return text;
}

// Empty where there is nothing to tell, as the Secret itself was printed.
Result<std::string> write(const Options& options, const ca::Issued& issued, Files& files) {
  const CaOptions& asked = options.ca;
  if (files.key) {
    // Between the two heddled sees a key that is another's, and keeps what it has.
    HEDDLE_TRY(files.key->put(issued.key_pem.text()));
    HEDDLE_TRY(files.certificate->put(issued.chain_pem));
    return asked.pem + "/tls.crt, tls.key";
  }
  const ca::SecretText secret = secret_of(options, issued);
  if (files.secret) {
    HEDDLE_TRY(files.secret->put(secret.text()));
    return asked.out;
  }
  if (print(secret.text()) == Printed::kFailed)
    return fail("cannot write the answer: {}", std::strerror(errno));
  return std::string();
}

}  // namespace

Outcome ca_issue(const Options& options) {
  const CaOptions& asked = options.ca;
  if (std::string problem = problem_of_names(options); !problem.empty())
    return wrong_usage(std::move(problem));
  if (std::string problem = problem_of_place(asked); !problem.empty())
    return wrong_usage(std::move(problem));
  Files files;
  const auto issued = issue(options, files);
  if (!issued) return Outcome::fail(issued.error());
  const auto place = write(options, *issued, files);
  if (!place) return refused(place.error());
  if (place->empty()) return {};
  return {.out = fmt::format("{}: {} until {}, serial {}\n", printable(*place), issued->spiffe_id,
                             ca::text_of(issued->not_after), issued->serial)};
}

}  // namespace heddle::cli
