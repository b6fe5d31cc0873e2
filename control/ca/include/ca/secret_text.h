// Text that leaves no copy in memory: a private key.
#pragma once

#include <string>

namespace heddle::ca {

// Its bytes are wiped when it ends. What is made of text() is the caller's to wipe.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept { text_.swap(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~SecretText();

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// For text that somebody else owns.
void wipe(std::string& text);

}  // namespace heddle::ca
