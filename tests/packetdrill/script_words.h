// The words of a line, and what of a line describes a packet.
#pragma once

#include <optional>
#include <string_view>

#include "script.h"

namespace heddle::packetdrill {

// Words are separated by blanks; each of ( ) , = < > [ ] stands for itself.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) { skip_blanks(); }

  bool empty() const { return rest_.empty(); }
  std::string_view peek() const { return rest_.substr(0, length_of_next()); }
  std::string_view take() {
    const std::string_view word = peek();
    rest_.remove_prefix(word.size());
    skip_blanks();
    return word;
  }
  bool accept(std::string_view word) {
    if (peek() != word) return false;
    take();
    return true;
  }
  // The next word as a number; nothing is taken when it is none.
  std::optional<uint32_t> number();

 private:
  static constexpr std::string_view kBlanks = " \t\r";
  static constexpr std::string_view kAlone = "(),=<>[]";

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }
  size_t length_of_next() const {
    if (rest_.empty()) return 0;
    if (kAlone.contains(rest_[0])) return 1;
    return std::min(rest_.find_first_of(" \t\r(),=<>[]"), rest_.size());
  }

  std::string_view rest_;
};

// S. 0:0(0) ack 1 win 1000 urg 5 <mss 1460,sackOK>, perhaps with [ce] before it.
Result<> parse_segment(Words& words, SegmentText& to);
// too_big mtu 1200 [1:1461(1460)]
Result<> parse_icmp(Words& words, IcmpText& to);

}  // namespace heddle::packetdrill
