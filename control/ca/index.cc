#include "index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <unordered_map>

#include "write_all.h"

namespace heddle::ca {
namespace {

constexpr std::string_view kName = "issued.jsonl";
constexpr size_t kMaxBytes = 256 << 20;  // about a million certificates

// What stands behind `"name":`, or nothing. No text in a line has a quote or a backslash in it.
std::string_view after(std::string_view line, std::string_view name) {
  const std::string key = fmt::format("\"{}\":", name);
  const size_t at = line.find(key);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + key.size());
}

std::optional<std::string> text_at(std::string_view line, std::string_view name) {
  std::string_view rest = after(line, name);
  if (!rest.starts_with('"')) return std::nullopt;
  rest.remove_prefix(1);
  const size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(rest.substr(0, end));
}

std::optional<UnixTime> time_at(std::string_view line, std::string_view name) {
  const std::string_view rest = after(line, name);
  int64_t number = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  return UnixTime{number};
}

std::vector<std::string> list_at(std::string_view line, std::string_view name) {
  std::string_view rest = after(line, name);
  rest = rest.substr(0, rest.find(']'));
  std::vector<std::string> texts;
  while (true) {
    const size_t open = rest.find('"');
    if (open == std::string_view::npos) return texts;
    rest.remove_prefix(open + 1);
    const size_t close = rest.find('"');
    texts.emplace_back(rest.substr(0, close));
    if (close == std::string_view::npos) return texts;
    rest.remove_prefix(close + 1);
  }
}

std::optional<Entry> issued_of(std::string_view line) {
  const auto serial = text_at(line, "serial"), issuer = text_at(line, "issuer"),
             id = text_at(line, "spiffe_id");
  const auto from = time_at(line, "not_before"), to = time_at(line, "not_after");
  if (!serial || !issuer || !id || !from || !to) return std::nullopt;
  return Entry{.serial = *serial,
               .issuer = *issuer,
               .names = {*id, list_at(line, "dns_names")},
               .validity = {*from, *to}};
}

class IndexReader {
 public:
  bool take(std::string_view line) {
    const auto event = text_at(line, "event");
    if (!event || !line.ends_with('}')) return false;
    return *event == "issued" ? take_issued(line) : *event == "revoked" && take_revoked(line);
  }
  std::vector<Entry> finish() { return std::move(entries_); }

 private:
  bool take_issued(std::string_view line) {
    auto entry = issued_of(line);
    if (!entry) return false;
    places_[entry->serial] = entries_.size();
    entries_.push_back(std::move(*entry));
    return true;
  }
  bool take_revoked(std::string_view line) {
    const auto serial = text_at(line, "serial");
    const auto at = time_at(line, "at");
    if (!serial || !at) return false;
    const auto place = places_.find(*serial);
    if (place == places_.end()) return false;
    auto& revoked = entries_[place->second].revoked;
    if (!revoked) revoked = *at;
    return true;
  }

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> places_;
};

// Where the last whole line ends.
Result<off_t> whole_size(int fd, const std::string& path) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  std::array<char, 64 << 10> block;
  for (off_t end = size; end > 0;) {
    const off_t from = std::max<off_t>(0, end - static_cast<off_t>(block.size()));
    const ssize_t n = ::pread(fd, block.data(), static_cast<size_t>(end - from), from);
    if (n != end - from) return fail("cannot read {}", path);
    const size_t newline = std::string_view(block.data(), static_cast<size_t>(n)).rfind('\n');
    if (newline != std::string_view::npos) return from + static_cast<off_t>(newline) + 1;
    end = from;
  }
  return 0;
}

Result<> append(int fd, const std::string& path, const std::string& line) {
  const auto size = whole_size(fd, path);
  if (!size) return std::unexpected(size.error());
  if (static_cast<size_t>(*size) + line.size() > kMaxBytes)
    return fail("{} has {} bytes, which is the most; move it away when all in it has ended", path,
                *size);
  if (::ftruncate(fd, *size) == 0 && ::lseek(fd, *size, SEEK_SET) == *size && write_all(fd, line) &&
      ::fsync(fd) == 0)
    return {};
  const int failed = errno;
  // Half a line would be taken for that of a killed command, which is as well.
  [[maybe_unused]] const int undone = ::ftruncate(fd, *size);
  return fail("cannot write {}: {}", path, std::strerror(failed));
}

Result<> append(const Directory& directory, const std::string& line) {
  const std::string path = directory.file(kName);
  const bool fresh = !directory.has(kName);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kPrivate);
  if (fd < 0) return fail("cannot open {}: {}", path, std::strerror(errno));
  if (fresh) ::fchmod(fd, kPrivate);
  auto done = append(fd, path, line);
  ::close(fd);
  if (done && fresh) done = sync_directory(directory.path());
  return done;
}

}  // namespace

Result<std::vector<Entry>> read_index(const Directory& directory) {
  const auto text = directory.read(kName, kMaxBytes);
  if (!text) return std::unexpected(text.error());
  IndexReader reader;
  std::string_view rest = *text ? std::string_view(**text) : std::string_view();
  for (size_t number = 1;; ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return reader.finish();
    if (!reader.take(rest.substr(0, end)))
      return fail("{}: line {} is not understood", directory.file(kName), number);
    rest.remove_prefix(end + 1);
  }
}

Result<> add_issued(const Directory& directory, const Entry& entry) {
  std::string names;
  for (const std::string& each : entry.names.dns_names)
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ",", each);
  return append(directory,
                fmt::format(R"({{"event":"issued","serial":"{}","issuer":"{}","spiffe_id":"{}",)"
                            R"("dns_names":[{}],"not_before":{},"not_after":{}}})"
                            "\n",
                            entry.serial, entry.issuer, entry.names.spiffe_id, names,
                            entry.validity.not_before.value(), entry.validity.not_after.value()));
}

Result<> add_revoked(const Directory& directory, const std::string& serial, UnixTime at) {
  return append(directory, fmt::format(R"({{"event":"revoked","serial":"{}","at":{}}})"
                                       "\n",
                                       serial, at.value()));
}

}  // namespace heddle::ca
