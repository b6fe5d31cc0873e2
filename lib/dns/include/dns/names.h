// Names: which services there are, by name and by address. Immutable: the control side makes it,
// workers ask it for each query; look-ups neither allocate nor change anything.
//
// A service is known as (SUFFIX is "mesh.local" unless the node says another)
//   SERVICE.NAMESPACE.SUFFIX
//   SERVICE.NAMESPACE.svc.SUFFIX
// and to who asks from a namespace, without a list of domains to search in, also as
//   SERVICE            in the namespace of who asks
//   SERVICE.NAMESPACE
// A short name that is no service's is none of the mesh: "example.com" may be anybody's.
//
// A service may have names besides, as "api.example.com", which are found by who asks from its
// namespace, or, where it is exported, from any. The own namespace's is before short names, these
// are before others': no namespace takes the short names of another's services.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dns/format.h"
#include "dns/name.h"
#include "wire/address.h"

namespace heddle::dns {

// The zone of the mesh: a host name in small letters, at most kMaxText bytes long, so that all
// names under it fit a message.
class Suffix {
 public:
  static constexpr size_t kMaxText = 100;
  static Result<Suffix> parse(std::string_view text);

  NameView name() const { return NameView({bytes_.data(), bytes_.size()}); }
  const std::string& text() const { return text_; }
  friend bool operator==(const Suffix&, const Suffix&) = default;

 private:
  std::string text_;
  std::vector<uint8_t> bytes_;
};

// What Names is made of. Names are labels in small letters.
struct ServiceName {
  std::string_view service, ns;
  std::vector<IpAddress> addresses;      // at most 65,535
  std::span<const std::string> hosts{};  // names of hosts in small letters
  bool exported = false;                 // these, to all namespaces
};

class Names {
 public:
  // `serial` is the zone's (RFC 1035 3.3.13): larger with each new table.
  Names(Suffix suffix, uint32_t serial, std::span<const ServiceName> services);

  struct Service {
    std::string_view service, ns;
    std::span<const wire::Ipv4Address> addresses4;
    std::span<const wire::Ipv6Address> addresses6;
  };

  // Where a name lies.
  struct Place {
    enum class Kind : uint8_t {
      kElsewhere,  // no name of the mesh
      kNone,       // under the suffix, and nothing there or below
      kNode,       // the suffix, or something that only has names below it (RFC 8020 2)
      kService,
      kShort,  // a service, by a short name or one of its hosts
    };
    Kind kind = Kind::kElsewhere;
    Service service;  // of kService and kShort
    NameView zone;    // the suffix as the name has it; but of kElsewhere and kShort
  };
  // `ns`: the namespace of who asks; empty: not known, and short names are elsewhere.
  Place find(NameView name, std::string_view ns) const;

  // By its names in small letters.
  std::optional<Service> find_service(std::string_view service, std::string_view ns) const;
  // The service that has the address; of several one.
  std::optional<Service> find_address(const IpAddress& address) const;

  const Suffix& suffix() const { return suffix_; }
  uint32_t serial() const { return serial_; }
  size_t services() const { return entries_.size(); }
  size_t bytes() const;

 private:
  struct Entry {
    uint32_t text = 0;  // where the service's name begins, the namespace's behind it
    uint32_t first4 = 0, first6 = 0;
    uint16_t count4 = 0, count6 = 0;
    uint8_t service = 0, ns = 0;  // bytes
  };
  struct Owner {
    IpAddress address;
    uint32_t entry = 0;
  };
  // In the order of their names as messages have them; those for all namespaces first.
  struct Host {
    uint32_t name = 0;  // where it begins
    uint32_t entry = 0;
    uint8_t bytes = 0;
    bool exported = false;
  };
  static constexpr uint32_t kFree = UINT32_MAX;

  void add(const ServiceName& service);
  void lay_out();
  bool lay_out_with(uint64_t seed);
  uint64_t hash(std::span<const uint8_t> service, std::span<const uint8_t> ns) const;
  std::string_view service_of(const Entry& entry) const {
    return std::string_view(text_).substr(entry.text, entry.service);
  }
  std::string_view namespace_of(const Entry& entry) const {
    return std::string_view(text_).substr(entry.text + entry.service, entry.ns);
  }
  Service service_at(const Entry& entry) const;
  const Entry* find_entry(std::span<const uint8_t> service, std::span<const uint8_t> ns) const;
  bool has_namespace(std::span<const uint8_t> ns) const;
  void add_host(std::string_view host, bool exported);
  void sort_hosts();
  std::span<const uint8_t> name_of(const Host& host) const {
    return std::span(host_names_).subspan(host.name, host.bytes);
  }
  const Entry* find_own_host(NameView name, std::string_view ns) const;
  const Entry* find_exported_host(NameView name) const;
  const Host* find_host(NameView name, bool exported, std::string_view ns) const;
  Place find_below(NameView name, NameView zone) const;

  Suffix suffix_;
  uint32_t serial_;
  std::string text_;
  std::vector<Entry> entries_;
  std::vector<wire::Ipv4Address> addresses4_;
  std::vector<wire::Ipv6Address> addresses6_;
  std::vector<uint32_t> table_;       // positions in entries_, at most half full
  std::vector<Owner> owners_;         // by address
  std::vector<uint32_t> namespaces_;  // one entry of each, by namespace
  std::vector<uint8_t> host_names_;
  std::vector<Host> hosts_;
  uint64_t seed_ = 1;
  uint32_t probes_ = 1;  // the most entries that one look-up reads
};

}  // namespace heddle::dns
