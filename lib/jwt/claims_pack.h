// Makes the block of a Claims from a payload.
#pragma once

#include <vector>

#include "claims_block.h"
#include "json.h"

namespace heddle::jwt {

// The payload has passed JsonReader with the bounds of claims.h.
std::vector<uint8_t> pack_claims(json::object payload);

// Of a packed block, once the rules have been asked.
void set_expiry(std::vector<uint8_t>& block, int64_t expires, int64_t refused_from);

}  // namespace heddle::jwt
