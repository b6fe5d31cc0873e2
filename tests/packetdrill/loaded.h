// The shared object, loaded once a process as the runner loads it.
#pragma once

#include "player.h"

namespace heddle::packetdrill {

// Stops the process when it cannot be loaded.
Init loaded_init();

}  // namespace heddle::packetdrill
