// What the commands on policy print: changes, problems, times.
#pragma once

#include <string>

#include "commands.h"
#include "resource/read.h"

namespace heddle::cli {

// A resource's or a version's changes, a line each: "~ Route shop/cart  http[1].retry  2 -> 3".
std::string change_lines(const google::protobuf::RepeatedPtrField<v1::ResourceChange>& changes);

// "+1 ~2 -3", without those that are zero.
std::string counts(uint32_t added, uint32_t changed, uint32_t deleted);

// Problems of the files, before heddled was asked.
Outcome refused(const Options& options, const resource::Reader& reader);

// What an Apply came to: one line, or its problems. `reader` knows the places of the upserts,
// and of the deletes where those are what it read.
Outcome applied(const Options& options, const v1::ApplyResponse& response,
                const resource::Reader* reader, uint64_t content_of = 0);

// Who asks, for the history: --author, or the user's name.
std::string author(const Options& options);

// "default" unless -n says another.
std::string space_of(const Options& options);

}  // namespace heddle::cli
