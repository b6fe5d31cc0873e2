// What is in policy.db, and how a connection is set up for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.h"
#include "database.h"
#include "store/store.h"

namespace heddle::store {

inline constexpr int64_t kApplicationId = 0x4864'6c50;  // "HdlP"
inline constexpr int64_t kSchemaVersion = 1;
inline constexpr size_t kPageSize = 4096;

// Tables in an empty database.
[[nodiscard]] Result<> create(Database& database);

// Before the first access: alone, durable, and within bounds.
[[nodiscard]] Result<> configure(Database& database, const Limits& limits);

// Refuses a database that is another program's, of a newer schema, or not whole. Reads the
// current content and, while the file is small, all of it.
[[nodiscard]] Result<> verify(Database& database);

}  // namespace heddle::store
