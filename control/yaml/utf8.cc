#include "yaml/utf8.h"

namespace heddle::yaml {

std::string shorten(std::string_view text, size_t bytes) {
  constexpr std::string_view kCut = "...";
  if (text.size() <= bytes) return std::string(text);
  size_t end = bytes - kCut.size();
  // Not within a character: its further bytes are 10xxxxxx.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(kCut);
}

}  // namespace heddle::yaml
