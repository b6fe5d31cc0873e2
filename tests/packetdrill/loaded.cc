#include "loaded.h"

#include <dlfcn.h>

#include "core/check.h"

namespace heddle::packetdrill {

Init loaded_init() {
  static const Init init = [] {
    void* object = dlopen(HEDDLE_PACKETDRILL_SO, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    HEDDLE_CHECK(object != nullptr, "libheddle_packetdrill.so can be loaded");
    return reinterpret_cast<Init>(dlsym(object, "packetdrill_interface_init"));
  }();
  HEDDLE_CHECK(init != nullptr, "libheddle_packetdrill.so has its function");
  return init;
}

}  // namespace heddle::packetdrill
