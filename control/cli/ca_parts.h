// What the commands of ca share.
#pragma once

#include <ctime>
#include <string>

#include "ca/authority.h"
#include "commands.h"

namespace heddle::cli {

inline ca::UnixTime wall_now() { return ca::UnixTime{static_cast<int64_t>(std::time(nullptr))}; }

inline Reply<ca::Authority> open_authority(const Options& options, ca::Access access) {
  auto opened = ca::Authority::open(options.ca.directory, access);
  if (!opened) return std::unexpected(Failure{kUsage, opened.error().text});
  return std::move(*opened);
}

// The authority said no, or could not write.
inline Outcome refused(const Error& error) { return Outcome::fail({kRefused, error.text}); }
inline Outcome wrong_usage(std::string text) { return Outcome::fail({kUsage, std::move(text)}); }

}  // namespace heddle::cli
