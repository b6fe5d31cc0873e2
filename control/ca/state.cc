#include "state.h"

#include <limits>

#include "ca/names.h"
#include "tls/spiffe.h"
#include "yaml/tree.h"

namespace heddle::ca {
namespace {

constexpr yaml::Limits kLimits{.bytes = 16 << 10, .nodes = 100, .depth = 4};
constexpr uint64_t kVersion = 1;

// Takes the fields of the document one after the other, and keeps the first that is wrong.
class FieldReader {
 public:
  explicit FieldReader(const yaml::Node& root) : root_(root) {}

  std::string text(std::string_view name) {
    for (const yaml::Node& child : root_.children)
      if (child.key == name && child.kind == yaml::Node::Kind::kScalar) return child.text;
    return wrong(name);
  }
  uint64_t number(std::string_view name, uint64_t most) {
    const auto value = yaml::parse_number(text(name));
    if (!value || *value > most) wrong(name);
    return value.value_or(0);
  }
  uint32_t days(std::string_view name) {
    return static_cast<uint32_t>(number(name, std::numeric_limits<uint32_t>::max()));
  }
  std::string serial(std::string_view name) {
    std::string value = text(name);
    return !value.empty() && serial_of_text(value) == value ? value : wrong(name);
  }
  KeyKind key(std::string_view name) {
    const auto kind = key_kind_of(text(name));
    if (!kind) wrong(name);
    return kind.value_or(KeyKind::kP256);
  }
  Step step(std::string_view name) {
    const std::string value = text(name);
    for (size_t i = 0; i < kSteps.size(); ++i)
      if (kSteps[i] == value) return static_cast<Step>(i);
    wrong(name);
    return Step::kSteady;
  }
  const std::string& problem() const { return problem_; }
  std::string wrong(std::string_view name) {
    if (problem_.empty()) problem_ = name;
    return {};
  }

 private:
  const yaml::Node& root_;
  std::string problem_;
};

}  // namespace

Result<State> read_state(const Directory& directory) {
  const std::string path = directory.file(kStateName);
  const auto text = directory.read(kStateName, kLimits.bytes);
  if (!text) return std::unexpected(text.error());
  if (!*text)
    return fail("{} has no {}, so it is no authority; 'heddlectl ca init' makes one",
                directory.path(), kStateName);
  const auto root = yaml::parse_document(**text, path, kLimits, "an authority's state");
  if (!root) return std::unexpected(root.error());
  FieldReader fields(*root);
  if (fields.number("version", std::numeric_limits<uint64_t>::max()) != kVersion)
    return fail("{} is of another version of heddlectl", path);
  State state{.trust_domain = fields.text("trust_domain"),
              .key = fields.key("key"),
              .days = fields.days("days"),
              .intermediate_days = fields.days("intermediate_days"),
              .step = fields.step("step"),
              .root = fields.serial("root")};
  if (state.step != Step::kSteady) state.other_root = fields.serial("other_root");
  state.intermediate = fields.serial("intermediate");
  state.crl_number = fields.number("crl_number", std::numeric_limits<int64_t>::max());
  state.crl_days = fields.days("crl_days");
  if (!tls::is_trust_domain(state.trust_domain)) fields.wrong("trust_domain");
  if (!fields.problem().empty()) return fail("{}: {} is wrong", path, fields.problem());
  return state;
}

Result<> write_state(const Directory& directory, const State& state) {
  return directory.replace(
      kStateName,
      fmt::format(R"({{
  "version": {},
  "trust_domain": "{}",
  "key": "{}",
  "days": {},
  "intermediate_days": {},
  "step": "{}",
  "root": "{}",
  "other_root": "{}",
  "intermediate": "{}",
  "crl_number": {},
  "crl_days": {}
}}
)",
                  kVersion, state.trust_domain, name_of(state.key), state.days,
                  state.intermediate_days, name_of(state.step), state.root, state.other_root,
                  state.intermediate, state.crl_number, state.crl_days),
      kPrivate);
}

}  // namespace heddle::ca
