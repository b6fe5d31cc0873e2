// Owners of OpenSSL's objects, and what a Library is made of.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>

#include <memory>

#include "jwt/verifier.h"

namespace heddle::jwt {

template <auto free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};

using BnPtr = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using LibCtxPtr = std::unique_ptr<OSSL_LIB_CTX, FreeBy<OSSL_LIB_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using ParamBldPtr = std::unique_ptr<OSSL_PARAM_BLD, FreeBy<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, FreeBy<OSSL_PARAM_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, FreeBy<OSSL_PROVIDER_unload>>;

struct Library::Parts {
  LibCtxPtr library;
  ProviderPtr provider;
};

}  // namespace heddle::jwt
