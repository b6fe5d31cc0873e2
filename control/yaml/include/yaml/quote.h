// How text from the file is shown in messages: bounded, and without anything that a terminal
// would act on.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace heddle::yaml {

// At most 64 characters, then "..."; all but printable ASCII, quotes and backslashes as \xNN.
std::string printable(std::string_view text);

// printable() between double quotes.
std::string quote(std::string_view text);

// ` (did you mean "x"?)` with the nearest of the known words, or nothing if none is near.
std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> known);

// "a, b, c".
std::string list_of(std::span<const std::string_view> words);

}  // namespace heddle::yaml
