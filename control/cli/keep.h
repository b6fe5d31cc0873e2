#pragma once

#include <google/protobuf/repeated_ptr_field.h>

namespace heddle::cli {

// Keeps the elements of a repeated field that `wanted` accepts, in their order.
template <class T, class Wanted>
void keep(google::protobuf::RepeatedPtrField<T>& elements, Wanted wanted) {
  int kept = 0;
  for (int i = 0; i < elements.size(); ++i)
    if (wanted(elements[i])) elements.SwapElements(i, kept++);
  elements.DeleteSubrange(kept, elements.size() - kept);
}

}  // namespace heddle::cli
