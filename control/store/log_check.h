// Damage inside the write-ahead log.
//
// SQLite takes the log up to the first frame whose checksum is wrong, as a power cut tears what was
// being written. Were that frame damaged later instead, commits that follow it, already on
// disk, would be lost without a word. So: a torn write is the last commit; commits behind
// that one mean damage. Damage in the last commit itself looks like a torn write.
// The format: sqlite.org/fileformat2.html, 4.
#pragma once

#include <string>

#include "core/result.h"

namespace heddle::store {

// Whether more than one commit lies behind the first wrong frame. No log is a whole one. Call it
// before SQLite opens the database.
Result<bool> commits_are_cut_off(const std::string& log_path);

}  // namespace heddle::store
