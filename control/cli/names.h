// KIND and NAME as they are typed.
#pragma once

#include "commands.h"

namespace heddle::cli {

// The kind's own name, or empty where none was given.
Reply<std::string> kind_of_word(const std::string& word);

// The resource of KIND NAME, where NAME may be NAMESPACE/NAME. Both must be given; `command` is
// for the message when they are not.
Reply<v1::ResourceKey> named_key(const Options& options, const char* command);

}  // namespace heddle::cli
