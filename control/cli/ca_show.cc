// ca show.
#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "ca_parts.h"
#include "table.h"

namespace heddle::cli {
namespace {

int64_t ms_of(ca::UnixTime time) { return time.value() * 1'000; }

std::string left_of(ca::UnixTime not_before, ca::UnixTime not_after, ca::UnixTime now) {
  if (not_after <= now) return "ENDED";
  const std::string left = span(static_cast<uint64_t>(ms_of(not_after) - ms_of(now)));
  return ca::ends_soon(not_before, not_after, now) ? left + " SOON" : left;
}

const char* use_of(const ca::AuthorityFacts& facts) {
  if (facts.signs) return "signs";
  if (!facts.trusted) return "-";
  return facts.root ? "in the bundle" : "before";
}

std::string authorities_text(const ca::Report& report, bool all, ca::UnixTime now) {
  Table table({{"KIND"}, {"SERIAL"}, {"USE"}, {"TYPE"}, {"KEY"}, {"NOT-AFTER"}, {"LEFT"}});
  for (const ca::AuthorityFacts& each : report.authorities)
    if (all || (each.trusted && each.not_after > now) || each.signs)
      table.add({each.root ? "root" : "intermediate", each.serial, use_of(each), each.key_type,
                 each.has_key ? "here" : "-", local_time(ms_of(each.not_after)),
                 left_of(each.not_before, each.not_after, now)});
  return table.text();
}

std::string leaves_text(const ca::Report& report, bool all, ca::UnixTime now) {
  Table table({{"SPIFFE-ID"}, {"SERIAL"}, {"DNS"}, {"NOT-AFTER"}, {"LEFT"}, {"REVOKED"}});
  size_t hidden = 0, shown = 0;
  for (const ca::LeafFacts& each : report.leaves) {
    if (!all && each.not_after <= now) {
      ++hidden;
      continue;
    }
    ++shown;
    table.add({each.spiffe_id, each.serial,
               each.dns_names.empty() ? "-" : join(each.dns_names, "\n"),
               local_time(ms_of(each.not_after)), left_of(each.not_before, each.not_after, now),
               each.revoked ? local_time(ms_of(*each.revoked)) : "-"});
  }
  std::string out = shown > 0 ? table.text() : "no certificates\n";
  if (hidden > 0) out += fmt::format("and {} that have ended (--all)\n", thousands(hidden));
  return out;
}

std::string text_of(const ca::Report& report, bool all, ca::UnixTime now) {
  std::string out = fmt::format("trust domain {}, rotation of the root: {}\n", report.trust_domain,
                                name_of(report.step));
  if (report.next_update)
    out += fmt::format("revocation lists until {}\n", local_time(ms_of(*report.next_update)));
  return out + '\n' + authorities_text(report, all, now) + '\n' + leaves_text(report, all, now);
}

void write(yaml::Sink& sink, const char* key, const std::string& text) {
  sink.key(key);
  sink.string(text);
}

void write(yaml::Sink& sink, const char* key, ca::UnixTime time) {
  sink.key(key);
  sink.literal(std::to_string(ms_of(time)));
}

void write(yaml::Sink& sink, const char* key, bool value) {
  sink.key(key);
  sink.literal(value ? "true" : "false");
}

void write(yaml::Sink& sink, const char* key, const std::vector<std::string>& texts) {
  sink.key(key);
  sink.begin_array(static_cast<int>(texts.size()));
  for (const std::string& each : texts) sink.string(each);
  sink.end_array();
}

void write(yaml::Sink& sink, const ca::AuthorityFacts& facts) {
  sink.begin_object();
  write(sink, "kind", std::string(facts.root ? "root" : "intermediate"));
  write(sink, "serial", facts.serial);
  write(sink, "subject", facts.subject);
  write(sink, "key_type", facts.key_type);
  write(sink, "not_before_ms", facts.not_before);
  write(sink, "not_after_ms", facts.not_after);
  write(sink, "signs", facts.signs);
  write(sink, "trusted", facts.trusted);
  write(sink, "has_key", facts.has_key);
  sink.end_object();
}

void write(yaml::Sink& sink, const ca::LeafFacts& facts) {
  sink.begin_object();
  write(sink, "spiffe_id", facts.spiffe_id);
  write(sink, "serial", facts.serial);
  write(sink, "issuer", facts.issuer);
  write(sink, "dns_names", facts.dns_names);
  write(sink, "not_before_ms", facts.not_before);
  write(sink, "not_after_ms", facts.not_after);
  write(sink, "revoked", facts.revoked.has_value());
  if (facts.revoked) write(sink, "revoked_ms", *facts.revoked);
  sink.end_object();
}

// What a flag leaves out of the table is left out here as well.
template <class Facts>
void write(yaml::Sink& sink, const char* key, const std::vector<Facts>& all,
           const std::function<bool(const Facts&)>& wanted) {
  std::vector<const Facts*> chosen;
  for (const Facts& each : all)
    if (wanted(each)) chosen.push_back(&each);
  sink.key(key);
  sink.begin_array(static_cast<int>(chosen.size()));
  for (const Facts* each : chosen) write(sink, *each);
  sink.end_array();
}

std::string document_of(const ca::Report& report, const Options& options, ca::UnixTime now) {
  const auto sink = make_sink(options.format);
  sink->begin_object();
  write(*sink, "trust_domain", report.trust_domain);
  write(*sink, "step", std::string(name_of(report.step)));
  if (report.next_update) write(*sink, "crl_next_update_ms", *report.next_update);
  write<ca::AuthorityFacts>(
      *sink, "authorities", report.authorities, [&](const ca::AuthorityFacts& each) {
        return options.all || each.signs || (each.trusted && each.not_after > now);
      });
  write<ca::LeafFacts>(*sink, "certificates", report.leaves, [&](const ca::LeafFacts& each) {
    return options.all || each.not_after > now;
  });
  write(*sink, "warnings", report.warnings);
  sink->end_object();
  return sink->finish();
}

}  // namespace

Outcome ca_show(const Options& options) {
  const auto authority = open_authority(options, ca::Access::kRead);
  if (!authority) return Outcome::fail(authority.error());
  const ca::UnixTime now = wall_now();
  const auto report = authority->report(now);
  if (!report) return refused(report.error());
  if (options.format != Format::kTable) return {.out = document_of(*report, options, now)};
  Outcome outcome{.out = text_of(*report, options.all, now)};
  for (const std::string& warning : report->warnings)
    outcome.problems += fmt::format("heddlectl: {}\n", warning);
  return outcome;
}

}  // namespace heddle::cli
