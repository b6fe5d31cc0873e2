#include "ca/secret_text.h"

#include <openssl/crypto.h>

namespace heddle::ca {

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

SecretText::~SecretText() { wipe(text_); }

}  // namespace heddle::ca
