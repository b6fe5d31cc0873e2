// Certificates: until when they are good, and whether others believe them.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "node_check.h"
#include "pem.h"

namespace heddle::server {
namespace {

constexpr int64_t kHour = 3'600, kDay = 24 * kHour;

std::string date_of(int64_t time) {
  std::tm parts{};
  const auto seconds = static_cast<std::time_t>(time);
  if (::gmtime_r(&seconds, &parts) == nullptr) return "?";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::string span_of(int64_t seconds) {
  if (seconds >= 2 * kDay) return fmt::format("{} days", seconds / kDay);
  if (seconds >= 2 * kHour) return fmt::format("{} hours", seconds / kHour);
  return fmt::format("{} minutes", seconds / 60);
}

// The last fifth of its time, and no more than a month of it.
bool ends_soon(const CertificateFacts& facts, int64_t now) {
  const int64_t left = facts.not_after - now;
  return left < std::min((facts.not_after - facts.not_before) / 5, 30 * kDay);
}

constexpr const char* kIssue = "issue another: heddlectl ca issue";

}  // namespace

void check_secret(const policy::Key& key, const policy::Secret& secret, int64_t now,
                  Findings& findings) {
  const auto chain = describe_certificates(secret.chain_pem);
  for (size_t i = 0; i < chain.size(); ++i) {
    const CertificateFacts& each = chain[i];
    const std::string what =
        i == 0 ? "the certificate" : fmt::format("the intermediate {}", each.subject);
    if (each.not_after <= now)
      findings.error(about(key), fmt::format("{} has expired on {}", what, date_of(each.not_after)),
                     kIssue);
    else if (each.not_before > now)
      findings.error(about(key),
                     fmt::format("{} is good from {} on, {} from now", what,
                                 date_of(each.not_before), span_of(each.not_before - now)),
                     "compare this machine's clock with that of who issued it");
    else if (ends_soon(each, now))
      findings.warning(about(key),
                       fmt::format("{} ends on {}, in {}", what, date_of(each.not_after),
                                   span_of(each.not_after - now)),
                       kIssue);
  }
}

void check_trust_bundle(const policy::Key& key, const policy::TrustBundle& bundle, int64_t now,
                        Findings& findings) {
  const auto roots = describe_certificates(bundle.roots_pem);
  const auto is_good = [&](const CertificateFacts& each) {
    return each.not_before <= now && now < each.not_after;
  };
  if (std::ranges::none_of(roots, is_good))
    return findings.error(about(key), "none of its roots is good today: nobody is believed",
                          "apply a bundle with the root that is in use");
  for (const CertificateFacts& each : roots) {
    if (each.not_after <= now)
      findings.note(
          about(key),
          fmt::format("the root {} has expired on {}", each.subject, date_of(each.not_after)),
          "leave it out");
    else if (each.not_before <= now && ends_soon(each, now))
      findings.warning(about(key),
                       fmt::format("the root {} ends on {}, in {}", each.subject,
                                   date_of(each.not_after), span_of(each.not_after - now)),
                       "rotate it: heddlectl ca rotate");
  }
}

void check_identity(const policy::Key& workload, const std::string& identity,
                    const policy::Secret& secret,
                    const std::vector<const policy::TrustBundle*>& trust, int64_t now,
                    Findings& findings) {
  const auto chain = describe_certificates(secret.chain_pem);
  if (chain.empty()) return;
  const auto& uris = chain.front().uris;
  if (std::ranges::find(uris, identity) == uris.end())
    return findings.error(about(workload), fmt::format("its certificate is not for {}", identity),
                          kIssue);
  if (now < chain.front().not_before || now >= chain.front().not_after) return;  // told already
  std::string why = "no TrustBundle of its MeshPolicy is for its trust domain";
  for (const policy::TrustBundle* each : trust) {
    if (!identity.starts_with(fmt::format("spiffe://{}/", each->trust_domain))) continue;
    const auto verified = verify_chain(secret.chain_pem, each->roots_pem, now);
    if (verified) return;
    why = verified.error().text;
  }
  findings.error(about(workload), fmt::format("its certificate is not believed by others: {}", why),
                 "apply the bundle of who issued it: heddlectl ca bundle");
}

}  // namespace heddle::server
