// Which heddled this is; version.cc is made by the build.
#pragma once

namespace heddle::app {

extern const char kVersion[];
extern const char kCommit[];

}  // namespace heddle::app
