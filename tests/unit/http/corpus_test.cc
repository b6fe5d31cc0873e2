// Every message of the corpus has one verdict, however its bytes are cut and wherever they lie.
#include "corpus.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <set>

#include "core/random.h"
#include "seed.h"

namespace heddle::test {
namespace {

constexpr size_t kFewBytes = 1500;  // of a case that is cut at every byte

TEST(HttpCorpus, HasItsVerdicts) {
  ASSERT_GE(corpus().size(), 150u);
  for (const Case& it : corpus())
    EXPECT_EQ(run(it), (Outcome{it.forwarded, it.verdict})) << it.file << ": " << it.name;
}

TEST(HttpCorpus, NamesAreUniqueAndMeetMostRefusals) {
  std::set<std::string> names;
  std::set<std::string> verdicts;
  for (const Case& it : corpus()) {
    EXPECT_TRUE(names.insert(it.name).second) << it.name;
    verdicts.insert(it.verdict);
  }
  // Those that only HTTP/2, a proxy or a shortage can have.
  const std::set<std::string> elsewhere = {"none",
                                           "bad_field_value",
                                           "no_memory",
                                           "bad_http2_fields",
                                           "body_length_disagrees",
                                           "too_many_interims",
                                           "start_line_too_long"};
  for (const auto& text : http::kRefusals) {
    const std::string name(text.name);
    EXPECT_NE(elsewhere.contains(name), verdicts.contains("refused " + name)) << name;
  }
}

TEST(HttpCorpus, EveryCutInTwoGivesTheSame) {
  for (const Case& it : corpus()) {
    const Outcome whole = run(it);
    const size_t step = it.input.size() <= kFewBytes ? 1 : it.input.size() / 199;
    for (size_t cut = 1; cut < it.input.size(); cut += step)
      ASSERT_EQ(run(it, {cut}), whole) << it.name << ", cut at " << cut;
  }
}

TEST(HttpCorpus, ByteByByteGivesTheSame) {
  for (const Case& it : corpus()) {
    std::vector<size_t> cuts;
    for (size_t i = 1; i < it.input.size(); ++i) cuts.push_back(i);
    ASSERT_EQ(run(it, cuts), run(it)) << it.name;
  }
}

TEST(HttpCorpus, AnyCutsGiveTheSame) {
  Random random(test_seed());
  for (const Case& it : corpus()) {
    for (int round = 0; round < 20; ++round) {
      std::set<size_t> cuts;
      for (uint32_t n = random.below(8); n > 0; --n)
        cuts.insert(random.below(static_cast<uint32_t>(it.input.size())));
      ASSERT_EQ(run(it, {cuts.begin(), cuts.end()}), run(it)) << it.name;
    }
  }
}

// Bytes that end where memory does: what reads one too many dies.
class GuardedPages {
 public:
  GuardedPages() {
    void* place =
        ::mmap(nullptr, kBytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HEDDLE_CHECK(place != MAP_FAILED, "mmap");
    begin_ = static_cast<uint8_t*>(place);
    HEDDLE_CHECK(::mprotect(begin_ + kBytes, kPage, PROT_NONE) == 0, "mprotect");
  }
  ~GuardedPages() { ::munmap(begin_, kBytes + kPage); }
  const uint8_t* put(std::string_view bytes) {
    HEDDLE_CHECK(bytes.size() <= kBytes, "too much for the pages");
    uint8_t* at = begin_ + kBytes - bytes.size();
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return at;
  }

 private:
  static constexpr size_t kPage = 4096;
  static constexpr size_t kBytes = 64 * kPage;
  uint8_t* begin_ = nullptr;
};

Outcome run_guarded(const Case& it, size_t cut, GuardedPages& pages) {
  Connection connection(it);
  for (const std::string_view part :
       {std::string_view(it.input).substr(0, cut), std::string_view(it.input).substr(cut)}) {
    if (part.empty()) continue;
    tcp::Chain chain;
    const tcp::FreshBuffer owner = connection.buffers().allocate();
    connection.pieces().append(chain, {.data = pages.put(part),
                                       .buffer = owner.handle,
                                       .size = static_cast<uint32_t>(part.size()),
                                       .pinned = owner.pinned});
    connection.feed(chain);
    // A body that is not cut stays where it is, and the pages are written again.
    if (part.size() == it.input.size()) return connection.close();
  }
  return connection.close();
}

TEST(HttpCorpus, NothingIsReadBehindTheEnd) {
  GuardedPages pages;
  for (const Case& it : corpus()) {
    EXPECT_EQ(run_guarded(it, 0, pages), run(it)) << it.name;
    for (size_t cut = 1; cut < std::min(it.input.size(), kFewBytes); ++cut) {
      const std::string verdict = run_guarded(it, cut, pages).verdict;
      ASSERT_EQ(verdict, run(it).verdict) << it.name << ", cut at " << cut;
    }
  }
}

TEST(HttpCorpus, WhatWeWriteIsReadTheSameWay) {
  for (const Case& it : corpus()) {
    if (it.forwarded.empty() || it.verdict == "tunnel") continue;
    Case again = it;
    again.input = it.forwarded;
    const Outcome outcome = run(again);
    EXPECT_EQ(outcome.forwarded, it.forwarded) << it.name;
    // What was cut off or refused is not in it any more.
    const bool interim_only = it.response && it.verdict == "refused truncated";
    EXPECT_EQ(outcome.verdict, interim_only ? it.verdict : "whole") << it.name;
  }
}

}  // namespace
}  // namespace heddle::test
