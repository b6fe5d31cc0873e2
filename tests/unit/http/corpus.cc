#include "corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "http/chars.h"

namespace heddle::test {

namespace {

std::string expand(std::string_view& text, bool inner);

char hex_byte(std::string_view text) {
  return static_cast<char>(std::stoi(std::string(text.substr(0, 2)), nullptr, 16));
}

std::string expand_escape(std::string_view& text) {
  const char c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case 'r':
      return "\r";
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case 's':
      return " ";
    case '0':
      return std::string(1, '\0');
    case '\\':
      return "\\";
    case 'x': {
      const char byte = hex_byte(text);
      text.remove_prefix(2);
      return std::string(1, byte);
    }
    case '{': {
      const size_t colon = text.find(':');
      const int times = std::stoi(std::string(text.substr(0, colon)));
      text.remove_prefix(colon + 1);
      const std::string part = expand(text, true);
      std::string all;
      for (int i = 0; i < times; ++i) all += part;
      return all;
    }
    default:
      throw std::runtime_error("unknown escape in the corpus");
  }
}

std::string expand(std::string_view& text, bool inner) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (inner && c == '}') return out;
    if (c == '\\') {
      out += expand_escape(text);
    } else {
      out += c;
    }
  }
  return out;
}

std::string expand_line(const std::string& line) {
  std::string_view text = line;
  text.remove_prefix(std::min<size_t>(2, text.size()));
  return expand(text, false);
}

Case begin_case(const std::string& file, const std::string& line) {
  Case it{.file = file, .name = line, .verdict = "whole"};
  it.response = line.starts_with("response ");
  if (!it.response) return it;
  const std::string rest = line.substr(9);
  const std::string word = rest.substr(0, rest.find(' '));
  if (word == "websocket") {
    it.request = {http::Method::kGet, "websocket"};
  } else {
    it.request = {http::method_of(word), {}};
  }
  return it;
}

void read_file(const std::filesystem::path& path, std::vector<Case>& cases) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("request ") || line.starts_with("response ")) {
      cases.push_back(begin_case(path.filename(), line));
    } else if (line.starts_with("<")) {
      cases.back().input += expand_line(line);
    } else if (line.starts_with(">")) {
      cases.back().forwarded += expand_line(line);
    } else if (line.starts_with("= ")) {
      cases.back().verdict = line.substr(2);
    } else if (!line.empty() && !line.starts_with("#")) {
      throw std::runtime_error("a line of the corpus that is none: " + line);
    }
  }
}

std::string take_text(tcp::Pieces& pieces, tcp::Chain& chain) {
  std::string text(chain.bytes, '\0');
  pieces.copy_out(chain, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  pieces.free(chain);
  return text;
}

}  // namespace

const std::vector<Case>& corpus() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(CORPUS))
      if (entry.path().extension() == ".txt") paths.push_back(entry.path());
    std::ranges::sort(paths);
    for (const auto& path : paths) read_file(path, all);
    return all;
  }();
  return cases;
}

Connection::Connection(const Case& which, const http::Limits& limits)
    : case_(which), limits_(limits), memory_(http1::arena_bytes(limits)), message_(memory_) {
  start();
}

Connection::~Connection() {
  for (tcp::Chain* chain : {&in_, &body_, &out_}) pieces_.free(*chain);
}

void Connection::start() {
  in_body_ = false;
  if (case_.response) {
    head_.start_response(message_, limits_, case_.request);
  } else {
    head_.start_request(message_, limits_);
  }
}

void Connection::refuse(http::Refusal refusal) {
  verdict_ = "refused " + std::string(name_of(refusal));
  stopped_ = true;
}

void Connection::feed(std::string_view bytes) {
  if (stopped_) return;
  pieces_.append_copy(in_, http::bytes_of(bytes));
  advance();
}

void Connection::feed(tcp::Chain& chain) {
  if (stopped_) return pieces_.free(chain);
  // Not joined, which may copy: the bytes are to be read where they are.
  while (in_.empty() && !chain.empty()) in_ = std::move(chain);
  pieces_.join(in_, chain);
  advance();
}

void Connection::advance() {
  while (!stopped_ && !in_.empty()) {
    if (answered_) return refuse(http::Refusal::kUnaskedResponse);
    if (!in_body_ ? !read_head() : !read_body()) return;
  }
}

bool Connection::read_head() {
  const http1::Progress progress = http1::read_head(head_, pieces_, in_);
  if (progress == http1::Progress::kMore) return false;
  if (progress == http1::Progress::kRefused) {
    refuse(head_.refusal());
    return false;
  }
  in_body_ = true;
  raw_ = message_.body.kind == http::BodyKind::kTunnel;
  body_reader_.start(message_, limits_);
  return read_body();
}

bool Connection::read_body() {
  const http1::Progress progress = http1::read_body(body_reader_, pieces_, in_, body_, UINT32_MAX);
  if (progress == http1::Progress::kRefused) refuse(body_reader_.refusal());
  if (progress == http1::Progress::kDone) end_message();
  return progress == http1::Progress::kDone;
}

void Connection::write_head() {
  const http1::Receiver to{.method = case_.request.method};
  if (case_.response) {
    http1::write_response(message_, to, pieces_, out_);
  } else {
    http1::write_request(message_, pieces_, out_);
  }
}

void Connection::end_message() {
  write_head();
  const http1::Receiver to{.method = case_.request.method};
  http1::BodyWriter writer;
  writer.start(
      case_.response ? http1::response_coding(message_, to) : http1::request_coding(message_),
      message_.body);
  if (raw_) {
    pieces_.join(out_, body_);
    verdict_ = "tunnel";
    stopped_ = true;
    return;
  }
  HEDDLE_CHECK(writer.write(body_, pieces_, out_) == http1::BodyWriter::Written::kAll, "write");
  HEDDLE_CHECK(writer.finish(message_.trailers, pieces_, out_) == http1::BodyWriter::Ended::kWhole,
               "finish");
  if (message_.is_interim()) return start();
  if (!message_.persistent) {
    verdict_ = "close";
    stopped_ = true;
  } else if (case_.response) {
    answered_ = true;
  } else {
    start();
  }
}

Outcome Connection::close() {
  if (answered_) return {take_text(pieces_, out_), verdict_};
  if (!stopped_ && in_body_) {
    if (body_reader_.end_of_input() == http1::Progress::kDone) {
      end_message();
    } else {
      refuse(body_reader_.refusal());
    }
  } else if (!stopped_ && (head_.begun() || case_.response)) {
    refuse(http::Refusal::kTruncated);
  }
  return {take_text(pieces_, out_), verdict_};
}

Outcome run(const Case& which, const std::vector<size_t>& cuts) {
  Connection connection(which);
  size_t at = 0;
  for (const size_t cut : cuts) {
    connection.feed(std::string_view(which.input).substr(at, cut - at));
    at = cut;
  }
  connection.feed(std::string_view(which.input).substr(at));
  return connection.close();
}

}  // namespace heddle::test
