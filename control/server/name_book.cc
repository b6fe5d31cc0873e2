#include "name_book.h"

#include <chrono>

namespace heddle::server {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(200);

}  // namespace

NameBook::NameBook(Engine* engine) : engine_(engine) {
  if (engine != nullptr)
    asked_.emplace(*engine, [](Engine& of) -> Names { return of.request_names(); });
}

bool NameBook::are_new(const RequestNames& names) const {
  return engine_ == nullptr || names.version == engine_->published();
}

NameBook::Names NameBook::newest() {
  if (!asked_) return none_;
  const Names newest = or_none(asked_->newest());
  if (!are_new(*newest)) asked_->ask();
  return newest;
}

NameBook::Names NameBook::names() {
  if (!asked_) return none_;
  if (const Names newest = asked_->newest(); newest != nullptr && are_new(*newest)) return newest;
  asked_->wait(kPatience);
  return or_none(asked_->newest());
}

}  // namespace heddle::server
