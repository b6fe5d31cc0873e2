// What OpenSSL asks in the middle of a handshake.
#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <cstring>
#include <string_view>

#include "context_parts.h"
#include "exchange.h"

namespace heddle::tls {

namespace {

// The verification result that makes OpenSSL send an alert.
int verify_result(Alert alert) {
  switch (alert) {
    case Alert::kCertificateExpired:
      return X509_V_ERR_CERT_HAS_EXPIRED;
    case Alert::kUnknownCa:
      return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case Alert::kUnsupportedCertificate:
      return X509_V_ERR_INVALID_PURPOSE;
    case Alert::kCertificateRevoked:
      return X509_V_ERR_CERT_REVOKED;
    case Alert::kCertificateUnknown:
      return X509_V_ERR_UNSPECIFIED;
    case Alert::kInternalError:
      return X509_V_ERR_OUT_OF_MEM;
    default:
      return X509_V_ERR_CERT_REJECTED;
  }
}

uint8_t digit(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

}  // namespace

int exchange_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

struct Callbacks {
  static Exchange& of(const SSL* ssl) {
    return *static_cast<Exchange*>(SSL_get_ex_data(ssl, exchange_index()));
  }

  // NSS key log format: LABEL CLIENT_RANDOM SECRET, the last two in hexadecimal.
  static void key_log(const SSL* ssl, const char* text) {
    const std::string_view line(text);
    Exchange& exchange = of(ssl);
    Exchange::Secret* secret = nullptr;
    if (line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) secret = &exchange.client_secret;
    if (line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) secret = &exchange.server_secret;
    if (secret == nullptr) return;
    const std::string_view hex = line.substr(line.rfind(' ') + 1);
    if (hex.size() > 2 * kMaxSecret) return;
    secret->size = hex.size() / 2;
    for (size_t i = 0; i < secret->size; ++i)
      secret->bytes[i] = static_cast<uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }

  static int verify(X509_STORE_CTX* store, void*) {
    const SSL* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    Exchange& exchange = of(ssl);
    const Context::Parts& parts = exchange.context.parts();
    Judged judged = parts.trust.judge({.certificate = X509_STORE_CTX_get0_cert(store),
                                       .chain = X509_STORE_CTX_get0_untrusted(store),
                                       .name = exchange.server_name},
                                      exchange.given.wall);
    if (judged.refusal == Refusal::kNone && !exchange.expected_id.empty() &&
        judged.identity != exchange.expected_id)
      judged.refusal = Refusal::kNotExpectedPeer;
    if (judged.refusal == Refusal::kNone) {
      exchange.agreed.peer_identity = std::move(judged.identity);
      X509_STORE_CTX_set_error(store, X509_V_OK);
      return 1;
    }
    exchange.objection = judged.refusal;
    X509_STORE_CTX_set_error(store, verify_result(alert_of(judged.refusal)));
    return 0;
  }

  static int server_name(SSL* ssl, int* alert, void*) {
    Exchange& exchange = of(ssl);
    const Context::Parts& parts = exchange.context.parts();
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const std::vector<size_t>* found = parts.find(name);
    if (found == nullptr) {
      if (!exchange.context.config().known_names_only) return SSL_TLSEXT_ERR_NOACK;
      exchange.objection = Refusal::kUnknownName;
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_certs_clear(ssl);
    for (const size_t at : *found) {
      const Certificate& each = parts.certificates[at];
      STACK_OF(X509)* chain = sk_X509_new_null();
      for (const X509Ptr& link : each.chain) sk_X509_push(chain, link.get());
      SSL_use_cert_and_key(ssl, each.leaf.get(), each.key.get(), chain, 0);
      sk_X509_free(chain);
    }
    return SSL_TLSEXT_ERR_OK;
  }

  static int alpn(SSL* ssl, const uint8_t** chosen, uint8_t* size, const uint8_t* offered,
                  unsigned offered_size, void*) {
    Exchange& exchange = of(ssl);
    const std::string& served = exchange.context.parts().alpn;
    if (served.empty()) return SSL_TLSEXT_ERR_NOACK;
    uint8_t* found = nullptr;
    const int result =
        SSL_select_next_proto(&found, size, reinterpret_cast<const uint8_t*>(served.data()),
                              static_cast<unsigned>(served.size()), offered, offered_size);
    if (result != OPENSSL_NPN_NEGOTIATED) {
      exchange.objection = Refusal::kProtocolNotShared;
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
  }

  // RFC 5077 4's construction; OpenSSL puts it together.
  static int ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int seal) {
    Exchange& exchange = of(ssl);
    const TicketKeys* keys = &exchange.given.ticket_keys;
    if (keys->count == 0) return 0;
    const Library::Parts& library = *exchange.context.parts().library;
    uint32_t at = 0;
    if (seal == 1) {
      std::memcpy(name, keys->keys[0].name.data(), keys->keys[0].name.size());
      if (RAND_bytes_ex(library.library.get(), iv, 16, 0) != 1) return -1;
    } else {
      while (at < keys->count && std::memcmp(name, keys->keys[at].name.data(), 16) != 0) ++at;
      if (at == keys->count) {
        ++exchange.told.tickets_unknown;
        return 0;
      }
    }
    TicketKey key = keys->keys[at];
    char digest[] = "SHA256";
    const OSSL_PARAM how[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    const bool good = EVP_MAC_CTX_set_params(mac, how) == 1 &&
                      EVP_CipherInit_ex(cipher, library.ticket_cipher.get(), nullptr,
                                        key.cipher.data(), iv, seal) == 1;
    wipe({reinterpret_cast<uint8_t*>(&key), sizeof(key)});
    if (!good) return -1;
    if (seal == 1) ++exchange.told.tickets_out;
    // 2: the client gets a new one, under the present key. A client of TLS 1.3 uses a ticket once
    // (RFC 8446 C.4), so it would not resume again without.
    return at == 0 && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
  }
};

void set_callbacks(SSL_CTX* ssl, Role role) {
  SSL_CTX_set_keylog_callback(ssl, Callbacks::key_log);
  SSL_CTX_set_cert_verify_callback(ssl, Callbacks::verify, nullptr);
  if (role == Role::kClient) return;
  // The macro for this has an old-style cast.
  SSL_CTX_callback_ctrl(ssl, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(Callbacks::server_name));
  SSL_CTX_set_alpn_select_cb(ssl, Callbacks::alpn, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, Callbacks::ticket);
}

}  // namespace heddle::tls
