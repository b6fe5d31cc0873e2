#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "context_parts.h"
#include "core/check.h"

namespace heddle::tls {

namespace {

constexpr long kMaxCertificateBytes = 32 * 1024;  // that a peer may send

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Encrypted keys are not asked for on a terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<Certificate> load(OSSL_LIB_CTX* library, const CertificateConfig& config) {
  auto chain = parse_certificates(library, config.chain_pem);
  if (!chain) return std::unexpected(chain.error());
  Certificate made;
  made.leaf = std::move(chain->front());
  for (size_t i = 1; i < chain->size(); ++i) made.chain.push_back(std::move((*chain)[i]));
  const BioPtr bio(BIO_new_mem_buf(config.key_pem.data(), static_cast<int>(config.key_pem.size())));
  made.key.reset(
      PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, no_password, nullptr, library, nullptr));
  ERR_clear_error();
  if (made.key == nullptr) return fail("the key is no unencrypted PEM that can be read");
  if (X509_check_private_key(made.leaf.get(), made.key.get()) != 1) {
    ERR_clear_error();
    return fail("the key does not belong to the certificate");
  }
  return made;
}

void index_names(Context::Parts& parts, size_t at) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(parts.certificates[at].leaf.get(), NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* each = sk_GENERAL_NAME_value(names.get(), i);
    if (each->type != GEN_DNS) continue;
    const std::string name =
        lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(each->d.dNSName)),
               static_cast<size_t>(ASN1_STRING_length(each->d.dNSName))});
    auto& list = name.starts_with("*.") ? parts.wildcard[name.substr(2)] : parts.exact[name];
    if (std::ranges::find(list, at) == list.end()) list.push_back(at);
  }
}

Result<bool> set_suites(SSL_CTX* ssl, const Config& config) {
  std::string suites13;
  std::string suites12;
  for (const Suite& each : kSuites) {
    if (!config.suites.empty()) break;
    (each.version == Version::kTls13 ? suites13 : suites12) += ":" + std::string(each.openssl);
  }
  for (const SuiteId id : config.suites) {
    const Suite& each = suite(id);
    (each.version == Version::kTls13 ? suites13 : suites12) += ":" + std::string(each.openssl);
  }
  const auto version_of = [](Version v) {
    return v == Version::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  };
  Version least = config.min_version;
  Version most = config.max_version;
  if (suites12.empty()) least = Version::kTls13;
  if (suites13.empty()) most = Version::kTls12;
  if (least > most) return fail("no cipher suite is left for the versions that are allowed");
  SSL_CTX_set_min_proto_version(ssl, version_of(least));
  SSL_CTX_set_max_proto_version(ssl, version_of(most));
  if (SSL_CTX_set_ciphersuites(ssl, suites13.empty() ? "" : suites13.c_str() + 1) != 1 ||
      (!suites12.empty() && SSL_CTX_set_cipher_list(ssl, suites12.c_str() + 1) != 1))
    return fail("OpenSSL does not take the cipher suites");
  std::string groups;
  for (const std::string& group : config.groups) groups += ":" + group;
  if (groups.empty() || SSL_CTX_set1_groups_list(ssl, groups.c_str() + 1) != 1)
    return fail("groups: '{}' is not a list of groups that are known", groups);
  return true;
}

// A ticket is good only where the same peers are trusted (RFC 8446 4.6.1; RFC 5077 5).
void set_session_scope(Context::Parts& parts, const Config& config) {
  std::string scope = std::to_string(static_cast<int>(config.peer));
  for (const TrustConfig& each : config.trust)
    scope += "\n" + each.trust_domain + "\n" + each.roots_pem + "\n" + each.crl_pem;
  for (const std::string& id : config.expected_ids) scope += "\n" + id;
  scope += "\n" + config.own_id;
  uint8_t digest[32];
  size_t size = 0;
  EVP_Q_digest(parts.library->library.get(), "SHA256", nullptr, scope.data(), scope.size(), digest,
               &size);
  SSL_CTX_set_session_id_context(parts.ssl.get(), digest, static_cast<unsigned>(size));
}

Result<bool> set_alpn(Context::Parts& parts, const Config& config) {
  for (const std::string& each : config.alpn) {
    if (each.empty() || each.size() > 255)
      return fail("alpn: a protocol's name has 1 to 255 bytes");
    parts.alpn += static_cast<char>(each.size());
    parts.alpn += each;
  }
  // OpenSSL's 0 is success here.
  if (config.role == Role::kClient && !parts.alpn.empty() &&
      SSL_CTX_set_alpn_protos(parts.ssl.get(), reinterpret_cast<const uint8_t*>(parts.alpn.data()),
                              static_cast<unsigned>(parts.alpn.size())) != 0)
    return fail("alpn: the list is too long");
  return true;
}

}  // namespace

Library::Library(std::unique_ptr<Parts> parts, uint32_t lane)
    : parts_(std::move(parts)), lane_(lane) {}
Library::~Library() = default;

Result<std::unique_ptr<Library>> Library::create(uint32_t lane) {
  auto parts = std::make_unique<Parts>();
  parts->library.reset(OSSL_LIB_CTX_new());
  if (parts->library == nullptr) return fail("TLS: no memory for OpenSSL's context");
  parts->provider.reset(OSSL_PROVIDER_load(parts->library.get(), "default"));
  parts->ticket_cipher.reset(EVP_CIPHER_fetch(parts->library.get(), "AES-256-CBC", nullptr));
  if (parts->provider == nullptr || parts->ticket_cipher == nullptr)
    return fail("TLS: OpenSSL's default provider does not load");
  return std::unique_ptr<Library>(new Library(std::move(parts), lane));
}

const std::vector<size_t>* Context::Parts::find(std::string_view name) const {
  const std::string key = lower(name);
  if (const auto found = exact.find(key); found != exact.end()) return &found->second;
  const size_t dot = key.find('.');
  if (dot == std::string::npos || dot == 0) return nullptr;
  const auto found = wildcard.find(std::string_view(key).substr(dot + 1));
  return found == wildcard.end() ? nullptr : &found->second;
}

Context::Context(const Config& config, std::unique_ptr<Parts> parts, uint32_t lane)
    : config_(config), parts_(std::move(parts)), lane_(lane) {
  for (CertificateConfig& each : config_.certificates) {
    wipe({reinterpret_cast<uint8_t*>(each.key_pem.data()), each.key_pem.size()});
    each.key_pem.clear();
  }
}

Context::~Context() { HEDDLE_CHECK(handshakes_ == 0, "a context with handshakes in flight"); }

Result<std::unique_ptr<Context>> Context::create(const Library& library, const Config& config) {
  auto parts = std::make_unique<Parts>();
  parts->library = &library.parts();
  OSSL_LIB_CTX* openssl = parts->library->library.get();
  parts->ssl.reset(SSL_CTX_new_ex(openssl, nullptr, TLS_method()));
  SSL_CTX* ssl = parts->ssl.get();
  if (ssl == nullptr) return fail("TLS '{}': no memory for OpenSSL", config.name);
  if (config.role == Role::kServer && config.certificates.empty())
    return fail("TLS '{}': a server needs a certificate", config.name);
  for (const CertificateConfig& each : config.certificates) {
    auto loaded = load(openssl, each);
    if (!loaded)
      return fail_in(loaded.error(), "TLS '{}': certificate '{}'", config.name, each.name);
    if (!config.own_id.empty()) {
      const Judged own = identity_of(loaded->leaf.get());
      if (own.identity != config.own_id)
        return fail("TLS '{}': certificate '{}' is not of {}, but of {}", config.name, each.name,
                    config.own_id, own.identity.empty() ? "nobody" : own.identity);
    }
    parts->certificates.push_back(std::move(*loaded));
    index_names(*parts, parts->certificates.size() - 1);
  }
  auto trust = Trust::create(openssl, config);
  if (!trust) return fail_in(trust.error(), "TLS '{}'", config.name);
  parts->trust = std::move(*trust);
  SSL_CTX_set_security_level(ssl, 2);
  for (const auto& set : {set_suites(ssl, config), set_alpn(*parts, config)})
    if (!set) return fail_in(set.error(), "TLS '{}'", config.name);
  SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_early_data(ssl, 0);
  SSL_CTX_set_max_cert_list(ssl, kMaxCertificateBytes);
  SSL_CTX_set_session_cache_mode(ssl, config.role == Role::kServer
                                          ? SSL_SESS_CACHE_OFF
                                          : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  set_session_scope(*parts, config);
  set_callbacks(ssl, config.role);
  ERR_clear_error();
  return std::unique_ptr<Context>(new Context(config, std::move(parts), library.lane()));
}

}  // namespace heddle::tls
