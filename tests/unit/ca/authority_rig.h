// An authority in a directory of its own, and who believes what it issues.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "ca/authority.h"

namespace heddle::ca::test {

inline constexpr UnixTime kNow{1'800'000'000};
inline constexpr int64_t kHour = 3'600, kDay = 24 * kHour;

inline UnixTime after(int64_t seconds) { return UnixTime{kNow.value() + seconds}; }

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "heddle-ca-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path(const std::string& name = "") const {
    return name.empty() ? path_ : path_ + '/' + name;
  }

 private:
  std::string path_;
};

inline std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

inline mode_t mode_of(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

// Calls of an authority that is opened for each, as commands do. What fails fails the test.
class Rig {
 public:
  explicit Rig(const InitWanted& wanted = {.trust_domain = "mesh.test"}) {
    const auto made = Authority::init(path(), wanted, kNow);
    EXPECT_TRUE(made) << made.error().text;
  }

  std::string path(const std::string& name = "") const {
    return directory_.path("ca") + (name.empty() ? "" : '/' + name);
  }
  Authority open(Access access = Access::kWrite) const {
    auto opened = Authority::open(path(), access);
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  Issued issue(const LeafWanted& wanted, UnixTime now = kNow) const {
    auto issued = open().issue(wanted, now);
    EXPECT_TRUE(issued) << issued.error().text;
    return std::move(*issued);
  }
  Issued issue(const std::string& account, UnixTime now = kNow) const {
    return issue({.name_space = "shop", .service_account = account}, now);
  }
  Bundle bundle(UnixTime now = kNow) const {
    const auto bundle = open(Access::kRead).bundle(now);
    EXPECT_TRUE(bundle) << bundle.error().text;
    return bundle.value_or(Bundle{});
  }
  Report report(UnixTime now = kNow) const {
    const auto report = open(Access::kRead).report(now);
    EXPECT_TRUE(report) << report.error().text;
    return report.value_or(Report{});
  }

 private:
  TempDirectory directory_;
};

struct FreeX509 {
  void operator()(X509* x) const { X509_free(x); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;

inline std::vector<Certificate> certificates_of(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::vector<Certificate> all;
  while (X509* each = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) all.emplace_back(each);
  BIO_free(bio);
  return all;
}

// OpenSSL's own judgement of a chain, in its strict ways: X509_V_OK, or why not. With lists in the
// bundle, leaves are looked up in them.
inline int judge(const Bundle& bundle, const std::string& chain_pem, UnixTime now = kNow,
                 int purpose = X509_PURPOSE_SSL_CLIENT) {
  X509_STORE* store = X509_STORE_new();
  for (const Certificate& root : certificates_of(bundle.roots_pem))
    X509_STORE_add_cert(store, root.get());
  BIO* bio = BIO_new_mem_buf(bundle.crl_pem.data(), static_cast<int>(bundle.crl_pem.size()));
  while (X509_CRL* crl = PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr)) {
    X509_STORE_add_crl(store, crl);
    X509_CRL_free(crl);
  }
  BIO_free(bio);
  const std::vector<Certificate> chain = certificates_of(chain_pem);
  STACK_OF(X509)* others = sk_X509_new_null();
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(others, chain[i].get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, chain.front().get(), others);
  X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(how, now.value());
  X509_VERIFY_PARAM_set_purpose(how, purpose);
  X509_VERIFY_PARAM_set_auth_level(how, 2);
  X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_X509_STRICT);
  if (!bundle.crl_pem.empty()) X509_VERIFY_PARAM_set_flags(how, X509_V_FLAG_CRL_CHECK);
  X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  sk_X509_free(others);
  X509_STORE_free(store);
  return error;
}

}  // namespace heddle::ca::test
