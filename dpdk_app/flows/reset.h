// Resets that heddled sends in a connection's name: to both ends of one that policy has cut, and to
// who opens one that is refused. They are put into Worker::made, from where originate sends them.
#pragma once

#include <cstdint>

#include "flow/parse.h"
#include "worker/worker.h"

namespace heddle::app {

// To both ends of a TCP flow; to other flows nothing.
void reset_both_ends(Worker& worker, uint32_t slot);

// The answer to a segment that is not wanted (RFC 9293 3.10.7.1); to a RST none. False: none was
// made, for that reason, for the rate limit or for want of a buffer.
template <class Address>
bool reset_sender(Worker& worker, const flow::Parsed<Address>& packet);

}  // namespace heddle::app
