#include "plain_sink.h"

#include "table.h"

namespace heddle::cli {

void PlainSink::end_line() {
  if (line_open_) out_ += '\n';
  line_open_ = false;
}

// An element of a list starts with a dash, on which its own first key may follow.
void PlainSink::begin_value() {
  if (levels_.empty() || levels_.back() != '[') return;
  end_line();
  out_ += std::string(indent(), ' ') + "-";
  line_open_ = true;
}

void PlainSink::open(char kind) {
  begin_value();
  levels_.push_back(kind);
}

void PlainSink::begin_array(int size) {
  open('[');
  if (size == 0) out_ += " none";
}

void PlainSink::key(std::string_view name) {
  if (line_open_ && out_.ends_with('-')) {
    out_ += ' ';
  } else {
    end_line();
    out_ += std::string(indent(), ' ');
  }
  out_ += printable(name) + ':';
  line_open_ = true;
}

void PlainSink::string(std::string_view value) {
  if (value.find('\n') == std::string_view::npos) return literal(value);
  begin_value();
  const std::string margin(indent() + 2, ' ');
  while (!value.empty()) {
    const size_t end = value.find('\n');
    out_ += '\n' + margin + printable(value.substr(0, end));
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
  }
  line_open_ = true;
}

void PlainSink::literal(std::string_view value) {
  begin_value();
  out_ += ' ' + printable(value);
  end_line();
}

std::string PlainSink::finish() {
  end_line();
  return std::move(out_);
}

}  // namespace heddle::cli
