// The cases of tests/unit/http/corpus, and what a connection makes of their bytes.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "heap_buffers.h"
#include "http/http1/reader.h"
#include "http/http1/writer.h"

namespace heddle::test {

struct Case {
  std::string file;
  std::string name;
  bool response = false;
  http1::ResponseTo request;  // what a response answers
  std::string input;
  std::string forwarded;
  std::string verdict;
};

const std::vector<Case>& corpus();

struct Outcome {
  std::string forwarded;  // what we would write, each message's data as one chunk
  std::string verdict;
  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << outcome.verdict << ": " << outcome.forwarded;
  }
};

// One connection of a peer, from its first byte to its close.
class Connection {
 public:
  explicit Connection(const Case& which, const http::Limits& limits = {});
  ~Connection();

  // Hands bytes over as one piece, copied or where they are.
  void feed(std::string_view bytes);
  void feed(tcp::Chain& chain);
  Outcome close();

  tcp::Pieces& pieces() { return pieces_; }
  HeapBuffers& buffers() { return buffers_; }

 private:
  void start();
  void advance();
  bool read_head();
  bool read_body();
  void end_message();
  void refuse(http::Refusal refusal);
  void write_head();

  const Case& case_;
  http::Limits limits_;
  HeapBuffers buffers_;
  tcp::Pieces pieces_{256, buffers_};
  tcp::Chain in_;
  tcp::Chain body_;
  tcp::Chain out_;
  std::vector<uint8_t> memory_;
  http::Message message_;
  http1::HeadParser head_;
  http1::BodyReader body_reader_;
  bool in_body_ = false;
  bool raw_ = false;
  bool answered_ = false;
  std::string verdict_ = "whole";
  bool stopped_ = false;
};

// All bytes, in pieces that end at the given offsets.
Outcome run(const Case& which, const std::vector<size_t>& cuts = {});

}  // namespace heddle::test
