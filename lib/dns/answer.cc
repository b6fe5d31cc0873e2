#include "dns/answer.h"

#include <algorithm>

#include "dns/reverse.h"
#include "writer.h"

namespace heddle::dns {
namespace {

constexpr uint16_t kOwnFlags = kFlagAuthoritative;
using Place = Names::Place;

Answer finish(Writer& out, Outcome outcome, Rcode rcode, uint16_t flags) {
  return {outcome, Refusal::kNone, out.finish(rcode, flags)};
}

// The zone's SOA: one of an answer, or what says how long there is none (RFC 2308 3 and 5).
void put_soa(Writer& out, NameView zone, uint32_t serial) {
  out.put_record(zone, Type::kSoa, kNegativeTtl);
  const size_t begin = out.begin_data();
  out.put_label("ns");
  out.put_label("dns");
  out.put_pointer(zone);
  out.put_label("hostmaster");
  out.put_pointer(zone);
  out.put32(serial);
  out.put32(7'200);  // refresh, retry and expire are for secondaries, of which there are none
  out.put32(1'800);
  out.put32(86'400);
  out.put32(kNegativeTtl);
  out.end_data(begin);
}

// Without a zone, as of short names, there is none whose SOA could say how long it is so
// (RFC 2308 2.2, type 3): it is not kept.
Answer negative(const Query& query, const Place& place, uint32_t serial, Outcome outcome,
                std::span<uint8_t> to) {
  Writer out(query, to);
  if (place.zone) {
    put_soa(out, place.zone, serial);
    out.set_authorities(1);
  }
  return finish(out, outcome, outcome == Outcome::kNoName ? Rcode::kNxDomain : Rcode::kNoError,
                kOwnFlags);
}

template <class Address>
Answer addresses(const Query& query, std::span<const Address> all, Type type, uint32_t random,
                 std::span<uint8_t> to) {
  constexpr size_t kRecord = 12 + Address::kSize;
  Writer out(query, to);
  const size_t count = std::min(all.size(), out.left() / kRecord);
  const size_t first = random % all.size();
  for (size_t i = 0; i < count; ++i) {
    out.put_record(query.name, type, kAnswerTtl);
    out.put16(Address::kSize);
    out.put(all[(first + i) % all.size()].bytes());
  }
  out.set_answers(static_cast<uint16_t>(count));
  const bool whole = count == all.size();
  return finish(out, whole ? Outcome::kAnswered : Outcome::kTruncated, Rcode::kNoError,
                static_cast<uint16_t>(kOwnFlags | (whole ? 0 : kFlagTruncated)));
}

// To ANY: "ask for what you want" (RFC 8482 4.2).
Answer any(const Query& query, std::span<uint8_t> to) {
  Writer out(query, to);
  out.put_record(query.name, Type::kHinfo, kAnswerTtl);
  const size_t begin = out.begin_data();
  out.put_label("RFC8482");
  out.put_label("");
  out.end_data(begin);
  out.set_answers(1);
  return finish(out, Outcome::kAnswered, Rcode::kNoError, kOwnFlags);
}

Answer pointer(const Query& query, const Names& names, const Names::Service& service,
               std::span<uint8_t> to) {
  Writer out(query, to);
  out.put_record(query.name, Type::kPtr, kAnswerTtl);
  const size_t begin = out.begin_data();
  out.put_label(service.service);
  out.put_label(service.ns);
  out.put(names.suffix().name().bytes());
  out.end_data(begin);
  out.set_answers(1);
  return finish(out, Outcome::kAnswered, Rcode::kNoError, kOwnFlags);
}

Answer soa(const Query& query, uint32_t serial, std::span<uint8_t> to) {
  Writer out(query, to);
  put_soa(out, query.name, serial);
  out.set_answers(1);
  return finish(out, Outcome::kAnswered, Rcode::kNoError, kOwnFlags);
}

Answer answer_in_mesh(const Query& query, const Names& names, const Place& place, uint32_t random,
                      std::span<uint8_t> to) {
  const auto no = [&](Outcome outcome) {
    return negative(query, place, names.serial(), outcome, to);
  };
  if (query.klass != Class::kIn) return refuse(query, Refusal::kClass, to);
  if (place.kind == Place::Kind::kNone) return no(Outcome::kNoName);
  if (query.type == Type::kAny) return any(query, to);
  if (place.kind == Place::Kind::kNode) {
    const bool top = place.zone.bytes().data() == query.name.bytes().data();
    return top && query.type == Type::kSoa ? soa(query, names.serial(), to) : no(Outcome::kNoData);
  }
  const Names::Service& service = place.service;
  if (query.type == Type::kA && !service.addresses4.empty())
    return addresses(query, service.addresses4, Type::kA, random, to);
  if (query.type == Type::kAaaa && !service.addresses6.empty())
    return addresses(query, service.addresses6, Type::kAaaa, random, to);
  return no(Outcome::kNoData);
}

}  // namespace

Answer answer(std::span<const uint8_t> message, const Names& names, std::string_view ns,
              uint32_t random, std::span<uint8_t> out, Query& query) {
  if (const Refusal refusal = parse_query(message, query); refusal != Refusal::kNone)
    return refuse(query, refusal, out);
  if (query.type == Type::kAxfr || query.type == Type::kIxfr)
    return refuse(query, Refusal::kTransfer, out);
  const Place place = names.find(query.name, ns);
  // A short name is only of the mesh where it may be.
  const bool elsewhere = place.kind == Place::Kind::kElsewhere ||
                         (place.kind == Place::Kind::kShort && query.klass != Class::kIn);
  if (!elsewhere) return answer_in_mesh(query, names, place, random, out);
  if (query.type == Type::kPtr && query.klass == Class::kIn) {
    if (const auto address = address_of(query.name)) {
      if (const auto service = names.find_address(*address))
        return pointer(query, names, *service, out);
    }
  }
  return {.outcome = Outcome::kForward};
}

Answer refuse(const Query& query, Refusal refusal, std::span<uint8_t> to) {
  const RefusalText& text = text_of(refusal);
  if (!text.answered) return {Outcome::kSilence, refusal, 0};
  Writer out(query, to);
  return {Outcome::kRefused, refusal, out.finish(text.rcode, 0)};
}

}  // namespace heddle::dns
