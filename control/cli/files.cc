#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

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

}  // namespace heddle::cli
