// The files of -f: one, a directory of them, or standard input.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "outcome.h"
#include "resource/read.h"

namespace heddle::cli {

// The whole file, which may be a pipe; an error above `most` bytes.
Result<std::string> read_file(const std::string& path, size_t most);

// All that the words of -f lead to: a file as it is; of a directory and those below it *.yaml,
// *.yml and *.json in the order of their names, without hidden ones; "-" for standard input. At
// most 64 MiB in 10,000 files.
Reply<resource::Reader> read_resources(const std::vector<std::string>& words,
                                       const std::string& default_namespace);

// Puts the files that resources name for heddlectl to read (JwtProvider: jwks_file) in the place of
// their names. A relative path is one from the file that names it.
Reply<void> put_in_files(resource::Reader& reader);

}  // namespace heddle::cli
