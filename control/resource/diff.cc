#include "resource/diff.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <map>

#include "core/check.h"
#include "list_keys.h"
#include "resource/kinds.h"
#include "resource/values.h"
#include "yaml/quote.h"

namespace heddle::resource {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kMaxFields = 100;

// The bytes of a message, equal for equal maps too.
void serialize(const Message& message, std::string& out) {
  out.clear();
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
}

// The same field of both messages.
struct Both {
  const Message& before;
  const Message& after;
  const FieldDescriptor* field;

  Element old_at(int at) const { return {before, field, at}; }
  Element new_at(int at) const { return {after, field, at}; }
  int old_size() const { return before.GetReflection()->FieldSize(before, field); }
  int new_size() const { return after.GetReflection()->FieldSize(after, field); }
};

// What is between the equal ends of two lists: both begin at the same index.
struct Middle {
  int begin, old_end, new_end;
};

class Differ {
 public:
  explicit Differ(v1::ResourceChange& change) : change_(change) {}

  void messages(const Message& before, const Message& after) {
    for (int i = 0; i < before.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = before.GetDescriptor()->field(i);
      const Both both{before, after, field};
      const size_t parent = enter(field->name());
      if (field->is_map()) {
        maps(both);
      } else if (field->is_repeated()) {
        lists(both);
      } else {
        singles(both);
      }
      path_.resize(parent);
    }
  }

  // What follows is told below this path; the length of the path before.
  size_t enter(std::string_view name) {
    const size_t parent = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += yaml::printable(name);
    return parent;
  }
  void leave(size_t parent) { path_.resize(parent); }

  void maps(const Both& both) {
    const auto old_keys = sorted_keys(both.before, *both.field);
    const auto new_keys = sorted_keys(both.after, *both.field);
    const FieldDescriptor* value = both.field->message_type()->map_value();
    auto a = old_keys.begin();
    auto b = new_keys.begin();
    while (a != old_keys.end() || b != new_keys.end()) {
      const bool only_old = b == new_keys.end() || (a != old_keys.end() && a->first < b->first);
      const bool only_new = a == old_keys.end() || (b != new_keys.end() && b->first < a->first);
      const size_t parent = enter(only_new ? b->first : a->first);
      if (only_old) {
        removed({both.old_at(a++->second).as_message(), value});
      } else if (only_new) {
        added({both.new_at(b++->second).as_message(), value});
      } else {
        elements({both.old_at(a++->second).as_message(), value},
                 {both.new_at(b++->second).as_message(), value});
      }
      leave(parent);
    }
  }

 private:
  bool equal(const Element& a, const Element& b) {
    if (a.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return text_of(a) == text_of(b);
    const Message& before = a.as_message();
    const Message& after = b.as_message();
    if (before.ByteSizeLong() != after.ByteSizeLong()) return false;
    serialize(before, old_bytes_);
    serialize(after, new_bytes_);
    return old_bytes_ == new_bytes_;
  }

  void singles(const Both& both) {
    const bool had = both.before.GetReflection()->HasField(both.before, both.field);
    const bool has = both.after.GetReflection()->HasField(both.after, both.field);
    if (had && has) return elements(both.old_at(0), both.new_at(0));
    if (had) removed(both.old_at(0));
    if (has) added(both.new_at(0));
  }

  // Of something that is on both sides.
  void elements(const Element& before, const Element& after) {
    if (equal(before, after)) return;
    const bool deeper =
        before.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !is_value(*before.field);
    if (deeper) return messages(before.as_message(), after.as_message());
    if (v1::FieldChange* told = tell()) {
      told->set_old_value(summary_of(before));
      told->set_new_value(summary_of(after));
    }
  }

  // What is equal at both ends is left out, so that one element put in is one change.
  void lists(const Both& both) {
    const int least = std::min(both.old_size(), both.new_size());
    int front = 0, back = 0;
    while (front < least && equal(both.old_at(front), both.new_at(front))) ++front;
    const auto old_back = [&] { return both.old_at(both.old_size() - 1 - back); };
    const auto new_back = [&] { return both.new_at(both.new_size() - 1 - back); };
    while (back < least - front && equal(old_back(), new_back())) ++back;
    const Middle middle{front, both.old_size() - back, both.new_size() - back};
    if (middle.old_end == front && middle.new_end == front) return;
    const bool of_messages = both.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const auto key = of_messages ? list_key(both.before, both.after, *both.field) : std::nullopt;
    key ? by_key(both, middle, *key) : by_index(both, middle);
  }

  void by_index(const Both& both, Middle middle) {
    for (int i = middle.begin; i < std::max(middle.old_end, middle.new_end); ++i) {
      const size_t parent = path_.size();
      path_ += fmt::format("[{}]", i);
      if (i >= middle.new_end) {
        removed(both.old_at(i));
      } else if (i >= middle.old_end) {
        added(both.new_at(i));
      } else {
        elements(both.old_at(i), both.new_at(i));
      }
      leave(parent);
    }
  }

  void by_key(const Both& both, Middle middle, const ListKey& key) {
    std::map<std::string, int> old_places;
    for (int i = middle.begin; i < middle.old_end; ++i)
      old_places[key(both.old_at(i).as_message())] = i;
    int last = -1;
    bool moved = false;
    for (int i = middle.begin; i < middle.new_end; ++i) {
      const std::string name = key(both.new_at(i).as_message());
      const size_t parent = path_.size();
      path_ += fmt::format("[{}]", yaml::printable(name));
      if (const auto at = old_places.find(name); at == old_places.end()) {
        added(both.new_at(i));
      } else {
        elements(both.old_at(at->second), both.new_at(i));
        moved = moved || at->second < last;
        last = at->second;
        old_places.erase(at);
      }
      leave(parent);
    }
    std::vector<std::pair<int, std::string>> gone;
    for (const auto& [name, at] : old_places) gone.emplace_back(at, name);
    std::ranges::sort(gone);
    for (const auto& [at, name] : gone) {
      const size_t parent = path_.size();
      path_ += fmt::format("[{}]", yaml::printable(name));
      removed(both.old_at(at));
      leave(parent);
    }
    if (moved) reordered();
  }

  void reordered() {
    if (v1::FieldChange* told = tell()) {
      told->set_old_value("in the order before");
      told->set_new_value("in another order");
    }
  }
  void added(const Element& element) {
    if (v1::FieldChange* told = tell()) {
      told->set_added(true);
      told->set_new_value(summary_of(element));
    }
  }
  void removed(const Element& element) {
    if (v1::FieldChange* told = tell()) {
      told->set_removed(true);
      told->set_old_value(summary_of(element));
    }
  }

  // Where to write about the field that is at path_; nullptr when there is no more room.
  v1::FieldChange* tell() {
    if (change_.fields_size() >= kMaxFields) {
      change_.set_more_fields(change_.more_fields() + 1);
      return nullptr;
    }
    v1::FieldChange* told = change_.add_fields();
    told->set_path(path_);
    return told;
  }

  v1::ResourceChange& change_;
  std::string path_;
  std::string old_bytes_, new_bytes_;
};

}  // namespace

bool same(const Message& a, const Message& b) {
  if (a.ByteSizeLong() != b.ByteSizeLong()) return false;
  std::string a_bytes, b_bytes;
  serialize(a, a_bytes);
  serialize(b, b_bytes);
  return a_bytes == b_bytes;
}

void diff(const v1::Resource& before, const v1::Resource& after, v1::ResourceChange& change) {
  HEDDLE_CHECK(kind_of(before) != nullptr && kind_of(before) == kind_of(after),
               "only resources of one key are compared");
  if (same(before, after)) return;
  Differ differ(change);
  const size_t root = differ.enter("metadata");
  differ.enter("labels");
  differ.maps({before.metadata(), after.metadata(),
               v1::Metadata::descriptor()->FindFieldByNumber(v1::Metadata::kLabelsFieldNumber)});
  differ.leave(root);
  differ.messages(spec_of(before), spec_of(after));
}

}  // namespace heddle::resource
