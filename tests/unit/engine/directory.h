// A directory for one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace heddle::server::test {

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heddle-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name = {}) const {
    return name.empty() ? path_ : path_ + "/" + name;
  }
  // Under a new name first, as programs that replace certificates do.
  std::string write(const std::string& name, const std::string& text) const {
    const std::string to = path(name);
    std::ofstream(to + ".new") << text;
    std::filesystem::permissions(
        to + ".new", std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::rename(to + ".new", to);
    return to;
  }

 private:
  std::string path_;
};

}  // namespace heddle::server::test
