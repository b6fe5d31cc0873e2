// The drops around neighbour resolution, named alike for ARP and ND wherever they happen.
#pragma once

namespace heddle::app {

struct DropText {
  const char* name;
  const char* help;
};

inline constexpr DropText kNeighbourTimeout{
    "neighbour_timeout", "nobody answered for the next hop: it is off, or its address is wrong"};
inline constexpr DropText kNeighbourQueueFull{
    "neighbour_queue_full",
    "more packets than wait for one neighbour while it is asked for; the oldest went"};
inline constexpr DropText kNeighbourFailed{
    "neighbour_failed", "the next hop did not answer lately; it is asked again in a few seconds"};
inline constexpr DropText kNeighbourTableFull{
    "neighbour_table_full",
    "too many neighbours, or too many that do not answer: a scan of a subnet?"};

}  // namespace heddle::app
