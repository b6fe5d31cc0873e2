#include "files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "resource/kinds.h"
#include "table.h"

namespace heddle::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = 64 << 20;
constexpr size_t kMaxFiles = 10'000;
constexpr int kMaxLevels = 16;
constexpr const char* kStandardInput = "<stdin>";

std::unexpected<Failure> refuse(std::string why) {
  return std::unexpected(Failure{kUsage, std::move(why)});
}

Result<std::string> read_all(int fd, const std::string& name, size_t most) {
  std::string text;
  while (true) {
    constexpr size_t kStep = 64 << 10;
    const size_t have = text.size();
    text.resize(have + kStep);
    const ssize_t n = ::read(fd, text.data() + have, kStep);
    const int failed = errno;
    text.resize(have + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && failed == EINTR) continue;
    if (n < 0) return fail("cannot read {}: {}", name, std::strerror(failed));
    if (n == 0) return text;
    if (text.size() > most)
      return fail("{} has more than the {} bytes that may be read", name, most);
  }
}

bool has_resources(const fs::path& path) {
  const std::string extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// The files of a directory, and of those below it. Links to directories are not followed.
Result<> list(const fs::path& directory, std::vector<std::string>& found) {
  std::error_code error;
  fs::recursive_directory_iterator at(directory, error), end;
  for (; !error && at != end; at.increment(error)) {
    const bool hidden = at->path().filename().native().starts_with('.');
    std::error_code unknown;
    if (hidden || at.depth() >= kMaxLevels) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(unknown) && has_resources(at->path())) {
      found.push_back(at->path());
      if (found.size() > kMaxFiles)
        return fail("{} has more than {} files", directory.native(), kMaxFiles);
    }
  }
  if (error) return fail("cannot list {}: {}", directory.native(), error.message());
  std::ranges::sort(found);
  if (found.empty()) return fail("{} has no *.yaml, *.yml or *.json", directory.native());
  return {};
}

// All words as files; "-" stays what it is.
Result<std::vector<std::string>> expand(const std::vector<std::string>& words) {
  std::vector<std::string> files;
  for (const std::string& word : words) {
    std::error_code unknown;
    if (word == "-" || !fs::is_directory(word, unknown)) {
      files.push_back(word);
      continue;
    }
    std::vector<std::string> found;
    HEDDLE_TRY(list(word, found));
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.size() > kMaxFiles)
    return fail("{} files; at most {} can be read at once", files.size(), kMaxFiles);
  if (std::ranges::count(files, "-") > 1) return fail("-f -: standard input can be read once");
  return files;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t most) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("cannot open {}: {}", path, std::strerror(errno));
  auto text = read_all(fd, path, most);
  ::close(fd);
  return text;
}

Reply<resource::Reader> read_resources(const std::vector<std::string>& words,
                                       const std::string& default_namespace) {
  const auto files = expand(words);
  if (!files) return refuse(files.error().text);
  resource::Reader reader(default_namespace);
  size_t left = kMaxBytes;
  for (const std::string& file : *files) {
    const bool standard = file == "-";
    const auto text =
        standard ? read_all(STDIN_FILENO, kStandardInput, left) : read_file(file, left);
    if (!text) return refuse(text.error().text);
    left -= text->size();
    reader.read(*text, standard ? kStandardInput : printable(file));
  }
  return reader;
}

Reply<void> put_in_files(resource::Reader& reader) {
  constexpr size_t kMaxKeySet = 64 << 10;
  for (size_t i = 0; i < reader.resources().size(); ++i) {
    v1::Resource& each = reader.resources()[i];
    if (!each.has_jwt_provider() || each.jwt_provider().jwks_file().empty()) continue;
    v1::JwtProvider& provider = *each.mutable_jwt_provider();
    const resource::Place at = reader.place(i, "spec.jwks_file");
    const auto wrong = [&](const std::string& why) {
      return refuse(fmt::format("{}:{}: {}: jwks_file: {}", at.file, at.line,
                                resource::text_of(resource::key_of(each)), why));
    };
    if (!provider.jwks().empty()) return wrong("jwks is given too; leave one of the two out");
    const fs::path beside =
        at.file == kStandardInput ? fs::path() : fs::path(at.file).parent_path();
    const auto text = read_file(beside / provider.jwks_file(), kMaxKeySet);
    if (!text) return wrong(text.error().text);
    provider.set_jwks(*text);
    provider.clear_jwks_file();
  }
  return {};
}

}  // namespace heddle::cli
