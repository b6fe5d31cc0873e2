// Why a query is not answered with what it asks for. Each has a word for counters and a sentence.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dns/format.h"

namespace heddle::dns {

enum class Refusal : uint8_t {
  kNone,
  // Silence: there is nobody to answer, or an answer would answer an answer.
  kShort,
  kResponse,
  // Not a query as it has to be.
  kOpcode,
  kQuestions,
  kRecords,
  kCut,
  kLabel,
  kPointer,
  kName,
  kAdditional,
  kOptions,
  kTrailing,
  // A query that is not answered.
  kVersion,
  kQuestionType,
  kTransfer,
  kClass,
  kNowhere,
};
inline constexpr size_t kRefusals = 18;

struct RefusalText {
  const char* word;
  const char* means;
  bool answered;  // with `rcode`; false: not at all
  Rcode rcode;
};

inline constexpr std::array<RefusalText, kRefusals> kRefusalTexts{{
    {"none", "not refused", false, Rcode::kNoError},
    {"short", "fewer bytes than the header of a message", false, Rcode::kNoError},
    {"response", "a response, where queries are taken", false, Rcode::kNoError},
    {"opcode", "another operation than a query", true, Rcode::kNotImp},
    {"questions", "not exactly one question (RFC 9619)", true, Rcode::kFormErr},
    {"records", "a query with answers or authorities", true, Rcode::kFormErr},
    {"cut", "ends within its question or a record", true, Rcode::kFormErr},
    {"label", "a label of a type that is not used (RFC 6891 5)", true, Rcode::kFormErr},
    {"pointer", "a compressed name in a question", true, Rcode::kFormErr},
    {"name", "a name of more than 255 bytes", true, Rcode::kFormErr},
    {"additional", "an additional record that is not the only OPT", true, Rcode::kFormErr},
    {"options", "an OPT record whose options contradict their lengths", true, Rcode::kFormErr},
    {"trailing", "bytes behind the last record", true, Rcode::kFormErr},
    {"version", "a version of EDNS above 0", true, Rcode::kBadVers},
    {"question_type", "asks for a type that only records of a message have", true, Rcode::kFormErr},
    {"transfer", "asks for a whole zone", true, Rcode::kRefused},
    {"class", "a mesh name in another class than IN", true, Rcode::kRefused},
    {"nowhere", "no mesh name, and there are no resolvers", true, Rcode::kRefused},
}};
static_assert(static_cast<size_t>(Refusal::kNowhere) + 1 == kRefusals);

constexpr const RefusalText& text_of(Refusal refusal) {
  return kRefusalTexts[static_cast<size_t>(refusal)];
}

}  // namespace heddle::dns
