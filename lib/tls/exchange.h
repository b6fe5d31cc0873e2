// Exchange: what of a handshake is OpenSSL and plain bytes alone. It touches nothing of its worker,
// so another thread may make its steps: whoever has it (Handshake says who), has all of it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "openssl_ptr.h"
#include "tls/handshake.h"

namespace heddle::tls {

struct Exchange {
  struct Secret {
    std::array<uint8_t, kMaxSecret> bytes{};
    size_t size = 0;
    Bytes span() const { return {bytes.data(), size}; }
  };
  // What a step begins with: the front of the peer's stream, in whole records, unless what is there
  // of the first header is wrong already.
  struct Given {
    std::vector<uint8_t> bytes;
    UnixTime wall{0};
    TicketKeys ticket_keys;  // count 0: no tickets
  };
  // What it has come to.
  struct Told {
    std::vector<uint8_t> bytes;  // for the peer
    uint32_t used = 0;           // of the bytes given
    HandshakeProgress progress = HandshakeProgress::kMore;
    Refusal refusal = Refusal::kNone;
    uint32_t tickets_out = 0;
    uint32_t tickets_unknown = 0;
  };

  Exchange(const Context& context, const Handshake::Options& options);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Judges as much of a header as there is, so that plaintext is known by its first byte. `before`:
  // records of the peer before it.
  Refusal check_header(const uint8_t* header, uint32_t size, uint32_t before) const;
  // From `given` to `told`. OpenSSL's object is freed when there is nothing more for it to do.
  void step();

  const Context& context;
  std::string server_name;
  std::string expected_id;
  Given given;
  Told told;
  bool begun = false;
  uint32_t records = 0;  // of the peer
  Agreed agreed;
  Alert peer_alert = Alert::kCloseNotify;
  ResumptionTicket resume;         // what the client began with
  ResumptionTicket ticket;         // what it got
  uint32_t protected_records = 0;  // written in the last flight
  uint8_t fragment = 0;            // max_fragment_length, as on the wire; 0: none
  Secret client_secret, server_secret, master;
  std::array<uint8_t, 32> client_random{}, server_random{};
  Refusal objection = Refusal::kNone;  // of a callback of ours, while OpenSSL gives up
  SslPtr ssl;

 private:
  bool prepare();
  bool use_certificates();
  HandshakeProgress feed(Bytes record);
  HandshakeProgress run();
  void collect();
  HandshakeProgress refuse(Refusal refusal);
  HandshakeProgress refuse_plainly(Refusal refusal);
  Refusal refusal_of_openssl();
  Refusal conclude();
  Refusal conclude_peer();

  uint32_t bytes_ = 0;  // of the peer
};

}  // namespace heddle::tls
