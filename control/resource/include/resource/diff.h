// What differs between two resources of one key, field by field.
#pragma once

#include "heddle/v1/policy.pb.h"

namespace heddle::resource {

// Whether both say the same; what a message of a newer version says on top counts too.
bool same(const google::protobuf::Message& a, const google::protobuf::Message& b);

// Both are of one kind. Fills fields (the first 100) and more_fields of `change`, whose key and
// kind of change are the caller's. Paths are below spec, those of the labels "metadata.labels.x".
//
// Elements of a list that have a `name` or an `address` are told by it where all are different,
// "endpoints[10.0.0.7]", or by "10.0.0.7:80" where only address and port together are. Other
// elements are told by their index, in the new list except for removed ones.
void diff(const v1::Resource& before, const v1::Resource& after, v1::ResourceChange& change);

}  // namespace heddle::resource
