#include "tls/handshake.h"

#include <openssl/err.h>

#include "context_parts.h"
#include "record_crypto.h"

namespace heddle::tls {

namespace {

// A handshake message under encryption may be as long as any record (RFC 8446 5.2).
constexpr uint32_t kMaxRecord = kMaxPlaintext + 256;

// Protected records among the records of a flight.
uint32_t count_protected(const uint8_t* bytes, size_t size) {
  uint32_t count = 0;
  for (size_t at = 0; at + kHeaderSize <= size;) {
    const RecordHeader header = RecordHeader::parse(bytes + at);
    if (header.type == ContentType::kApplicationData) ++count;
    at += kHeaderSize + header.length;
  }
  return count;
}

}  // namespace

void ResumptionTicket::Free::operator()(ssl_session_st* session) const {
  SSL_SESSION_free(session);
}
void Handshake::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

std::expected<std::unique_ptr<Handshake>, Refusal> Handshake::start(Context& context,
                                                                    HandshakeGate& gate,
                                                                    const Options& options) {
  if (gate.in_flight >= gate.limit) {
    options.counters.add(Refusal::kHandshakesInFlight);
    return std::unexpected(Refusal::kHandshakesInFlight);
  }
  std::unique_ptr<Handshake> made(new Handshake(context, gate, options));
  options.counters.add(Stat::kHandshakesStarted);
  if (!made->prepare(options)) {
    made->refuse(Refusal::kLibrary);
    return std::unexpected(Refusal::kLibrary);
  }
  return made;
}

Handshake::Handshake(Context& context, HandshakeGate& gate, const Options& options)
    : context_(context),
      gate_(gate),
      counters_(options.counters),
      deadline_(options.now + context.config().timeout),
      server_name_(options.server_name) {
  ++gate_.in_flight;
  ++context_.handshakes_;
}

Handshake::~Handshake() {
  --gate_.in_flight;
  --context_.handshakes_;
  for (Secret* each : {&client_secret_, &server_secret_, &master_}) wipe(each->bytes);
}

bool Handshake::prepare(const Options& options) {
  ERR_clear_error();
  const Context::Parts& parts = context_.parts();
  ssl_.reset(SSL_new(parts.ssl.get()));
  SSL* ssl = ssl_.get();
  if (ssl == nullptr || SSL_set_ex_data(ssl, handshake_index(), this) != 1) return false;
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  if (in == nullptr || out == nullptr) return false;
  for (const Certificate& each : parts.certificates) {
    if (&each != parts.certificates.data() && context_.config().role == Role::kClient) break;
    STACK_OF(X509)* chain = sk_X509_new_null();
    for (const X509Ptr& link : each.chain) sk_X509_push(chain, link.get());
    // The first of its kind of key is the default.
    const int used = SSL_use_cert_and_key(ssl, each.leaf.get(), each.key.get(), chain, 0);
    sk_X509_free(chain);
    if (used != 1 && &each == parts.certificates.data()) return false;
  }
  ERR_clear_error();
  if (context_.config().role == Role::kServer) {
    const bool tickets = context_.ticket_keys() != nullptr && context_.config().tickets > 0;
    SSL_set_num_tickets(ssl, tickets ? context_.config().tickets : 0);
    if (!tickets) SSL_set_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_accept_state(ssl);
    if (context_.config().peer != PeerCheck::kNone)
      SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return true;
  }
  SSL_set_connect_state(ssl);
  SSL_set_verify(
      ssl, context_.config().peer == PeerCheck::kNone ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  // The macro for this has an old-style cast.
  if (!server_name_.empty() && SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                        TLSEXT_NAMETYPE_host_name, server_name_.data()) != 1)
    return false;
  if (options.ticket != nullptr && *options.ticket) SSL_set_session(ssl, options.ticket->get());
  return true;
}

HandshakeProgress Handshake::advance(tcp::Pieces& pieces, HandshakeChains chains, UnixTime wall) {
  wall_ = wall;
  if (refusal_ != Refusal::kNone) return HandshakeProgress::kRefused;
  if (done_) return HandshakeProgress::kDone;
  if (!begun_ && context_.config().role == Role::kClient) {
    begun_ = true;
    const HandshakeProgress progress = run(pieces, chains.out);
    if (progress != HandshakeProgress::kMore) return progress;
  }
  while (!chains.in.empty()) {
    std::array<uint8_t, kHeaderSize> header;
    const uint32_t have = std::min(chains.in.bytes, kHeaderSize);
    pieces.copy_out(chains.in, std::span(header).first(have));
    const Refusal refusal = check_header(header.data(), have);
    if (refusal != Refusal::kNone) return refuse_plainly(pieces, chains.out, refusal);
    if (have < kHeaderSize) break;
    const uint32_t size = kHeaderSize + RecordHeader::parse(header.data()).length;
    if (chains.in.bytes < size) break;
    const HandshakeProgress progress = feed(pieces, chains, size);
    if (progress != HandshakeProgress::kMore) return progress;
  }
  return HandshakeProgress::kMore;
}

// Judges as much of a header as there is, so that plaintext is known by its first byte.
Refusal Handshake::check_header(const uint8_t* header, uint32_t size) const {
  const auto type = static_cast<ContentType>(header[0]);
  const bool first = records_ == 0;
  const bool known =
      first ? type == ContentType::kHandshake ||
                  (type == ContentType::kAlert && context_.config().role == Role::kClient)
            : type >= ContentType::kChangeCipherSpec && type <= ContentType::kApplicationData;
  if (!known) return first ? Refusal::kNotTls : Refusal::kUnexpectedRecord;
  if (size >= 2 && header[1] != 3) return first ? Refusal::kNotTls : Refusal::kBadVersion;
  if (size == kHeaderSize && RecordHeader::parse(header).length > kMaxRecord)
    return Refusal::kRecordOverflow;
  return Refusal::kNone;
}

HandshakeProgress Handshake::feed(tcp::Pieces& pieces, HandshakeChains chains, uint32_t size) {
  bytes_ += size;
  ++records_;
  if (bytes_ > context_.config().max_bytes || records_ > context_.config().max_records)
    return refuse_plainly(pieces, chains.out, Refusal::kHandshakeTooLong);
  BIO* bio = SSL_get_rbio(ssl_.get());
  bool written = true;
  for_each_part(pieces, chains.in, 0, size, [&](const uint8_t* part, uint32_t n) {
    written = written && BIO_write(bio, part, static_cast<int>(n)) == static_cast<int>(n);
  });
  if (!written) return refuse(Refusal::kLibrary);
  pieces.drop_front(chains.in, size);
  return run(pieces, chains.out);
}

HandshakeProgress Handshake::run(tcp::Pieces& pieces, tcp::Chain& out) {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  const int error = SSL_get_error(ssl_.get(), done);
  Refusal refusal = Refusal::kNone;
  if (done != 1 && error != SSL_ERROR_WANT_READ) refusal = refusal_of_openssl();
  ERR_clear_error();
  const Refusal flushed = flush(pieces, out);
  if (refusal == Refusal::kNone) refusal = flushed;
  if (refusal == Refusal::kNone && done == 1) refusal = conclude();
  if (refusal != Refusal::kNone) return refuse(refusal);
  if (done != 1) return HandshakeProgress::kMore;
  done_ = true;
  counters_.add(Stat::kHandshakesDone);
  if (agreed_.resumed) counters_.add(Stat::kHandshakesResumed);
  return HandshakeProgress::kDone;
}

Refusal Handshake::flush(tcp::Pieces& pieces, tcp::Chain& out) {
  BIO* bio = SSL_get_wbio(ssl_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) {
    protected_records_ = 0;
    return Refusal::kNone;
  }
  const Bytes bytes{reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)};
  protected_records_ = count_protected(bytes.data(), bytes.size());
  const uint32_t copied = pieces.append_copy(out, bytes);
  BIO_reset(bio);
  return copied == bytes.size() ? Refusal::kNone : Refusal::kNoMemory;
}

HandshakeProgress Handshake::refuse(Refusal refusal) {
  if (refusal_ != Refusal::kNone) return HandshakeProgress::kRefused;
  refusal_ = refusal;
  counters_.add(refusal);
  counters_.add(Stat::kHandshakesRefused);
  return HandshakeProgress::kRefused;
}

// Before there are keys an alert goes in clear; after that only OpenSSL could send one.
HandshakeProgress Handshake::refuse_plainly(tcp::Pieces& pieces, tcp::Chain& out, Refusal refusal) {
  if (client_secret_.size == 0 && master_.size == 0) {
    std::array<uint8_t, kHeaderSize + 2> alert;
    RecordHeader{ContentType::kAlert, 0x0303, 2}.emit(alert.data());
    alert[kHeaderSize] = static_cast<uint8_t>(AlertLevel::kFatal);
    alert[kHeaderSize + 1] = static_cast<uint8_t>(alert_of(refusal));
    pieces.append_copy(out, alert);
  }
  return refuse(refusal);
}

Refusal Handshake::refusal_of_openssl() {
  // A callback of ours knows better than OpenSSL's queue.
  if (refusal_ != Refusal::kNone) {
    const Refusal refusal = refusal_;
    refusal_ = Refusal::kNone;
    return refusal;
  }
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return Refusal::kHandshakeMalformed;
  if (reason > SSL_AD_REASON_OFFSET) {
    peer_alert_ = static_cast<Alert>(reason - SSL_AD_REASON_OFFSET);
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
Refusal Handshake::conclude() {
  SSL* ssl = ssl_.get();
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  const Suite* found = cipher == nullptr ? nullptr : find_suite(SSL_CIPHER_get_protocol_id(cipher));
  if (found == nullptr) return Refusal::kSecretsMissing;
  agreed_.suite = found->id;
  agreed_.version = found->version;
  agreed_.resumed = SSL_session_reused(ssl) == 1;
  const uint8_t* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) agreed_.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (context_.config().role == Role::kClient) {
    agreed_.server_name = server_name_;
  } else if (name != nullptr) {
    agreed_.server_name = name;
  }
  if (found->version == Version::kTls12) {
    const SSL_SESSION* session = SSL_get_session(ssl);
    master_.size = SSL_SESSION_get_master_key(session, master_.bytes.data(), kMaxSecret);
    SSL_get_client_random(ssl, client_random_.data(), client_random_.size());
    SSL_get_server_random(ssl, server_random_.data(), server_random_.size());
    if (master_.size != kMaxSecret) return Refusal::kSecretsMissing;
    if (context_.config().role == Role::kClient && SSL_SESSION_is_resumable(session) == 1)
      ticket_ = ResumptionTicket(SSL_get1_session(ssl));
  } else if (client_secret_.size != hash_size(found->hash) ||
             server_secret_.size != hash_size(found->hash)) {
    return Refusal::kSecretsMissing;
  }
  return conclude_peer();
}

// A full handshake has set the identity; a resumed one has the certificate in its session.
Refusal Handshake::conclude_peer() {
  if (context_.config().peer == PeerCheck::kNone || !agreed_.resumed) return Refusal::kNone;
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return Refusal::kNoCertificate;
  Judged judged = context_.parts().trust.judge_again(certificate, wall_);
  agreed_.peer_identity = std::move(judged.identity);
  return judged.refusal;
}

Session Handshake::take_session(RecordContext& records) {
  HEDDLE_CHECK(done_ && ssl_ != nullptr, "a session is taken of no finished handshake");
  const Suite& with = suite(agreed_.suite);
  const Role role = context_.config().role;
  KeyPair keys;
  if (with.version == Version::kTls13) {
    keys.client = keys_of(records.crypto(), with, client_secret_.span());
    keys.server = keys_of(records.crypto(), with, server_secret_.span());
    // A server's last flight, which answers the client's Finished, is nothing but its tickets:
    // they have used as many sequence numbers. A client's is still under the handshake's keys.
    if (role == Role::kServer) keys.server.sequence = protected_records_;
  } else {
    keys = keys_of_master(records.crypto(), with, master_.span(), client_random_, server_random_);
  }
  // To OpenSSL an object that is freed without a shutdown is a broken connection, whose session
  // must not be resumed.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  const uint8_t fragment = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl_.get()));
  ssl_.reset();
  Session session = role == Role::kServer
                        ? Session(records, with.id, role, keys.client, keys.server)
                        : Session(records, with.id, role, keys.server, keys.client);
  wipe({reinterpret_cast<uint8_t*>(&keys), sizeof(keys)});
  // RFC 6066 4: 2^9 to 2^12.
  if (fragment >= 1 && fragment <= 4)
    session.limit_text(static_cast<uint16_t>(1u << (8 + fragment)));
  return session;
}

}  // namespace heddle::tls
