#include "exchange.h"

#include <openssl/err.h>

#include "context_parts.h"
#include "record_crypto.h"

namespace heddle::tls {

namespace {

// A handshake message under encryption may be as long as any record (RFC 8446 5.2).
constexpr uint32_t kMaxRecord = kMaxPlaintext + 256;

// Protected records among the records of a flight.
uint32_t count_protected(Bytes bytes) {
  uint32_t count = 0;
  for (size_t at = 0; at + kHeaderSize <= bytes.size();) {
    const RecordHeader header = RecordHeader::parse(bytes.data() + at);
    if (header.type == ContentType::kApplicationData) ++count;
    at += kHeaderSize + header.length;
  }
  return count;
}

}  // namespace

Exchange::Exchange(const Context& its, const Handshake::Options& options)
    : context(its), server_name(options.server_name), expected_id(options.expected_id) {
  if (options.ticket == nullptr || !*options.ticket) return;
  SSL_SESSION_up_ref(options.ticket->get());
  resume = ResumptionTicket(options.ticket->get());
}

Exchange::~Exchange() {
  for (Secret* each : {&client_secret, &server_secret, &master}) wipe(each->bytes);
}

bool Exchange::prepare() {
  ERR_clear_error();
  ssl.reset(SSL_new(context.parts().ssl.get()));
  SSL* its = ssl.get();
  if (its == nullptr || SSL_set_ex_data(its, exchange_index(), this) != 1) return false;
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(its, in, out);
  if (in == nullptr || out == nullptr || !use_certificates()) return false;
  if (context.config().role == Role::kServer) {
    const bool tickets = given.ticket_keys.count > 0 && context.config().tickets > 0;
    SSL_set_num_tickets(its, tickets ? context.config().tickets : 0);
    if (!tickets) SSL_set_options(its, SSL_OP_NO_TICKET);
    SSL_set_accept_state(its);
    if (context.config().peer != PeerCheck::kNone)
      SSL_set_verify(its, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return true;
  }
  SSL_set_connect_state(its);
  SSL_set_verify(its, context.config().peer == PeerCheck::kNone ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                 nullptr);
  // The macro for this has an old-style cast.
  if (!server_name.empty() && SSL_ctrl(its, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                       server_name.data()) != 1)
    return false;
  if (resume) SSL_set_session(its, resume.get());
  return true;
}

// False without the first one, which is the default.
bool Exchange::use_certificates() {
  const Context::Parts& parts = context.parts();
  for (const Certificate& each : parts.certificates) {
    if (&each != parts.certificates.data() && context.config().role == Role::kClient) break;
    STACK_OF(X509)* chain = sk_X509_new_null();
    for (const X509Ptr& link : each.chain) sk_X509_push(chain, link.get());
    // The first of its kind of key is the default.
    const int used = SSL_use_cert_and_key(ssl.get(), each.leaf.get(), each.key.get(), chain, 0);
    sk_X509_free(chain);
    if (used != 1 && &each == parts.certificates.data()) return false;
  }
  ERR_clear_error();
  return true;
}

void Exchange::step() {
  told = {.bytes = std::move(told.bytes)};
  told.bytes.clear();
  HandshakeProgress progress = HandshakeProgress::kMore;
  if (!begun) {
    begun = true;
    if (!prepare()) {
      progress = refuse(Refusal::kLibrary);
    } else if (context.config().role == Role::kClient) {
      progress = run();
    }
  }
  const Bytes bytes = given.bytes;
  while (progress == HandshakeProgress::kMore && told.used < bytes.size()) {
    const Bytes rest = bytes.subspan(told.used);
    const auto have = static_cast<uint32_t>(std::min<size_t>(rest.size(), kHeaderSize));
    const Refusal refusal = check_header(rest.data(), have, records);
    if (refusal != Refusal::kNone) {
      progress = refuse_plainly(refusal);
      break;
    }
    if (have < kHeaderSize) break;
    const size_t size = kHeaderSize + RecordHeader::parse(rest.data()).length;
    if (rest.size() < size) break;
    progress = feed(rest.first(size));
  }
  told.progress = progress;
  if (progress != HandshakeProgress::kMore) ssl.reset();
}

Refusal Exchange::check_header(const uint8_t* header, uint32_t size, uint32_t before) const {
  const auto type = static_cast<ContentType>(header[0]);
  const bool first = before == 0;
  const bool known =
      first ? type == ContentType::kHandshake ||
                  (type == ContentType::kAlert && context.config().role == Role::kClient)
            : type >= ContentType::kChangeCipherSpec && type <= ContentType::kApplicationData;
  if (!known) return first ? Refusal::kNotTls : Refusal::kUnexpectedRecord;
  if (size >= 2 && header[1] != 3) return first ? Refusal::kNotTls : Refusal::kBadVersion;
  if (size == kHeaderSize && RecordHeader::parse(header).length > kMaxRecord)
    return Refusal::kRecordOverflow;
  return Refusal::kNone;
}

HandshakeProgress Exchange::feed(Bytes record) {
  bytes_ += static_cast<uint32_t>(record.size());
  ++records;
  if (bytes_ > context.config().max_bytes || records > context.config().max_records)
    return refuse_plainly(Refusal::kHandshakeTooLong);
  const int size = static_cast<int>(record.size());
  if (BIO_write(SSL_get_rbio(ssl.get()), record.data(), size) != size)
    return refuse(Refusal::kLibrary);
  told.used += static_cast<uint32_t>(record.size());
  return run();
}

HandshakeProgress Exchange::run() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl.get());
  const int error = SSL_get_error(ssl.get(), done);
  Refusal refusal = Refusal::kNone;
  if (done != 1 && error != SSL_ERROR_WANT_READ) refusal = refusal_of_openssl();
  ERR_clear_error();
  collect();
  if (refusal == Refusal::kNone && done == 1) refusal = conclude();
  if (refusal != Refusal::kNone) return refuse(refusal);
  return done == 1 ? HandshakeProgress::kDone : HandshakeProgress::kMore;
}

// What OpenSSL has for the peer.
void Exchange::collect() {
  BIO* bio = SSL_get_wbio(ssl.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  protected_records = 0;
  if (size <= 0) return;
  const Bytes bytes{reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)};
  protected_records = count_protected(bytes);
  told.bytes.insert(told.bytes.end(), bytes.begin(), bytes.end());
  BIO_reset(bio);
}

HandshakeProgress Exchange::refuse(Refusal refusal) {
  told.refusal = refusal;
  return HandshakeProgress::kRefused;
}

// Before there are keys an alert goes in clear; after that only OpenSSL could send one.
HandshakeProgress Exchange::refuse_plainly(Refusal refusal) {
  if (client_secret.size == 0 && master.size == 0) {
    std::array<uint8_t, kHeaderSize + 2> alert;
    RecordHeader{ContentType::kAlert, 0x0303, 2}.emit(alert.data());
    alert[kHeaderSize] = static_cast<uint8_t>(AlertLevel::kFatal);
    alert[kHeaderSize + 1] = static_cast<uint8_t>(alert_of(refusal));
    told.bytes.insert(told.bytes.end(), alert.begin(), alert.end());
  }
  return refuse(refusal);
}

Refusal Exchange::refusal_of_openssl() {
  // A callback of ours knows better than OpenSSL's queue.
  if (objection != Refusal::kNone) {
    const Refusal refusal = objection;
    objection = Refusal::kNone;
    return refusal;
  }
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return Refusal::kHandshakeMalformed;
  if (reason > SSL_AD_REASON_OFFSET) {
    peer_alert = static_cast<Alert>(reason - SSL_AD_REASON_OFFSET);
    return Refusal::kPeerAlert;
  }
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return Refusal::kVersionNotShared;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_WRONG_CIPHER_RETURNED:
      return Refusal::kSuiteNotShared;
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_UNSUPPORTED_ELLIPTIC_CURVE:
      return Refusal::kGroupNotShared;
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      return Refusal::kSignatureNotShared;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Refusal::kNoCertificate;
    case SSL_R_BAD_SIGNATURE:
    case SSL_R_DIGEST_CHECK_FAILED:
    case SSL_R_BINDER_DOES_NOT_VERIFY:
      return Refusal::kPeerSignature;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return Refusal::kBadRecordMac;
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return Refusal::kHandshakeTooLong;
    case ERR_R_MALLOC_FAILURE:
      return Refusal::kLibrary;
    default:
      return Refusal::kHandshakeMalformed;
  }
}

// What was agreed, and the secrets.
Refusal Exchange::conclude() {
  SSL* its = ssl.get();
  const SSL_CIPHER* cipher = SSL_get_current_cipher(its);
  const Suite* found = cipher == nullptr ? nullptr : find_suite(SSL_CIPHER_get_protocol_id(cipher));
  if (found == nullptr) return Refusal::kSecretsMissing;
  agreed.suite = found->id;
  agreed.version = found->version;
  agreed.resumed = SSL_session_reused(its) == 1;
  const uint8_t* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(its, &alpn, &size);
  if (size > 0) agreed.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  const char* name = SSL_get_servername(its, TLSEXT_NAMETYPE_host_name);
  if (context.config().role == Role::kClient) {
    agreed.server_name = server_name;
  } else if (name != nullptr) {
    agreed.server_name = name;
  }
  if (found->version == Version::kTls12) {
    const SSL_SESSION* session = SSL_get_session(its);
    master.size = SSL_SESSION_get_master_key(session, master.bytes.data(), kMaxSecret);
    SSL_get_client_random(its, client_random.data(), client_random.size());
    SSL_get_server_random(its, server_random.data(), server_random.size());
    if (master.size != kMaxSecret) return Refusal::kSecretsMissing;
    if (context.config().role == Role::kClient && SSL_SESSION_is_resumable(session) == 1)
      ticket = ResumptionTicket(SSL_get1_session(its));
  } else if (client_secret.size != hash_size(found->hash) ||
             server_secret.size != hash_size(found->hash)) {
    return Refusal::kSecretsMissing;
  }
  fragment = SSL_SESSION_get_max_fragment_length(SSL_get_session(its));
  const Refusal refusal = conclude_peer();
  // To OpenSSL an object that is freed without a shutdown is a broken connection, whose session
  // must not be resumed.
  if (refusal == Refusal::kNone) SSL_set_shutdown(its, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  return refusal;
}

// A full handshake has set the identity; a resumed one has the certificate in its session.
Refusal Exchange::conclude_peer() {
  if (context.config().peer == PeerCheck::kNone || !agreed.resumed) return Refusal::kNone;
  X509* certificate = SSL_get0_peer_certificate(ssl.get());
  if (certificate == nullptr) return Refusal::kNoCertificate;
  Judged judged = context.parts().trust.judge_again(certificate, given.wall);
  if (judged.refusal == Refusal::kNone && !expected_id.empty() && judged.identity != expected_id)
    judged.refusal = Refusal::kNotExpectedPeer;
  agreed.peer_identity = std::move(judged.identity);
  return judged.refusal;
}

}  // namespace heddle::tls
