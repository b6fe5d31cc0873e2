// FileWatch: tells that files may have changed. It watches their directories, as files are often
// replaced by renaming, or by a link that is turned to another directory (Kubernetes), and tells
// once a while in any case, as no watch sees everything.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "core/result.h"

namespace heddle::server {

class FileWatch {
 public:
  // `changed` runs on a thread of the watch, some 200 ms after the last of several changes.
  static Result<std::unique_ptr<FileWatch>> start(std::function<void()> changed);
  ~FileWatch();

  // Which files, instead of those before. What changes after this is told. Any thread.
  void watch(std::set<std::string> files);

 private:
  FileWatch(std::function<void()> changed, int inotify, int wake);
  void run();
  void follow();       // watches the directories of all files, as they are now
  bool take_events();  // whether there were any

  std::function<void()> changed_;
  int inotify_, wake_;
  std::mutex mutex_;
  std::set<std::string> files_;
  bool stopping_ = false;
  std::map<std::string, int> watches_;  // by directory
  std::thread thread_;
};

}  // namespace heddle::server
