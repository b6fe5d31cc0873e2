// Why a record, a handshake or a peer was refused: one list for all of TLS. Every name is a
// counter, and says which alert the peer gets (RFC 8446 6.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tls/alert.h"

namespace heddle::tls {

enum class Refusal : uint8_t {
  kNone,
  // Records.
  kBadVersion,
  kUnexpectedRecord,
  kUnprotectedRecord,
  kLateChangeCipherSpec,
  kRecordOverflow,
  kRecordShort,
  kBadRecordMac,
  kPlaintextOverflow,
  kNoContentType,
  kUnexpectedContentType,
  kEmptyMessage,
  kEmptyRecords,
  kMalformedAlert,
  kWarnings,
  kPeerAlert,
  kInterleavedMessage,
  kUnexpectedMessage,
  kMessageTooLong,
  kMalformedKeyUpdate,
  kKeyUpdateNotLast,
  kKeyUpdates,
  kRenegotiation,
  kSequenceExhausted,
  kTruncated,
  // Handshakes.
  kNotTls,
  kHandshakesInFlight,
  kHandshakeTooLong,
  kHandshakeTimeout,
  kHandshakeEnded,
  kHandshakeMalformed,
  kVersionNotShared,
  kSuiteNotShared,
  kGroupNotShared,
  kSignatureNotShared,
  kProtocolNotShared,
  kUnknownName,
  kPeerSignature,
  kSecretsMissing,
  kNoMemory,
  kLibrary,
  // Identities.
  kNoCertificate,
  kCertificateMalformed,
  kNoUri,
  kManyUris,
  kNotSpiffe,
  kUnknownTrustDomain,
  kUnknownIssuer,
  kExpired,
  kNotYetValid,
  kWrongUsage,
  kIsAuthority,
  kChainTooLong,
  kRevoked,
  kRevocationUnknown,
  kWeakKey,
  kNotExpectedPeer,
  kCount,
};

struct RefusalText {
  Refusal refusal;
  Alert alert;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<RefusalText, static_cast<size_t>(Refusal::kCount)> kRefusals{{
    {Refusal::kNone, Alert::kCloseNotify, "none", "Nothing was refused."},
    {Refusal::kBadVersion, Alert::kProtocolVersion, "bad_version",
     "A record's version is not TLS: not a TLS peer, or bytes were lost."},
    {Refusal::kUnexpectedRecord, Alert::kUnexpectedMessage, "unexpected_record",
     "A record of a type that has no place here."},
    {Refusal::kUnprotectedRecord, Alert::kUnexpectedMessage, "unprotected_record",
     "A record without encryption after keys were agreed: injected, or a broken peer."},
    {Refusal::kLateChangeCipherSpec, Alert::kUnexpectedMessage, "late_change_cipher_spec",
     "A change_cipher_spec after the handshake (RFC 8446 5)."},
    {Refusal::kRecordOverflow, Alert::kRecordOverflow, "record_overflow",
     "A record longer than the protocol allows."},
    {Refusal::kRecordShort, Alert::kBadRecordMac, "record_short",
     "A protected record too short to hold its tag."},
    {Refusal::kBadRecordMac, Alert::kBadRecordMac, "bad_record_mac",
     "A record whose tag is wrong: bytes were changed on the way, or keys disagree."},
    {Refusal::kPlaintextOverflow, Alert::kRecordOverflow, "plaintext_overflow",
     "A record that decrypts to more than 16 KB."},
    {Refusal::kNoContentType, Alert::kUnexpectedMessage, "no_content_type",
     "A record of nothing but padding (RFC 8446 5.4)."},
    {Refusal::kUnexpectedContentType, Alert::kUnexpectedMessage, "unexpected_content_type",
     "A record that decrypts to a type that has no place here."},
    {Refusal::kEmptyMessage, Alert::kUnexpectedMessage, "empty_message",
     "An alert or handshake record without content (RFC 8446 5.4)."},
    {Refusal::kEmptyRecords, Alert::kUnexpectedMessage, "empty_records",
     "Too many records without content in a row: a flood."},
    {Refusal::kMalformedAlert, Alert::kDecodeError, "malformed_alert",
     "An alert that is not two bytes."},
    {Refusal::kWarnings, Alert::kUnexpectedMessage, "warnings", "Too many warnings: a flood."},
    {Refusal::kPeerAlert, Alert::kCloseNotify, "peer_alert",
     "The peer ended the connection by an alert of its own."},
    {Refusal::kInterleavedMessage, Alert::kUnexpectedMessage, "interleaved_message",
     "Another record between the parts of a handshake message (RFC 8446 5.1)."},
    {Refusal::kUnexpectedMessage, Alert::kUnexpectedMessage, "unexpected_message",
     "A handshake message that has no place on an established connection."},
    {Refusal::kMessageTooLong, Alert::kIllegalParameter, "message_too_long",
     "A post-handshake message beyond the limit."},
    {Refusal::kMalformedKeyUpdate, Alert::kIllegalParameter, "malformed_key_update",
     "A KeyUpdate of a wrong length or request (RFC 8446 4.6.3)."},
    {Refusal::kKeyUpdateNotLast, Alert::kUnexpectedMessage, "key_update_not_last",
     "A KeyUpdate with more behind it in its record (RFC 8446 5.1)."},
    {Refusal::kKeyUpdates, Alert::kUnexpectedMessage, "key_updates",
     "KeyUpdates faster than the limit: a flood."},
    {Refusal::kRenegotiation, Alert::kNoRenegotiation, "renegotiation",
     "A TLS 1.2 peer asked to renegotiate, which is never done."},
    {Refusal::kSequenceExhausted, Alert::kInternalError, "sequence_exhausted",
     "As many records as one key may protect; TLS 1.2 cannot change it."},
    {Refusal::kTruncated, Alert::kCloseNotify, "truncated",
     "The stream ended without close_notify: cut off, perhaps by an attacker."},
    {Refusal::kNotTls, Alert::kUnexpectedMessage, "not_tls",
     "The first bytes are not TLS: plaintext on a TLS port, or the reverse."},
    {Refusal::kHandshakesInFlight, Alert::kInternalError, "handshakes_in_flight",
     "As many handshakes as may be in flight on a worker."},
    {Refusal::kHandshakeTooLong, Alert::kDecodeError, "handshake_too_long",
     "A handshake of more bytes or records than the limit."},
    {Refusal::kHandshakeTimeout, Alert::kUserCanceled, "handshake_timeout",
     "The peer did not finish its handshake in time."},
    {Refusal::kHandshakeEnded, Alert::kCloseNotify, "handshake_ended",
     "The peer closed the stream in the middle of the handshake."},
    {Refusal::kHandshakeMalformed, Alert::kDecodeError, "handshake_malformed",
     "A handshake message that breaks the protocol."},
    {Refusal::kVersionNotShared, Alert::kProtocolVersion, "version_not_shared",
     "The peer has no TLS version that policy allows."},
    {Refusal::kSuiteNotShared, Alert::kHandshakeFailure, "suite_not_shared",
     "The peer has no cipher suite that policy allows, or none that fits the certificate."},
    {Refusal::kGroupNotShared, Alert::kHandshakeFailure, "group_not_shared",
     "The peer has no key exchange group that policy allows."},
    {Refusal::kSignatureNotShared, Alert::kHandshakeFailure, "signature_not_shared",
     "The peer has no signature algorithm that fits the certificate."},
    {Refusal::kProtocolNotShared, Alert::kNoApplicationProtocol, "protocol_not_shared",
     "The peer's ALPN list has no protocol that is served here."},
    {Refusal::kUnknownName, Alert::kUnrecognizedName, "unknown_name",
     "The peer asked by SNI for a name that no certificate covers."},
    {Refusal::kPeerSignature, Alert::kDecryptError, "peer_signature",
     "The peer's signature or Finished is wrong: it does not hold its certificate's key."},
    {Refusal::kSecretsMissing, Alert::kInternalError, "secrets_missing",
     "The handshake ended without the secrets of a known suite."},
    {Refusal::kNoMemory, Alert::kInternalError, "no_memory", "No buffer was left for an answer."},
    {Refusal::kLibrary, Alert::kInternalError, "library",
     "OpenSSL failed for a reason that has no name here."},
    {Refusal::kNoCertificate, Alert::kCertificateRequired, "no_certificate",
     "The peer sent no certificate though one is required."},
    {Refusal::kCertificateMalformed, Alert::kBadCertificate, "certificate_malformed",
     "A certificate that cannot be read, or whose signature is wrong."},
    {Refusal::kNoUri, Alert::kBadCertificate, "no_uri",
     "The certificate has no URI name: not an X.509-SVID."},
    {Refusal::kManyUris, Alert::kBadCertificate, "many_uris",
     "The certificate has more than one URI name (X.509-SVID 2)."},
    {Refusal::kNotSpiffe, Alert::kBadCertificate, "not_spiffe",
     "The certificate's URI is no valid SPIFFE ID of a workload."},
    {Refusal::kUnknownTrustDomain, Alert::kUnknownCa, "unknown_trust_domain",
     "There is no bundle for the peer's trust domain."},
    {Refusal::kUnknownIssuer, Alert::kUnknownCa, "unknown_issuer",
     "The chain does not lead to the bundle of the peer's trust domain."},
    {Refusal::kExpired, Alert::kCertificateExpired, "expired",
     "A certificate of the chain has expired: is the peer's rotation broken?"},
    {Refusal::kNotYetValid, Alert::kBadCertificate, "not_yet_valid",
     "A certificate of the chain is not valid yet: do the clocks agree?"},
    {Refusal::kWrongUsage, Alert::kUnsupportedCertificate, "wrong_usage",
     "The certificate's key usage does not allow this end of a connection."},
    {Refusal::kIsAuthority, Alert::kUnsupportedCertificate, "is_authority",
     "The peer presented a certificate that may sign others (X.509-SVID 4)."},
    {Refusal::kChainTooLong, Alert::kUnknownCa, "chain_too_long",
     "More certificates than the limit between the peer's and the bundle's."},
    {Refusal::kRevoked, Alert::kCertificateRevoked, "revoked", "A certificate is on the CRL."},
    {Refusal::kRevocationUnknown, Alert::kCertificateUnknown, "revocation_unknown",
     "There is no valid CRL of the certificate's issuer: has it expired?"},
    {Refusal::kWeakKey, Alert::kBadCertificate, "weak_key",
     "A key or digest of the chain is weaker than allowed."},
    {Refusal::kNotExpectedPeer, Alert::kBadCertificate, "not_expected_peer",
     "The peer's identity is valid but not the one that was to be called."},
}};

static_assert([] {
  for (size_t i = 0; i < kRefusals.size(); ++i)
    if (kRefusals[i].refusal != static_cast<Refusal>(i)) return false;
  return true;
}());

constexpr const RefusalText& text_of(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)];
}
constexpr std::string_view name_of(Refusal refusal) { return text_of(refusal).name; }
constexpr Alert alert_of(Refusal refusal) { return text_of(refusal).alert; }

}  // namespace heddle::tls
