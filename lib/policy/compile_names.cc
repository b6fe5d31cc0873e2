// What DNS has to know: services by their names, and the namespaces that workloads ask from.
#include <algorithm>

#include "compile.h"

namespace heddle::policy {
namespace {

dns::ServiceName name_of(const Group& group) {
  dns::ServiceName name{.service = group.key.name, .ns = group.key.ns};
  if (const ExternalService* external = group.external()) {
    name.hosts = external->hosts;
    name.exported = external->exported;
  }
  for (const IpAddress& address : group.spec().addresses) name.addresses.push_back(address.v6());
  return name;
}

// Whether what is known of the service is not what it says now.
bool differs(const dns::Names& names, const Group& group) {
  if (group.key.kind != Kind::kService) return false;
  const auto known = names.find_service(group.key.name, group.key.ns);
  if (known.has_value() != (group.service != nullptr)) return true;
  if (!known) return false;
  size_t four = 0, six = 0;
  for (const IpAddress& address : group.spec().addresses) {
    const bool same =
        address.is_v4()
            ? four < known->addresses4.size() && known->addresses4[four++] == address.v4()
            : six < known->addresses6.size() && known->addresses6[six++] == address.v6();
    if (!same) return true;
  }
  return four != known->addresses4.size() || six != known->addresses6.size();
}

}  // namespace

void Compiler::compile_names(const Touched& touched) {
  compile_namespaces(touched);
  if (!facts_.node.dns_suffix) return;
  const auto is_news = [&](const Group* group) { return differs(*current_.names, *group); };
  if (current_.names == nullptr || touched.hosts ||
      std::ranges::any_of(touched.services, is_news)) {
    std::vector<dns::ServiceName> services;
    for (const auto& [key, group] : index_.groups())
      if (key.kind == Kind::kService && group.service != nullptr)
        services.push_back(name_of(group));
    current_.names = std::make_shared<const dns::Names>(*facts_.node.dns_suffix,
                                                        static_cast<uint32_t>(version_), services);
  }
}

void Compiler::compile_namespaces(const Touched& touched) {
  if (current_.workload_namespaces != nullptr && touched.ports.empty()) return;
  std::vector<std::string> namespaces(facts_.node.ports.size());
  for (uint32_t port = 0; port < namespaces.size(); ++port)
    for (const Resource* workload : index_.workloads_at(port)) namespaces[port] = workload->key.ns;
  current_.workload_namespaces =
      std::make_shared<const std::vector<std::string>>(std::move(namespaces));
}

}  // namespace heddle::policy
