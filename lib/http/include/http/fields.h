// The fields of a head or of trailers, in the order in which they came (RFC 9110 5). Names are
// lower case; values have no blanks around them. Text and table live in the message's arena.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/arena.h"
#include "http/field_id.h"

namespace heddle::http {

struct Field {
  Text name;  // unused when the id is known
  Text value;
  FieldId id = FieldId::kOther;
  bool secret = false;  // never to be remembered by HPACK, on any hop (RFC 7541 6.2.3)
};

static_assert(sizeof(Field) == 10);

class Fields {
 public:
  Fields() = default;
  explicit Fields(Arena& arena) : arena_(&arena) {}

  uint16_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  // i < size(); stays where it is until clear().
  const Field& operator[](uint16_t i) const { return *(first_ - i); }
  std::string_view name(const Field& field) const {
    return field.id == FieldId::kOther ? arena_->view(field.name) : name_of(field.id);
  }
  std::string_view value(const Field& field) const { return arena_->view(field.value); }

  // Appends. False when the arena is full, or its table has been continued by other fields. The
  // caller has made sure that name and value are legal; letters of the name may be of either case.
  bool add(std::string_view name, std::string_view value);
  bool add(FieldId id, std::string_view value);
  // The last field's value is the text at the arena's top; size <= room.
  bool add_in_place(FieldId id, Text name, uint16_t value_size);

  // The first of this name, or null.
  const Field* find(FieldId id) const;
  const Field* find(std::string_view name) const;
  // The first value of this name, or nothing.
  std::string_view value(FieldId id) const {
    const Field* field = find(id);
    return field == nullptr ? std::string_view{} : value(*field);
  }

  // Makes `to` these as they are now, whatever becomes of them; none can be added to it. False: the
  // arena is full.
  [[nodiscard]] bool save(Fields& to) const;
  // Keeps room for `n` more, whatever else the arena is used for. False: there is none.
  bool reserve(uint16_t n);
  // Replaces all fields of this name by one, at the first one's place or at the end.
  bool set(FieldId id, std::string_view value);
  bool set(std::string_view name, std::string_view value);
  // Takes away all that match, and returns how many; the others keep their order.
  template <class Match>
  uint16_t remove_if(Match&& match) {
    uint16_t kept = 0;
    for (uint16_t i = 0; i < count_; ++i) {
      const Field field = (*this)[i];
      if (match(field)) continue;
      *(first_ - kept++) = field;
    }
    const auto removed = static_cast<uint16_t>(count_ - kept);
    count_ = kept;
    return removed;
  }
  uint16_t remove(FieldId id) {
    return remove_if([&](const Field& field) { return field.id == id; });
  }
  uint16_t remove(std::string_view name);

  void mark_secret(uint16_t i) { (first_ - i)->secret = true; }

 private:
  bool push(const Field& field);
  bool replace(const Field* at, std::string_view value);

  Arena* arena_ = nullptr;
  Field* first_ = nullptr;  // the table grows downwards
  uint16_t count_ = 0;
  uint16_t slots_ = 0;  // entries that were ever pushed; removed ones are used again
};

}  // namespace heddle::http
