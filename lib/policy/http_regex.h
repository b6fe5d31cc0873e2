// Regexes of rules for requests, as RE2 has them: their time grows with the text alone, whatever
// they are. Text is bytes, in no encoding. All of a regex has to fit to all of the text.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::policy {

// Null, and why in `error`: it is none, or too large.
std::unique_ptr<const re2::RE2> make_regex(std::string_view text, std::string* error = nullptr);

inline bool fits_whole(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), regex);
}

// Many regexes that are looked for in one go.
class RegexSet {
 public:
  // These live as long as the set.
  explicit RegexSet(std::vector<const re2::RE2*> regexes);

  // Calls `take(position)` for each that fits.
  template <class Take>
  void each_fitting(std::string_view text, Take&& take) const {
    if (set_ == nullptr || !look_up(text))
      for (size_t i = 0; i < regexes_.size(); ++i) {
        if (fits_whole(*regexes_[i], text)) take(i);
      }
    else
      for (const int position : found()) take(static_cast<size_t>(position));
  }
  size_t bytes() const;

 private:
  // Into found(); false: RE2 has not the memory for it.
  bool look_up(std::string_view text) const;
  static std::vector<int>& found();

  std::vector<const re2::RE2*> regexes_;
  std::unique_ptr<const re2::RE2::Set> set_;  // null: one alone, or too many for a set
};

}  // namespace heddle::policy
