// Authority::rotate_intermediate, and the three steps of a new root. In each the state is written
// when all that it names is on the disk; who is killed before that has changed nothing, and who is
// killed after it leaves files whose names the next one sets right.
#include <algorithm>
#include <set>

#include "crls.h"
#include "parts.h"

namespace heddle::ca {
namespace {

std::unexpected<Error> out_of_order(Step step, std::string_view wanted) {
  constexpr std::string_view kNext[] = {"'--prepare' makes the next root",
                                        "'--switch' is next: the new root is in the bundle",
                                        "'--finish' is next: the new root signs already"};
  return fail("the root's rotation is at the step {}, so it cannot {}: {}", name_of(step), wanted,
              kNext[static_cast<size_t>(step)]);
}

// Keys of intermediates that nothing needs any more, neither to issue nor for lists.
Result<> remove_spent_keys(const Authority::Parts& parts, const std::vector<Entry>& entries,
                           UnixTime now) {
  const std::vector<const Held*> needed = listed_issuers(parts, entries, now);
  const auto names = parts.directory.list();
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.starts_with("intermediate-") || !name.ends_with(".key")) continue;
    const bool used = std::ranges::any_of(needed, [&](const Held* each) {
      return name == other_name(Role::kIntermediate, each->serial, "key");
    });
    if (!used) HEDDLE_TRY(parts.directory.remove(name));
  }
  return {};
}

// After the state was written.
Result<> follow_up(Authority::Parts& parts, UnixTime now) {
  HEDDLE_TRY(settle(parts.directory, parts.state, parts.held));
  const auto entries = read_index(parts.directory);
  if (!entries) return std::unexpected(entries.error());
  HEDDLE_TRY(remove_spent_keys(parts, *entries, now));
  return renew_crls(parts, *entries, now);
}

Result<> sign_by(Authority::Parts& parts, const std::string& root_serial, State state,
                 UnixTime now) {
  const Held& root = *find(parts.held, root_serial);
  const auto key = parts.need_key(root, "signs intermediates");
  if (!key) return std::unexpected(key.error());
  // Into a list of its own, as `root` is an element of the other.
  std::vector<Held> made;
  const auto middle = make_intermediate(parts.directory, state, root, key->get(), now, made);
  if (!middle) return std::unexpected(middle.error());
  state.intermediate = (*middle)->serial;
  HEDDLE_TRY(write_state(parts.directory, state));
  parts.state = std::move(state);
  parts.held.push_back(std::move(made.front()));
  return follow_up(parts, now);
}

// The serials of the old root's intermediates.
std::set<std::string_view> old_issuers(const Authority::Parts& parts) {
  std::set<std::string_view> old;
  for (const Held& each : parts.held) {
    if (each.role != Role::kIntermediate) continue;
    const Held* root = parts.root_of(each);
    if (root != nullptr && root->serial == parts.state.other_root) old.insert(each.serial);
  }
  return old;
}

// Certificates by the old root that somebody may be using: neither revoked nor ended, and not
// issued by the new root as well.
std::vector<const Entry*> left_behind(const Authority::Parts& parts,
                                      const std::vector<Entry>& entries, UnixTime now) {
  using Names = std::pair<std::string_view, std::vector<std::string>>;
  const std::set<std::string_view> old = old_issuers(parts);
  std::vector<const Entry*> left;
  std::set<Names> renewed;
  for (const Entry& entry : entries) {
    if (entry.validity.not_after <= now || entry.revoked) continue;
    if (old.contains(entry.issuer))
      left.push_back(&entry);
    else
      renewed.emplace(entry.names.spiffe_id, entry.names.dns_names);
  }
  std::erase_if(left, [&](const Entry* entry) {
    return renewed.contains({entry->names.spiffe_id, entry->names.dns_names});
  });
  return left;
}

}  // namespace

Result<> Authority::rotate_intermediate(UnixTime now) {
  return sign_by(*parts_, parts_->state.root, parts_->state, now);
}

Result<> Authority::prepare_root(UnixTime now) {
  State state = parts_->state;
  if (state.step != Step::kSteady) return out_of_order(state.step, "be prepared");
  std::vector<Held> made;
  const auto root = make_root(parts_->directory, state, now, made);
  if (!root) return std::unexpected(root.error());
  state.step = Step::kPrepared;
  state.other_root = (*root)->serial;
  HEDDLE_TRY(write_state(parts_->directory, state));
  parts_->state = std::move(state);
  parts_->held.push_back(std::move(made.front()));
  return {};
}

Result<> Authority::switch_root(UnixTime now) {
  State state = parts_->state;
  if (state.step != Step::kPrepared) return out_of_order(state.step, "switch");
  state.step = Step::kSwitched;
  std::swap(state.root, state.other_root);
  const std::string root = state.root;
  return sign_by(*parts_, root, std::move(state), now);
}

Result<> Authority::finish_root(Unfinished unfinished, UnixTime now) {
  State state = parts_->state;
  if (state.step != Step::kSwitched) return out_of_order(state.step, "be finished");
  const auto entries = read_index(parts_->directory);
  if (!entries) return std::unexpected(entries.error());
  const auto left = left_behind(*parts_, *entries, now);
  if (!left.empty() && unfinished == Unfinished::kRefuse)
    return fail(
        "certificates of the old root have not ended and were not issued anew ({}), as that of {}, "
        "which ends at {}; issue them, or leave them behind with --force",
        left.size(), left.front()->names.spiffe_id, text_of(left.front()->validity.not_after));
  const std::string old = state.other_root;
  state.step = Step::kSteady;
  state.other_root.clear();
  HEDDLE_TRY(write_state(parts_->directory, state));
  parts_->state = std::move(state);
  HEDDLE_TRY(parts_->directory.remove(other_name(Role::kRoot, old, "key")));
  return follow_up(*parts_, now);
}

}  // namespace heddle::ca
