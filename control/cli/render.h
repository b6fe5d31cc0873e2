// Messages for programs: JSON and YAML with the fields' own names, every field also at zero.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace heddle::cli {

enum class Format : uint8_t { kTable, kJson, kYaml };

// Takes a document piece by piece. 64-bit integers are plain numbers in both formats (protobuf's
// own JSON has them as strings); infinities and NaN are null.
class Sink {
 public:
  static std::unique_ptr<Sink> make(Format format);  // kJson or kYaml
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

// Writes a message as one object: scalars, repeated scalars, messages and repeated messages.
void write(const google::protobuf::Message& message, Sink& sink);

// A message as a whole document.
std::string render(const google::protobuf::Message& message, Format format);

}  // namespace heddle::cli
