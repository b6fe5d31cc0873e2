#include "dns/names.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::dns {
namespace {

using Bytes = std::span<const uint8_t>;

bool is_label(std::string_view text) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, is_inner);
}

// -1, 0 or 1 as `label`, in small letters, comes before `text`, is it, or comes behind it.
int compare(Bytes label, std::string_view text) {
  const size_t shared = std::min(label.size(), text.size());
  for (size_t i = 0; i < shared; ++i) {
    const uint8_t a = lower(label[i]);
    const auto b = static_cast<uint8_t>(text[i]);
    if (a != b) return a < b ? -1 : 1;
  }
  return label.size() == text.size() ? 0 : label.size() < text.size() ? -1 : 1;
}

bool is(Bytes label, std::string_view text) {
  return label.size() == text.size() && compare(label, text) == 0;
}

// As compare(), of whole names: lengths of labels are below all letters.
int compare_names(Bytes a, Bytes b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (lower(a[i]) != lower(b[i])) return lower(a[i]) < lower(b[i]) ? -1 : 1;
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

// A table in which a look-up reads more entries than this is laid out anew, with another seed.
constexpr uint32_t kMostProbes = 16;
constexpr uint64_t kSeeds = 64;

}  // namespace

Result<Suffix> Suffix::parse(std::string_view text) {
  if (text.empty()) return fail("there is no name without a label");
  if (text.size() > kMaxText) return fail("has more than {} characters", kMaxText);
  Suffix suffix;
  suffix.text_ = text;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view label = rest.substr(0, dot);
    if (!is_label(label) || dot + 1 == rest.size())
      return fail("is no host name in small letters, as \"mesh.local\"");
    suffix.bytes_.push_back(static_cast<uint8_t>(label.size()));
    suffix.bytes_.insert(suffix.bytes_.end(), label.begin(), label.end());
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  suffix.bytes_.push_back(0);
  return suffix;
}

Names::Names(Suffix suffix, uint32_t serial, std::span<const ServiceName> services)
    : suffix_(std::move(suffix)), serial_(serial) {
  HEDDLE_CHECK(suffix_.name(), "a suffix");
  entries_.reserve(services.size());
  for (const ServiceName& service : services) add(service);
  lay_out();
  sort_hosts();
  const auto owner_order = [](const Owner& a, const Owner& b) {
    return a.address != b.address ? a.address < b.address : a.entry < b.entry;
  };
  std::ranges::sort(owners_, owner_order);
  for (uint32_t i = 0; i < entries_.size(); ++i) namespaces_.push_back(i);
  const auto by_namespace = [this](uint32_t entry) { return namespace_of(entries_[entry]); };
  std::ranges::sort(namespaces_, {}, by_namespace);
  const auto again = std::ranges::unique(namespaces_, {}, by_namespace);
  namespaces_.erase(again.begin(), again.end());
}

void Names::add(const ServiceName& service) {
  HEDDLE_CHECK(is_label(service.service) && is_label(service.ns), "names are labels");
  HEDDLE_CHECK(service.addresses.size() <= UINT16_MAX, "addresses of a service");
  Entry entry{.text = static_cast<uint32_t>(text_.size()),
              .first4 = static_cast<uint32_t>(addresses4_.size()),
              .first6 = static_cast<uint32_t>(addresses6_.size()),
              .service = static_cast<uint8_t>(service.service.size()),
              .ns = static_cast<uint8_t>(service.ns.size())};
  text_.append(service.service).append(service.ns);
  for (const IpAddress& address : service.addresses) {
    if (address.is_v4_mapped())
      addresses4_.push_back(to_ipv4(address));
    else
      addresses6_.push_back(address);
    owners_.push_back({address, static_cast<uint32_t>(entries_.size())});
  }
  entry.count4 = static_cast<uint16_t>(addresses4_.size() - entry.first4);
  entry.count6 = static_cast<uint16_t>(addresses6_.size() - entry.first6);
  entries_.push_back(entry);
  for (const std::string& host : service.hosts) add_host(host, service.exported);
}

// Of the last entry.
void Names::add_host(std::string_view host, bool exported) {
  const size_t begin = host_names_.size();
  while (!host.empty()) {
    const std::string_view label = host.substr(0, host.find('.'));
    HEDDLE_CHECK(!label.empty() && label.size() <= kMaxLabel, "hosts are names");
    host_names_.push_back(static_cast<uint8_t>(label.size()));
    host_names_.insert(host_names_.end(), label.begin(), label.end());
    host.remove_prefix(std::min(label.size() + 1, host.size()));
  }
  host_names_.push_back(0);
  HEDDLE_CHECK(host_names_.size() - begin <= kMaxName, "hosts are names");
  hosts_.push_back({.name = static_cast<uint32_t>(begin),
                    .entry = static_cast<uint32_t>(entries_.size() - 1),
                    .bytes = static_cast<uint8_t>(host_names_.size() - begin),
                    .exported = exported});
}

void Names::sort_hosts() {
  std::ranges::sort(hosts_, [this](const Host& a, const Host& b) {
    if (const int order = compare_names(name_of(a), name_of(b)); order != 0) return order < 0;
    if (a.exported != b.exported) return a.exported;
    const std::string_view of_a = namespace_of(entries_[a.entry]),
                           of_b = namespace_of(entries_[b.entry]);
    return of_a != of_b ? of_a < of_b : a.entry < b.entry;
  });
}

// The first of the namespace, or of those behind it.
const Names::Host* Names::find_host(NameView name, bool exported, std::string_view ns) const {
  const auto before = [&](const Host& host) {
    if (const int order = compare_names(name_of(host), name.bytes()); order != 0) return order < 0;
    if (host.exported != exported) return host.exported;
    return namespace_of(entries_[host.entry]) < ns;
  };
  const auto at = std::ranges::partition_point(hosts_, before);
  const bool found = at != hosts_.end() && compare_names(name_of(*at), name.bytes()) == 0 &&
                     at->exported == exported;
  return found ? &*at : nullptr;
}

const Names::Entry* Names::find_own_host(NameView name, std::string_view ns) const {
  for (const bool exported : {false, true})
    if (const Host* own = find_host(name, exported, ns);
        own != nullptr && namespace_of(entries_[own->entry]) == ns)
      return &entries_[own->entry];
  return nullptr;
}

const Names::Entry* Names::find_exported_host(NameView name) const {
  const Host* any = find_host(name, true, {});
  return any == nullptr ? nullptr : &entries_[any->entry];
}

// Who asks does not choose what is in the table, so any seed without a long way does.
void Names::lay_out() {
  size_t size = 2;
  while (size < 2 * entries_.size()) size *= 2;
  for (;; size *= 2) {
    table_.resize(size);
    for (uint64_t seed = 1; seed <= kSeeds; ++seed)
      if (lay_out_with(seed)) return;
  }
}

bool Names::lay_out_with(uint64_t seed) {
  seed_ = seed;
  probes_ = 1;
  std::ranges::fill(table_, kFree);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    const Bytes service = bytes_of(service_of(entries_[i])),
                ns = bytes_of(namespace_of(entries_[i]));
    HEDDLE_CHECK(find_entry(service, ns) == nullptr, "a service stands twice among names");
    size_t at = hash(service, ns) & (table_.size() - 1);
    uint32_t reads = 1;
    for (; table_[at] != kFree; at = (at + 1) & (table_.size() - 1)) ++reads;
    if (reads > kMostProbes) return false;
    table_[at] = i;
    probes_ = std::max(probes_, reads);
  }
  return true;
}

// FNV-1a over small letters, with its bits mixed.
uint64_t Names::hash(Bytes service, Bytes ns) const {
  constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t state = 0xcbf29ce484222325 ^ wire::mix_hash(seed_);
  for (const uint8_t byte : service) state = (state ^ lower(byte)) * kPrime;
  state = (state ^ '.') * kPrime;
  for (const uint8_t byte : ns) state = (state ^ lower(byte)) * kPrime;
  return wire::mix_hash(state);
}

const Names::Entry* Names::find_entry(Bytes service, Bytes ns) const {
  size_t at = hash(service, ns) & (table_.size() - 1);
  for (uint32_t i = 0; i < probes_ && table_[at] != kFree; ++i) {
    const Entry& entry = entries_[table_[at]];
    if (is(service, service_of(entry)) && is(ns, namespace_of(entry))) return &entry;
    at = (at + 1) & (table_.size() - 1);
  }
  return nullptr;
}

bool Names::has_namespace(Bytes ns) const {
  const auto before = [&](uint32_t entry) {
    return compare(ns, namespace_of(entries_[entry])) > 0;
  };
  const auto at = std::ranges::partition_point(namespaces_, before);
  return at != namespaces_.end() && is(ns, namespace_of(entries_[*at]));
}

Names::Service Names::service_at(const Entry& entry) const {
  return {service_of(entry), namespace_of(entry),
          std::span(addresses4_).subspan(entry.first4, entry.count4),
          std::span(addresses6_).subspan(entry.first6, entry.count6)};
}

Names::Place Names::find_below(NameView name, NameView zone) const {
  using Kind = Place::Kind;
  constexpr std::string_view kSvc = "svc";
  std::array<Bytes, 3> labels;
  const size_t count = name.labels_before(zone, labels);
  if (count == 0) return {Kind::kNode, {}, zone};
  if (count > labels.size()) return {Kind::kNone, {}, zone};
  if (count == 3 && !is(labels[2], kSvc)) return {Kind::kNone, {}, zone};
  if (count >= 2) {
    if (const Entry* entry = find_entry(labels[0], labels[1]))
      return {Kind::kService, service_at(*entry), zone};
  }
  // NAMESPACE and svc by themselves, and NAMESPACE.svc.
  const bool leads_on = (count == 1 && (has_namespace(labels[0]) || is(labels[0], kSvc))) ||
                        (count == 2 && is(labels[1], kSvc) && has_namespace(labels[0]));
  return {leads_on ? Kind::kNode : Kind::kNone, {}, zone};
}

Names::Place Names::find(NameView name, std::string_view ns) const {
  if (const NameView zone = name.ending(suffix_.name())) return find_below(name, zone);
  if (ns.empty()) return {};
  const Entry* entry = find_own_host(name, ns);
  std::array<Bytes, 2> labels;
  const NameView root(name.bytes().last(1));
  const size_t count = name.labels_before(root, labels);
  if (entry == nullptr && (count == 1 || count == 2))
    entry = find_entry(labels[0], count == 2 ? labels[1] : bytes_of(ns));
  if (entry == nullptr) entry = find_exported_host(name);
  if (entry == nullptr) return {};
  return {Place::Kind::kShort, service_at(*entry), {}};
}

std::optional<Names::Service> Names::find_service(std::string_view service,
                                                  std::string_view ns) const {
  const Entry* entry = find_entry(bytes_of(service), bytes_of(ns));
  if (entry == nullptr) return std::nullopt;
  return service_at(*entry);
}

std::optional<Names::Service> Names::find_address(const IpAddress& address) const {
  const auto at = std::ranges::lower_bound(owners_, address, {}, &Owner::address);
  if (at == owners_.end() || at->address != address) return std::nullopt;
  return service_at(entries_[at->entry]);
}

size_t Names::bytes() const {
  return sizeof(Names) + text_.capacity() + entries_.capacity() * sizeof(Entry) +
         addresses4_.capacity() * sizeof(wire::Ipv4Address) +
         addresses6_.capacity() * sizeof(wire::Ipv6Address) + table_.capacity() * sizeof(uint32_t) +
         owners_.capacity() * sizeof(Owner) + namespaces_.capacity() * sizeof(uint32_t) +
         host_names_.capacity() + hosts_.capacity() * sizeof(Host);
}

}  // namespace heddle::dns
