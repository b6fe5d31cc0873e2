// Owners of OpenSSL's objects.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace heddle::tls {

template <auto free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using SslPtr = std::unique_ptr<SSL, FreeBy<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;
using X509Ptr = std::unique_ptr<X509, FreeBy<X509_free>>;
using X509CrlPtr = std::unique_ptr<X509_CRL, FreeBy<X509_CRL_free>>;
using X509StorePtr = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, FreeBy<EVP_CIPHER_free>>;
using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, FreeBy<OSSL_PROVIDER_unload>>;
using LibCtxPtr = std::unique_ptr<OSSL_LIB_CTX, FreeBy<OSSL_LIB_CTX_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;

}  // namespace heddle::tls
