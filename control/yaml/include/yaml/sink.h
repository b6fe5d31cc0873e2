// Sink: takes a document piece by piece and makes JSON or YAML of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace heddle::yaml {

// 64-bit integers are plain numbers in both formats (protobuf's own JSON has them as strings).
class Sink {
 public:
  static std::unique_ptr<Sink> json();
  static std::unique_ptr<Sink> yaml();
  virtual ~Sink() = default;

  virtual void begin_object() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_object() = 0;
  virtual void begin_array(int size) = 0;
  virtual void end_array() = 0;
  virtual void string(std::string_view value) = 0;
  virtual void literal(std::string_view value) = 0;  // a number, true, false or null
  virtual std::string finish() = 0;                  // the whole text, with an end of line
};

}  // namespace heddle::yaml
