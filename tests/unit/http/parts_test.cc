// The parts that a message is made of.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "core/random.h"
#include "http/arena.h"
#include "http/message.h"
#include "http/refusals.h"
#include "http/scan.h"
#include "http/target.h"
#include "seed.h"

namespace heddle::http {
namespace {

TEST(HttpScan, FindsWhatTheSlowTwinFinds) {
  Random random(test_seed());
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random.below(100), 'a');
    for (char& c : text) c = static_cast<char>('a' + random.below(26));
    for (uint32_t n = random.below(3); n > 0 && !text.empty(); --n)
      text[random.below(static_cast<uint32_t>(text.size()))] = static_cast<char>(random.below(256));
    const char* at = text.data();
    const char* end = at + text.size();
    ASSERT_EQ(scan::find_not<Chars::kToken>(at, end),
              scan::scalar::find_not<Chars::kToken>(at, end));
    ASSERT_EQ(scan::find_not<Chars::kTarget>(at, end),
              scan::scalar::find_not<Chars::kTarget>(at, end));
    ASSERT_EQ(scan::find_not_field_text(at, end), scan::scalar::find_not_field_text(at, end));
    std::string fast(text.size(), '?');
    std::string slow(text.size(), '?');
    scan::copy_lower(fast.data(), at, text.size());
    scan::scalar::copy_lower(slow.data(), at, text.size());
    ASSERT_EQ(fast, slow);
    // In place, moved to the front, as a name that was kept with its line is.
    std::string moved = "12" + text;
    scan::copy_lower(moved.data(), moved.data() + 2, text.size());
    ASSERT_EQ(moved.substr(0, text.size()), slow);
  }
}

TEST(HttpScan, KnowsEveryByteAtEveryPlace) {
  for (size_t place = 0; place < 70; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(70, 'a');
      text[place] = static_cast<char>(byte);
      const char* at = text.data();
      const char* end = at + text.size();
      const auto expect = [&](bool fits) { return fits ? end : at + place; };
      ASSERT_EQ(scan::find_not<Chars::kToken>(at, end), expect(is(Chars::kToken, text[place])));
      ASSERT_EQ(scan::find_not<Chars::kTarget>(at, end), expect(is(Chars::kTarget, text[place])));
      ASSERT_EQ(scan::find_not_field_text(at, end), expect(is_field_text(text[place])));
    }
  }
}

TEST(HttpFieldId, KnowsItsNamesInAnyCaseAndNoOthers) {
  for (size_t i = 1; i < kFieldIds; ++i) {
    std::string name(kFieldNames[i]);
    EXPECT_EQ(field_id_of(name), static_cast<FieldId>(i)) << name;
    for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    EXPECT_EQ(field_id_of(name), static_cast<FieldId>(i)) << name;
    // Every other name that is one letter away.
    for (size_t at = 0; at < name.size(); ++at) {
      std::string other = name;
      other[at] = '#';
      EXPECT_EQ(field_id_of(other), FieldId::kOther) << other;
    }
  }
  EXPECT_EQ(field_id_of(""), FieldId::kOther);
  EXPECT_EQ(field_id_of("content\rlength"), FieldId::kOther);
}

std::string text_of(const Fields& fields) {
  std::string all;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    all += std::string(fields.name(fields[i])) + "=" + std::string(fields.value(fields[i])) + ";";
  }
  return all;
}

class HttpFields : public ::testing::Test {
 protected:
  std::array<uint8_t, 512> memory_;
  Message message_{memory_};
  Fields& fields_ = message_.fields;
};

TEST_F(HttpFields, KeepOrderAndLowerNames) {
  ASSERT_TRUE(fields_.add("X-A", "1"));
  ASSERT_TRUE(fields_.add("ACCEPT", "2"));
  ASSERT_TRUE(fields_.add(FieldId::kVia, "3"));
  ASSERT_TRUE(fields_.add("x-a", "4"));
  EXPECT_EQ(text_of(fields_), "x-a=1;accept=2;via=3;x-a=4;");
  EXPECT_EQ(fields_.value(FieldId::kAccept), "2");
  EXPECT_EQ(fields_.value(FieldId::kDate), "");
  ASSERT_NE(fields_.find("X-a"), nullptr);
  EXPECT_EQ(fields_.value(*fields_.find("X-a")), "1");
}

TEST_F(HttpFields, SetReplacesAllOfANameAtTheFirst) {
  for (const char* name : {"x-a", "via", "x-a", "x-b", "via"}) ASSERT_TRUE(fields_.add(name, "1"));
  ASSERT_TRUE(fields_.set("X-A", "2"));
  ASSERT_TRUE(fields_.set(FieldId::kVia, "3"));
  ASSERT_TRUE(fields_.set("x-new", "4"));
  EXPECT_EQ(text_of(fields_), "x-a=2;via=3;x-b=1;x-new=4;");
}

TEST_F(HttpFields, RemovedPlacesAreUsedAgain) {
  for (const char* name : {"x-a", "x-b", "x-a", "te"}) ASSERT_TRUE(fields_.add(name, "1"));
  const uint32_t room = message_.arena().room();
  EXPECT_EQ(fields_.remove("x-A"), 2u);
  EXPECT_EQ(fields_.remove(FieldId::kTe), 1u);
  EXPECT_EQ(fields_.remove("x-none"), 0u);
  ASSERT_TRUE(fields_.add(FieldId::kVia, ""));
  EXPECT_EQ(text_of(fields_), "x-b=1;via=;");
  EXPECT_EQ(message_.arena().room(), room);
}

TEST_F(HttpFields, RefuseWhenTheArenaIsFull) {
  int taken = 0;
  while (fields_.add("x-name", "value")) ++taken;
  EXPECT_GT(taken, 20);
  EXPECT_FALSE(fields_.set("x-name", std::string(600, 'a')));
  EXPECT_EQ(fields_.size(), taken);
}

TEST_F(HttpFields, OfTheHeadEndWhereTrailersBegin) {
  ASSERT_TRUE(fields_.add("x-a", "1"));
  ASSERT_TRUE(message_.trailers.add("x-t", "1"));
  EXPECT_FALSE(fields_.add("x-b", "2"));
  ASSERT_TRUE(fields_.set("x-a", "3"));
  EXPECT_EQ(text_of(fields_), "x-a=3;");
  EXPECT_EQ(text_of(message_.trailers), "x-t=1;");
}

TEST(HttpArenaPool, GivesEachBlockOnce) {
  ArenaPool pool(3, 100);
  const uint32_t a = pool.take();
  const uint32_t b = pool.take();
  const uint32_t c = pool.take();
  EXPECT_TRUE(a != b && b != c && a != c);
  EXPECT_EQ(pool.take(), kNoSlot);
  EXPECT_EQ(pool[a].size(), 128u);
  pool.give_back(b);
  EXPECT_EQ(pool.take(), b);
}

TEST(HttpFieldsReserve, KeepsRoomWhateverComesBetween) {
  std::vector<uint8_t> memory(1024);
  Arena arena(memory);
  Fields head(arena), trailers(arena);
  ASSERT_TRUE(head.add("a", "1") && head.add("b", "2"));
  EXPECT_EQ(head.remove("a"), 1u);
  ASSERT_TRUE(head.reserve(3));  // one of them is the place of what was removed
  ASSERT_TRUE(trailers.add("t", "1"));
  for (const char* name : {"c", "d", "e"}) EXPECT_TRUE(head.add(name, "3")) << name;
  EXPECT_FALSE(head.add("f", "3")) << "the trailers' entries lie there";
  EXPECT_FALSE(head.reserve(1));
  ASSERT_EQ(head.size(), 4u);
  EXPECT_EQ(head.name(head[0]), "b");
  EXPECT_EQ(head.name(head[3]), "e");
  EXPECT_EQ(trailers.name(trailers[0]), "t");
}

TEST(HttpFieldsReserve, TakesNoMoreThanThereIs) {
  std::vector<uint8_t> memory(10 * sizeof(Field));
  Arena arena(memory);
  Fields fields(arena);
  EXPECT_FALSE(fields.reserve(11));
  EXPECT_TRUE(fields.reserve(10));
  EXPECT_TRUE(fields.reserve(10));
  EXPECT_EQ(arena.room(), 0u);
  EXPECT_TRUE(fields.empty());
}

TEST(HttpRefusals, HaveNamesOfTheirOwnAndAnErrorStatus) {
  std::vector<std::string_view> names;
  for (const RefusalText& text : kRefusals) {
    EXPECT_EQ(std::count(names.begin(), names.end(), text.name), 0) << text.name;
    names.push_back(text.name);
    EXPECT_TRUE(text.sentence.ends_with(".")) << text.name;
    if (text.refusal != Refusal::kNone) {
      EXPECT_TRUE(text.status >= 400 && text.status < 600);
    }
  }
}

}  // namespace
}  // namespace heddle::http
