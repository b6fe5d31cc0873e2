// PlainSink: a document for people, as YAML without quotes. It cannot be read back.
#pragma once

#include <vector>

#include "yaml/sink.h"

namespace heddle::cli {

class PlainSink final : public yaml::Sink {
 public:
  void begin_object() override { open('{'); }
  void end_object() override { levels_.pop_back(); }
  void begin_array(int size) override;
  void end_array() override { levels_.pop_back(); }
  void key(std::string_view name) override;
  void string(std::string_view value) override;
  void literal(std::string_view value) override;
  std::string finish() override;

 private:
  void open(char kind);
  void begin_value();
  void end_line();
  size_t indent() const { return levels_.size() < 2 ? 0 : 2 * (levels_.size() - 1); }

  std::string out_;
  std::vector<char> levels_;  // '{' or '['
  bool line_open_ = false;    // something stands on the last line
};

}  // namespace heddle::cli
