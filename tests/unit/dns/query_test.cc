#include "dns/query.h"

#include <gtest/gtest.h>

#include <functional>

#include "dns/answer.h"
#include "dns_messages.h"

namespace heddle::dns {
namespace {

using test::Ask;
using test::Bytes;

Refusal parse(const Bytes& bytes) {
  // A block of the exact size: the address sanitizer sees what is read behind it.
  const Bytes exact(bytes);
  Query query;
  return parse_query(exact, query);
}

TEST(Query, IsRead) {
  const Bytes bytes = Ask{.name = "Cart.shop.mesh.local",
                          .type = 28,
                          .edns_size = 4096,
                          .dnssec_ok = true,
                          .options = {0, 10, 0, 2, 7, 7, 0, 3, 0, 0}}
                          .bytes();
  Query query;
  ASSERT_EQ(parse_query(bytes, query), Refusal::kNone);
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_EQ(query.type, Type::kAaaa);
  EXPECT_EQ(query.klass, Class::kIn);
  EXPECT_TRUE(query.edns && query.dnssec_ok);
  EXPECT_EQ(query.edns_size, 4096);
  EXPECT_EQ(query.limit(), 1232u);
  EXPECT_EQ(query.name.bytes().size(), test::name_bytes("Cart.shop.mesh.local").size());
  EXPECT_EQ(query.question_end, 12 + query.name.bytes().size() + 4);
}

TEST(Query, SaysHowLongAnAnswerMayBe) {
  const auto limit = [](int size) {
    Query query;
    const Bytes bytes = Ask{.edns_size = size}.bytes();
    EXPECT_EQ(parse_query(bytes, query), Refusal::kNone);
    return query.limit();
  };
  EXPECT_EQ(limit(-1), 512u);
  EXPECT_EQ(limit(0), 512u);  // RFC 6891 6.2.3
  EXPECT_EQ(limit(900), 900u);
  EXPECT_EQ(limit(65'535), 1232u);
}

// One kind of malformed message a row.
TEST(Query, RefusesWhatIsMalformed) {
  struct Row {
    const char* what;
    Refusal refusal;
    std::function<void(Bytes&)> break_it;
    Ask from = {};
  };
  const auto set16 = [](size_t at, unsigned value) {
    return [=](Bytes& b) {
      b[at] = static_cast<uint8_t>(value >> 8);
      b[at + 1] = static_cast<uint8_t>(value);
    };
  };
  const auto cut = [](size_t bytes) { return [=](Bytes& b) { b.resize(b.size() - bytes); }; };
  const auto resize = [](size_t bytes) { return [=](Bytes& b) { b.resize(bytes); }; };
  const auto set = [](size_t at, uint8_t value) { return [=](Bytes& b) { b[at] = value; }; };
  const Ask edns{.edns_size = 1232};
  const std::string long_name = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                std::string(63, 'c') + "." + std::string(61, 'd');
  const Row rows[] = {
      {"nothing", Refusal::kShort, resize(0)},
      {"one byte less than a header", Refusal::kShort, resize(11)},
      {"a response", Refusal::kResponse, set16(2, 0x8100)},
      {"IQUERY", Refusal::kOpcode, set16(2, 1 << 11)},
      {"STATUS", Refusal::kOpcode, set16(2, 2 << 11)},
      {"NOTIFY", Refusal::kOpcode, set16(2, 4 << 11)},
      {"UPDATE", Refusal::kOpcode, set16(2, 5 << 11)},
      {"no question", Refusal::kQuestions, set16(4, 0)},
      {"two questions", Refusal::kQuestions, set16(4, 2)},
      {"a header alone", Refusal::kCut, resize(12)},
      {"an answer", Refusal::kRecords, set16(6, 1)},
      {"an authority", Refusal::kRecords, set16(8, 1)},
      {"a class cut", Refusal::kCut, cut(1)},
      {"no class", Refusal::kCut, cut(2)},
      {"no type", Refusal::kCut, cut(4)},
      {"no root", Refusal::kCut, cut(5)},
      {"a label cut", Refusal::kCut, cut(7)},
      {"a pointer", Refusal::kPointer, set16(12, 0xc00c)},
      {"a pointer to the header", Refusal::kPointer, set16(17, 0xc000)},
      {"an extended label", Refusal::kLabel, set(12, 0x41)},
      {"a label of type 10", Refusal::kLabel, set(12, 0x80)},
      {"a label of 64 bytes", Refusal::kLabel, set(12, 64)},
      {"a name of 256 bytes", Refusal::kName, [](Bytes&) {}, {.name = long_name + "e"}},
      {"a name that does not end", Refusal::kName,
       [](Bytes& b) {
         b.resize(12);
         for (int i = 0; i < 200; ++i) b.insert(b.end(), {1, 'x'});
       }},
      {"a byte behind it", Refusal::kTrailing, [](Bytes& b) { b.push_back(0); }},
      {"a byte behind the OPT", Refusal::kTrailing, [](Bytes& b) { b.push_back(0); }, edns},
      {"an OPT that is not counted", Refusal::kTrailing, set16(10, 0), edns},
      {"a missing OPT", Refusal::kCut, set16(10, 1)},
      {"an OPT cut", Refusal::kCut, cut(1), edns},
      {"two additional records", Refusal::kAdditional, set16(10, 2), edns},
      {"an additional record that is no OPT", Refusal::kAdditional,
       [](Bytes& b) { b[b.size() - 9] = 16; }, edns},
      {"an OPT of a name", Refusal::kAdditional, [](Bytes& b) { b[b.size() - 11] = 1; }, edns},
      {"more options than there are", Refusal::kCut, [](Bytes& b) { b.back() = 1; }, edns},
      {"half an option",
       Refusal::kOptions,
       [](Bytes&) {},
       {.edns_size = 1232, .options = {0, 10, 0}}},
      {"an option past the record",
       Refusal::kOptions,
       [](Bytes&) {},
       {.edns_size = 1232, .options = {0, 10, 0, 3, 1, 2}}},
      {"EDNS version 1",
       Refusal::kVersion,
       [](Bytes&) {},
       {.edns_size = 1232, .edns_version = 1, .options = {1, 2, 3}}},
      {"asks for OPT", Refusal::kQuestionType, [](Bytes&) {}, {.type = 41}},
  };
  for (const Row& row : rows) {
    Bytes bytes = row.from.bytes();
    row.break_it(bytes);
    EXPECT_STREQ(text_of(parse(bytes)).word, text_of(row.refusal).word) << row.what;
  }
}

TEST(Query, TakesTheLongestName) {
  const std::string name = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                           std::string(63, 'c') + "." + std::string(61, 'd');
  EXPECT_EQ(test::name_bytes(name).size(), kMaxName);
  EXPECT_EQ(parse(Ask{.name = name}.bytes()), Refusal::kNone);
  EXPECT_EQ(parse(Ask{.name = "."}.bytes()), Refusal::kNone);
  std::string most_labels;
  for (int i = 0; i < 127; ++i) most_labels += "x.";
  EXPECT_EQ(parse(Ask{.name = most_labels}.bytes()), Refusal::kNone);
  EXPECT_EQ(parse(Ask{.name = most_labels + "x."}.bytes()), Refusal::kName);
}

TEST(Query, CutAnywhereIsRefused) {
  const Bytes whole =
      Ask{.edns_size = 1232, .options = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}}.bytes();
  ASSERT_EQ(parse(whole), Refusal::kNone);
  for (size_t size = 0; size < whole.size(); ++size) {
    const Refusal refusal = parse(Bytes(whole.begin(), whole.begin() + static_cast<int>(size)));
    EXPECT_EQ(refusal, size < 12 ? Refusal::kShort : Refusal::kCut) << size;
  }
}

TEST(Query, RefusalsHaveWords) {
  std::vector<std::string> words;
  for (const RefusalText& text : kRefusalTexts) {
    EXPECT_NE(std::string(text.means), "");
    words.emplace_back(text.word);
  }
  std::ranges::sort(words);
  EXPECT_EQ(std::ranges::adjacent_find(words), words.end());
}

}  // namespace
}  // namespace heddle::dns
