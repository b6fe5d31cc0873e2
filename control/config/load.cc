#include "config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <exception>
#include <system_error>

#include "dns_settings.h"
#include "field.h"
#include "flow_settings.h"
#include "ports.h"
#include "routes.h"
#include "tcp_settings.h"
#include "telemetry_settings.h"
#include "tls_settings.h"
#include "yaml/tree.h"

namespace heddle::config {
namespace {

constexpr yaml::Limits kLimits{.bytes = 1 << 20, .nodes = 400'000, .depth = 16};
constexpr size_t kMaxCores = 64;
constexpr unsigned kMaxCpu = 1023;
constexpr uint32_t kLeastBuffers = 1024, kMostBuffers = 1 << 24;
constexpr size_t kLongestSocket = 100;
constexpr size_t kLongestPath = 1024;
constexpr std::string_view kDefaultSocket = "/run/heddle/heddled.sock";

constexpr std::string_view kDefaultState = "/var/lib/heddle";

constexpr std::array<std::string_view, 14> kNodeKeys = {
    "node", "trust_domain", "workers", "memory", "control", "ports",     "routes",
    "nat",  "conntrack",    "limits",  "tcp",    "tls",     "telemetry", "dns"};
constexpr std::array<std::string_view, 2> kWorkerKeys = {"cores", "idle"};
constexpr std::array<std::string_view, 2> kIdleWords = {"adaptive", "spin"};
constexpr std::array<std::string_view, 3> kMemoryKeys = {"hugepages", "no_huge", "buffers"};
constexpr std::array<std::string_view, 4> kControlKeys = {"grpc", "metrics", "tls", "state"};
constexpr std::array<std::string_view, 4> kTlsKeys = {"listen", "certificate", "key", "clients"};

Result<> read_node(const Field& field, std::string& out) {
  constexpr std::string_view kExpected =
      "1 to 63 of a-z 0-9 -, the first and the last a letter or a digit";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  const bool good = text->size() <= 63 && text->front() != '-' && text->back() != '-' &&
                    std::ranges::all_of(*text, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (!good) return field.fail("{} is no node name; expected {}", quote(*text), kExpected);
  out = *text;
  return {};
}

Result<> read_workers(const Field& field, app::NodeConfig& out) {
  const auto fields = Fields::of(field, kWorkerKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto cores = fields->need("cores", "a list of CPU numbers, as [0]");
  if (!cores) return std::unexpected(cores.error());
  HEDDLE_TRY(check_list(*cores, 1, kMaxCores, "CPU numbers"));
  for (size_t i = 0; i < cores->node().children.size(); ++i)
    HEDDLE_TRY(read_number<unsigned>(cores->item(i), 0, kMaxCpu, out.cores.emplace_back()));
  if (const auto idle = fields->find("idle")) {
    const auto word = read_choice(*idle, kIdleWords);
    if (!word) return std::unexpected(word.error());
    out.idle = *word == 0 ? app::Idle::kAdaptive : app::Idle::kSpin;
  }
  return {};
}

Result<> read_memory(const Field& field, app::NodeConfig& out) {
  const auto fields = Fields::of(field, kMemoryKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto huge = fields->find("hugepages");
  const auto no_huge = fields->find("no_huge");
  if (huge && no_huge)
    return no_huge->fail("given together with hugepages; expected one of the two");
  if (!huge && !no_huge) return fields->missing("hugepages", "hugepages: SIZE or no_huge: SIZE");
  out.huge_pages = huge.has_value();
  HEDDLE_TRY(read_size(huge ? *huge : *no_huge, out.memory_bytes));
  if (const auto buffers = fields->find("buffers"))
    HEDDLE_TRY(read_number<uint32_t>(*buffers, kLeastBuffers, kMostBuffers, out.buffers));
  return {};
}

Result<> read_grpc(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "unix:/PATH, at most 100 characters of path";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  constexpr std::string_view kScheme = "unix:";
  const std::string_view path =
      text->starts_with(kScheme) ? std::string_view(*text).substr(kScheme.size()) : "";
  const bool printable_only =
      std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7f'; });
  if (path.size() < 2 || path.size() > kLongestSocket || path.front() != '/' ||
      path.back() == '/' || !printable_only)
    return field.fail("{} is no address to listen on; expected {}", quote(*text), kExpected);
  out = path;
  return {};
}

// The host part of a SPIFFE ID (SPIFFE-ID 2.1).
Result<> read_trust_domain(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "1 to 255 of a-z 0-9 . - _, as example.org";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  const bool good =
      text->size() <= 255 && std::ranges::all_of(*text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
      });
  if (!good) return field.fail("{} is no trust domain; expected {}", quote(*text), kExpected);
  out = *text;
  return {};
}

bool is_absolute_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= kLongestPath &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c != '\x7f'; });
}

Result<> read_state(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "an absolute path of a directory, or none";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  if (*text != "none" && !is_absolute_path(*text))
    return field.fail("{} is no place for policy; expected {}", quote(*text), kExpected);
  out = *text == "none" ? "" : *text;
  return {};
}

// "ADDRESS:PORT", the address of IPv6 in brackets.
bool is_listen_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    return wire::Ipv6Address::parse(host.substr(1, host.size() - 2)).has_value();
  return wire::Ipv4Address::parse(host).has_value();
}

Result<> read_tls(const Field& field, std::optional<app::GrpcTls>& out) {
  constexpr std::string_view kListen = "an address and a port, as 127.0.0.1:9443";
  constexpr std::string_view kFile = "an absolute path of a PEM file";
  const auto fields = Fields::of(field, kTlsKeys);
  if (!fields) return std::unexpected(fields.error());
  app::GrpcTls& tls = out.emplace();
  const auto listen = fields->need("listen", kListen);
  if (!listen) return std::unexpected(listen.error());
  const auto address = read_text(*listen, kListen);
  if (!address) return std::unexpected(address.error());
  if (!is_listen_address(*address))
    return listen->fail("{} is no address to listen on; expected {}", quote(*address), kListen);
  tls.listen = *address;
  const std::pair<const char*, std::string*> files[] = {
      {"certificate", &tls.certificate}, {"key", &tls.key}, {"clients", &tls.clients}};
  for (const auto& [key, to] : files) {
    const auto file = fields->need(key, kFile);
    if (!file) return std::unexpected(file.error());
    const auto path = read_text(*file, kFile);
    if (!path) return std::unexpected(path.error());
    if (!is_absolute_path(*path))
      return file->fail("{} is no path; expected {}", quote(*path), kFile);
    *to = *path;
  }
  return {};
}

Result<> read_metrics(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "an address and a port, as 127.0.0.1:9464";
  const auto address = read_text(field, kExpected);
  if (!address) return std::unexpected(address.error());
  if (!is_listen_address(*address))
    return field.fail("{} is no address to listen on; expected {}", quote(*address), kExpected);
  out = *address;
  return {};
}

Result<> read_control(const Field& field, app::NodeConfig& out) {
  const auto fields = Fields::of(field, kControlKeys);
  if (!fields) return std::unexpected(fields.error());
  if (const auto state = fields->find("state")) HEDDLE_TRY(read_state(*state, out.state_directory));
  if (const auto tls = fields->find("tls")) HEDDLE_TRY(read_tls(*tls, out.grpc_tls));
  if (const auto metrics = fields->find("metrics"))
    HEDDLE_TRY(read_metrics(*metrics, out.metrics_listen));
  const auto grpc = fields->find("grpc");
  return grpc ? read_grpc(*grpc, out.grpc_socket) : Result<>();
}

Result<> read_all(const Field& root, app::NodeConfig& out) {
  const auto fields = Fields::of(root, kNodeKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto node = fields->need("node", "the node's name, as edge-1");
  if (!node) return std::unexpected(node.error());
  HEDDLE_TRY(read_node(*node, out.node));
  const auto workers = fields->need("workers", "{ cores: [0] }");
  if (!workers) return std::unexpected(workers.error());
  HEDDLE_TRY(read_workers(*workers, out));
  const auto memory = fields->need("memory", "{ hugepages: 1G } or { no_huge: 512M }");
  if (!memory) return std::unexpected(memory.error());
  HEDDLE_TRY(read_memory(*memory, out));
  out.grpc_socket = kDefaultSocket;
  out.state_directory = kDefaultState;
  if (const auto domain = fields->find("trust_domain"))
    HEDDLE_TRY(read_trust_domain(*domain, out.trust_domain));
  if (const auto control = fields->find("control")) HEDDLE_TRY(read_control(*control, out));
  const auto list = fields->need("ports", "a list of ports");
  if (!list) return std::unexpected(list.error());
  Ports ports;
  HEDDLE_TRY(read_ports(*list, ports));
  HEDDLE_TRY(check_ports(ports));
  if (const auto routes = fields->find("routes")) HEDDLE_TRY(read_routes(*routes, ports, out));
  if (const auto nat = fields->find("nat")) HEDDLE_TRY(read_nat(*nat, ports, out.flows));
  if (const auto track = fields->find("conntrack")) HEDDLE_TRY(read_conntrack(*track, out.flows));
  if (const auto limits = fields->find("limits"))
    HEDDLE_TRY(read_limits(*limits, out.flows, out.tcp));
  if (const auto tcp = fields->find("tcp")) HEDDLE_TRY(read_tcp(*tcp, out.tcp));
  if (const auto tls = fields->find("tls")) HEDDLE_TRY(read_tls_settings(*tls, out.tls));
  if (const auto telemetry = fields->find("telemetry")) HEDDLE_TRY(read_telemetry(*telemetry, out));
  if (const auto dns = fields->find("dns")) HEDDLE_TRY(read_dns(*dns, ports, out.dns.emplace()));
  out.ports = std::move(ports.ports);
  return {};
}

// A file descriptor that closes itself.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> fail_system(std::string_view path, std::string_view what, int error) {
  return fail("{}: cannot {}: {}; expected a readable YAML file", path, what,
              std::generic_category().message(error));
}

// At most one byte more than is allowed, which parse_document then refuses.
Result<std::string> read_file(const std::string& path) {
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return fail_system(path, "open", errno);
  struct stat status{};
  if (::fstat(file.fd(), &status) != 0) return fail_system(path, "read", errno);
  if (!S_ISREG(status.st_mode))
    return fail("{}: not a regular file; expected a readable YAML file", path);
  std::string text(kLimits.bytes + 1, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.fd(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_system(path, "read", errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  text.resize(have);
  return text;
}

}  // namespace

Result<app::NodeConfig> load_file(const std::string& path) {
  try {
    const auto text = read_file(path);
    if (!text) return std::unexpected(text.error());
    return load_text(*text, path);
  } catch (const std::exception& error) {
    return fail("{}: cannot read: {}; expected a readable YAML file", path, error.what());
  }
}

Result<app::NodeConfig> load_text(std::string_view text, std::string_view file_name) {
  try {
    const auto tree = yaml::parse_document(text, file_name, kLimits, "a map with node");
    if (!tree) return std::unexpected(tree.error());
    app::NodeConfig config;
    config.file = file_name;
    HEDDLE_TRY(read_all(Field(*tree, file_name, ""), config));
    return config;
  } catch (const std::exception& error) {
    return fail("{}:1: cannot parse: {}; expected YAML 1.2", file_name, error.what());
  }
}

}  // namespace heddle::config
