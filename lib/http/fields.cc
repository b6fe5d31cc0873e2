#include "http/fields.h"

#include <memory>

#include "http/chars.h"
#include "http/scan.h"

namespace heddle::http {

bool Fields::push(const Field& field) {
  if (count_ < slots_) {
    *(first_ - count_++) = field;
    return true;
  }
  void* place = arena_->push(sizeof(Field));
  if (place == nullptr) return false;
  auto* entry = static_cast<Field*>(place);
  if (first_ == nullptr) first_ = entry;
  // Someone else's entries lie between: this table cannot grow any more.
  if (entry != first_ - count_) return false;
  *entry = field;
  ++count_;
  ++slots_;
  return true;
}

// Among the text, where it is in no table's way.
bool Fields::save(Fields& to) const {
  to = Fields(*arena_);
  if (count_ == 0) return true;
  const auto odd =
      static_cast<uint32_t>(reinterpret_cast<uintptr_t>(arena_->top()) % alignof(Field));
  const auto size = static_cast<uint32_t>(count_ * sizeof(Field));
  if (odd + size > arena_->room()) return false;
  arena_->keep(odd);
  auto* last = reinterpret_cast<Field*>(arena_->top());
  std::uninitialized_copy_n(first_ - (count_ - 1), count_, last);
  arena_->keep(size);
  to.first_ = last + (count_ - 1);
  to.count_ = to.slots_ = count_;
  return true;
}

bool Fields::reserve(uint16_t n) {
  const auto spare = static_cast<uint16_t>(slots_ - count_);
  if (spare >= n) return true;
  const auto more = static_cast<uint16_t>(n - spare);
  void* place = arena_->push(more * sizeof(Field));
  if (place == nullptr) return false;
  Field* entry = static_cast<Field*>(place) + (more - 1);
  if (first_ == nullptr) first_ = entry;
  // Someone else's entries lie between: this table cannot grow any more.
  if (entry != first_ - slots_) return false;
  slots_ = static_cast<uint16_t>(slots_ + more);
  return true;
}

bool Fields::add(std::string_view name, std::string_view value) {
  const FieldId id = field_id_of(name);
  if (id != FieldId::kOther) return add(id, value);
  if (name.size() + value.size() + sizeof(Field) > arena_->room()) return false;
  scan::copy_lower(arena_->top(), name.data(), name.size());
  Field field{.name = arena_->keep(static_cast<uint32_t>(name.size()))};
  arena_->store(value, field.value);
  return push(field);
}

bool Fields::add(FieldId id, std::string_view value) {
  if (value.size() + sizeof(Field) > arena_->room()) return false;
  Field field{.id = id, .secret = is_secret(id)};
  arena_->store(value, field.value);
  return push(field);
}

bool Fields::add_in_place(FieldId id, Text name, uint16_t value_size) {
  if (value_size + sizeof(Field) > arena_->room()) return false;
  return push({.name = name, .value = arena_->keep(value_size), .id = id, .secret = is_secret(id)});
}

const Field* Fields::find(FieldId id) const {
  for (uint16_t i = 0; i < count_; ++i)
    if ((*this)[i].id == id) return &(*this)[i];
  return nullptr;
}

const Field* Fields::find(std::string_view wanted) const {
  const FieldId id = field_id_of(wanted);
  if (id != FieldId::kOther) return find(id);
  for (uint16_t i = 0; i < count_; ++i) {
    const Field& field = (*this)[i];
    if (field.id == FieldId::kOther && same_ignoring_case(name(field), wanted)) return &field;
  }
  return nullptr;
}

bool Fields::replace(const Field* at, std::string_view value) {
  Text stored;
  if (!arena_->store(value, stored)) return false;
  const auto place = static_cast<uint16_t>(first_ - at);
  (first_ - place)->value = stored;
  const Field kept = *at;
  uint16_t i = 0;
  remove_if([&](const Field& field) {
    const uint16_t index = i++;
    if (index == place || field.id != kept.id) return false;
    return kept.id != FieldId::kOther || name(field) == name(kept);
  });
  return true;
}

bool Fields::set(FieldId id, std::string_view value) {
  const Field* field = find(id);
  return field == nullptr ? add(id, value) : replace(field, value);
}

bool Fields::set(std::string_view name, std::string_view value) {
  const Field* field = find(name);
  return field == nullptr ? add(name, value) : replace(field, value);
}

uint16_t Fields::remove(std::string_view wanted) {
  const FieldId id = field_id_of(wanted);
  if (id != FieldId::kOther) return remove(id);
  return remove_if([&](const Field& field) {
    return field.id == FieldId::kOther && same_ignoring_case(name(field), wanted);
  });
}

}  // namespace heddle::http
