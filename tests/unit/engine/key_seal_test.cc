// Private keys as the store has them.
#include "key_seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "directory.h"

namespace heddle::server {
namespace {

using test::Scratch;

TEST(KeySeal, OpensWhatItSealed) {
  const Scratch scratch;
  KeySeal seal(scratch.path());
  const auto sealed = seal.seal("a private key", "shop/cert", 7);
  ASSERT_TRUE(sealed) << sealed.error().text;
  EXPECT_TRUE(KeySeal::is_sealed(*sealed));
  EXPECT_TRUE(sealed->starts_with("heddle-sealed:1:7:"));
  EXPECT_EQ(sealed->find("private"), std::string::npos);
  EXPECT_NE(*seal.seal("a private key", "shop/cert", 7), *sealed);
  KeySeal again(scratch.path());
  EXPECT_EQ(again.open(*sealed, "shop/cert").value(), "a private key");
  struct stat info{};
  ASSERT_EQ(::stat(scratch.path("secret.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(info.st_size, 32);
}

TEST(KeySeal, IsBoundToResourceVersionAndKey) {
  const Scratch scratch;
  KeySeal seal(scratch.path());
  const std::string sealed = *seal.seal("key", "shop/cert", 7);
  EXPECT_NE(seal.open(sealed, "shop/other").error().text.find("Secret shop/other is damaged"),
            std::string::npos);
  std::string other_version = sealed;
  other_version[16] = '8';
  EXPECT_FALSE(seal.open(other_version, "shop/cert"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(seal.open(damaged, "shop/cert")) << i;
    EXPECT_FALSE(seal.open(std::string_view(sealed).substr(0, i), "shop/cert")) << i;
  }
  const Scratch elsewhere;
  KeySeal other(elsewhere.path());
  ASSERT_TRUE(other.seal("key", "shop/cert", 1));
  EXPECT_FALSE(other.open(sealed, "shop/cert"));
}

TEST(KeySeal, AMissingOrBrokenFileIsSaid) {
  const Scratch scratch;
  const std::string sealed = *KeySeal(scratch.path()).seal("key", "shop/cert", 7);
  std::filesystem::resize_file(scratch.path("secret.key"), 31);
  EXPECT_EQ(KeySeal(scratch.path()).open(sealed, "shop/cert").error().text,
            scratch.path("secret.key") +
                ": not a file of 32 bytes that can be read and is nobody else's");
  std::filesystem::remove(scratch.path("secret.key"));
  EXPECT_EQ(KeySeal(scratch.path()).open(sealed, "shop/cert").error().text,
            scratch.path("secret.key") +
                " is missing, which the private keys in the store are encrypted by");
  EXPECT_FALSE(std::filesystem::exists(scratch.path("secret.key")));
}

TEST(KeySeal, WithoutADirectoryItIsInMemory) {
  KeySeal seal("");
  EXPECT_EQ(seal.open(*seal.seal("key", "a/b", 1), "a/b").value(), "key");
}

}  // namespace
}  // namespace heddle::server
