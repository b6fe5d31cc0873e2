#include "yaml/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <exception>
#include <set>
#include <sstream>
#include <utility>

#include "yaml/quote.h"
#include "yaml/utf8.h"

namespace heddle::yaml {
namespace {

// Leaves yaml-cpp's parser, which has no other way to be stopped.
struct Refused {
  Error error;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view file, const Limits& limits) : file_(file), limits_(limits) {}

  Node take() { return std::move(root_); }
  size_t documents() const { return documents_; }
  // What a further document is answered with.
  void only_one() { only_one_ = true; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1 && only_one_)
      refuse(line_of(mark), "a second YAML document starts here; expected one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.line = line_of(mark);
    refuse_anchor(node.line, anchor);
    // yaml-cpp does not pass by what no document begins with, and makes empty documents of it
    // without end.
    if (stack_.empty() && std::exchange(empty_at_, mark.pos) == mark.pos)
      refuse(node.line, "text that no YAML document begins with; expected \"name: value\"");
    // The mark of an absent value is that of the token after it, often on a later line.
    if (!stack_.empty() && stack_.back().has_key) node.line = stack_.back().key_line;
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(line_of(mark), "YAML aliases are not supported; expected the value itself");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.line = line_of(mark);
    node.text = value;
    refuse_anchor(node.line, anchor);
    refuse_tag(node.line, tag);
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::kMap && !stack_.back().has_key)
      set_key(std::move(node));
    else
      add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::set<std::string> keys{};
    bool has_key = false;
    std::string key{};
    int key_line = 0;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  // Where the parser stands, as "ports[1].name"; empty at the root.
  std::string path() const {
    std::string path;
    for (const Frame& frame : stack_) {
      if (frame.node.kind == Node::Kind::kList)
        path += fmt::format("[{}]", frame.node.children.size());
      else if (frame.has_key)
        path += fmt::format("{}{}", path.empty() ? "" : ".", printable(frame.key));
    }
    return path;
  }

  [[noreturn]] void refuse(int line, std::string_view what) const {
    const std::string at = path();
    throw Refused{
        Error{fmt::format("{}:{}: {}{}{}", file_, line, at, at.empty() ? "" : ": ", what)}};
  }

  void refuse_anchor(int line, YAML::anchor_t anchor) const {
    if (anchor != 0) refuse(line, "YAML anchors are not supported; expected a plain value");
  }

  // "?" is a node without a tag, "!" a quoted scalar without one.
  void refuse_tag(int line, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse(line, "YAML tags are not supported; expected a plain value");
  }

  void set_key(Node key) {
    Frame& map = stack_.back();
    map.has_key = true;
    map.key = std::move(key.text);
    map.key_line = key.line;
    if (!map.keys.insert(map.key).second)
      refuse(key.line, "given twice in this map; expected once");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    Node node;
    node.kind = kind;
    node.line = line_of(mark);
    refuse_anchor(node.line, anchor);
    refuse_tag(node.line, tag);
    refuse_as_key(node.line);
    if (stack_.size() >= limits_.depth)
      refuse(node.line, fmt::format("nested too deep; expected at most {} levels", limits_.depth));
    stack_.push_back(Frame{.node = std::move(node)});
  }

  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    add(std::move(node));
  }

  void refuse_as_key(int line) const {
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::kMap && !stack_.back().has_key)
      refuse(line, "a key that is not plain text; expected \"name: value\"");
  }

  void add(Node node) {
    if (++nodes_ > limits_.nodes)
      refuse(node.line, fmt::format("too many values; expected at most {}", limits_.nodes));
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    refuse_as_key(node.line);
    Frame& parent = stack_.back();
    if (parent.node.kind == Node::Kind::kMap) {
      node.key = std::move(parent.key);
      node.key_line = parent.key_line;
      parent.has_key = false;
    }
    parent.node.children.push_back(std::move(node));
  }

  std::string_view file_;
  Limits limits_;
  std::vector<Frame> stack_;
  Node root_;
  size_t nodes_ = 0;
  size_t documents_ = 0;
  int empty_at_ = -1;  // where the last empty document was seen
  bool only_one_ = false;
};

// yaml-cpp reads a control character as text or as the end of the file, and it would reach
// messages; bytes that start UTF-16 and UTF-32 would be taken for those.
Result<> check_characters(std::string_view text, std::string_view file, const Limits& limits) {
  if (text.size() > limits.bytes)
    return fail("{}:1: the file has {} bytes; expected at most {}", file, text.size(),
                limits.bytes);
  int line = 1;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool blank = byte == '\n' || byte == '\r' || byte == '\t';
    const size_t length = byte < 0x80 ? 1 : utf8_length(text.substr(at, 4));
    if ((byte < 0x20 && !blank) || byte == 0x7f || length == 0)
      return fail("{}:{}: byte 0x{:02x}; expected UTF-8 text", file, line, byte);
    if (byte == '\n') ++line;
    at += length;
  }
  return {};
}

// Feeds one document after the other to the builder, and each to `visit`.
Result<> parse(std::string_view text, std::string_view file, TreeBuilder& builder,
               const std::function<void(Node)>& visit) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) visit(builder.take());
    return {};
  } catch (const Refused& refused) {
    return std::unexpected(refused.error);
  } catch (const YAML::Exception& error) {
    return fail("{}:{}:{}: not valid YAML: {}; expected YAML 1.2", file, error.mark.line + 1,
                error.mark.column + 1, printable(error.msg));
  } catch (const std::exception& error) {
    return fail("{}:1: cannot parse: {}; expected YAML 1.2", file, printable(error.what()));
  }
}

}  // namespace

Result<Node> parse_document(std::string_view text, std::string_view file, const Limits& limits,
                            std::string_view expected) {
  HEDDLE_TRY(check_characters(text, file, limits));
  TreeBuilder builder(file, limits);
  builder.only_one();
  Node root;
  HEDDLE_TRY(parse(text, file, builder, [&](Node node) { root = std::move(node); }));
  if (builder.documents() == 0) return fail("{}:1: the file is empty; expected {}", file, expected);
  return root;
}

Result<> parse_documents(std::string_view text, std::string_view file, const Limits& limits,
                         const std::function<void(Node)>& visit) {
  HEDDLE_TRY(check_characters(text, file, limits));
  TreeBuilder builder(file, limits);
  return parse(text, file, builder, visit);
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "empty";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

std::optional<uint64_t> parse_number(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between = i > 0 && i + 1 < text.size() && text[i - 1] != '_';
    if (text[i] == '_' && between) continue;
    if (text[i] < '0' || text[i] > '9') return {};
    digits += text[i];
  }
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end || digits.empty()) return {};
  return value;
}

}  // namespace heddle::yaml
