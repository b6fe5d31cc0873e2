// What goes in comes out, from the same store and from the next process's.
#include "support.h"

namespace heddle::store::test {
namespace {

TEST(Store, IsEmptyWhenNew) {
  const TempDirectory directory;
  for (auto store : {must_open(directory).release(), Store::in_memory().value().release()}) {
    const std::unique_ptr<Store> owned(store);
    ASSERT_TRUE(store);
    EXPECT_EQ(store->current(), Version{});
    EXPECT_EQ(store->oldest(), 0U);
    EXPECT_TRUE(store->load().value().empty());
    EXPECT_TRUE(store->history(10).value().empty());
    EXPECT_TRUE(store->append({}));
    EXPECT_EQ(store->version(1).error().text, "there is no version 1: none was ever applied");
    EXPECT_EQ(store->content_at(0).error().text, "there is no version 0: none was ever applied");
  }
}

const std::string kOdd("\0\xff", 2);
const Commit kFirst = commit(1, {{key("cart"), std::nullopt, "one"},
                                 {key("empty"), std::nullopt, ""},
                                 {{"", "", kOdd}, std::nullopt, kOdd}});
const Commit kSecond = [] {
  Commit second = commit(2, {{key("cart"), "one", "two"}, {key("empty"), "", std::nullopt}});
  second.version.content_of = 1;
  second.version.time_ms = -5;
  second.version.author.clear();
  return second;
}();

void expect_both(Store& store) {
  EXPECT_EQ(store.current(), kSecond.version);
  EXPECT_EQ(store.load().value(),
            (std::vector<Resource>{{{"", "", kOdd}, kOdd}, {key("cart"), "two"}}));
  EXPECT_EQ(store.history(10).value(), (std::vector{kSecond.version, kFirst.version}));
  EXPECT_EQ(store.version(1).value(), kFirst);
  EXPECT_EQ(store.version(2).value(), kSecond);
  EXPECT_EQ(store.content_at(2).value(), store.load().value());
  EXPECT_EQ(
      store.content_at(1).value(),
      (std::vector<Resource>{{{"", "", kOdd}, kOdd}, {key("cart"), "one"}, {key("empty"), ""}}));
}

TEST(Store, KeepsWhatWasAppended) {
  const TempDirectory directory;
  {
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    ASSERT_TRUE(append(*store, kFirst));
    ASSERT_TRUE(append(*store, kSecond));
    expect_both(*store);
  }
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  expect_both(*store);
}

TEST(Store, KeepsTheSameInMemory) {
  const auto store = Store::in_memory().value();
  ASSERT_TRUE(append(*store, kFirst));
  ASSERT_TRUE(append(*store, kSecond));
  expect_both(*store);
}

TEST(Store, TakesAnEmptyCommitAndOneOfAllSizes) {
  const TempDirectory directory;
  std::vector<Change> changes;
  Content content;
  for (size_t size = 3'900; size < 4'200; ++size) {
    content[key(std::to_string(size))] = std::string(size, 'x');
    changes.push_back({key(std::to_string(size)), std::nullopt, std::string(size, 'x')});
  }
  content[key("big")] = std::string(kMaxResource, 'b');
  changes.push_back({key("big"), std::nullopt, content[key("big")]});
  {
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    // The first number of a store is the caller's.
    ASSERT_TRUE(append(*store, commit(41, {})));
    ASSERT_TRUE(append(*store, commit(42, changes)));
  }
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->load().value(), as_resources(content));
  EXPECT_EQ(store->version(42).value().changes, changes);
  EXPECT_TRUE(store->version(41).value().changes.empty());
  EXPECT_TRUE(store->content_at(41).value().empty());
}

TEST(Store, TakesAGroupWhole) {
  const TempDirectory directory;
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  const std::vector<Commit> group = {add(1, "a", "1"), commit(2, {{key("a"), "1", "2"}}),
                                     commit(3, {{key("a"), "2", std::nullopt}})};
  ASSERT_TRUE(store->append(group));
  EXPECT_EQ(store->current(), group[2].version);
  EXPECT_TRUE(store->load().value().empty());
  EXPECT_EQ(store->content_at(2).value(), (std::vector<Resource>{{key("a"), "2"}}));
}

struct Refusal {
  const char* what;
  Commit commit;
  const char* text;
};

Commit with(Commit commit, void (*edit)(Commit&)) {
  edit(commit);
  return commit;
}

TEST(Store, RefusesAGroupForOneOfItsCommitsAndGoesOn) {
  const std::string long_name(kMaxKeyPart + 1, 'n');
  const std::vector<Refusal> rows = {
      {"a gap", add(4, "b", "1"), "version 4 cannot follow version 2"},
      {"a repeat", add(2, "b", "1"), "version 2 cannot follow version 2"},
      {"nothing", add(0, "b", "1"), "version 0 cannot follow version 2"},
      {"there already", add(3, "a", "1"), "Service shop/a is not stored as version 3 says it was"},
      {"another before", commit(3, {{key("a"), "0", "1"}}),
       "Service shop/a is not stored as version 3 says it was"},
      {"a delete of what is not there", commit(3, {{key("b"), "0", std::nullopt}}),
       "Service shop/b is not stored as version 3 says it was"},
      {"no change", commit(3, {{key("b"), std::nullopt, std::nullopt}}),
       "version 3: Service shop/b is neither there before nor after"},
      {"wrong counts", with(add(3, "b", "1"), [](Commit& c) { c.version.deleted = 7; }),
       "version 3: 1 added, 0 changed, 7 deleted are not the counts of its changes"},
      {"a long name", add(3, long_name, "1"),
       "version 3: a resource's kind, namespace or name has more than 1024 bytes"},
      {"a long author",
       with(add(3, "b", "1"), [](Commit& c) { c.version.author.assign(kMaxKeyPart + 1, 'a'); }),
       "version 3: the author has more than 1024 bytes"},
      {"a long message",
       with(add(3, "b", "1"), [](Commit& c) { c.version.message.assign(kMaxMessage + 1, 'm'); }),
       "version 3: the message has more than 65536 bytes"},
      {"a big resource", add(3, "b", std::string(kMaxResource + 1, 'b')),
       "version 3: Service shop/b has 33554433 bytes; at most 33554432 are kept"},
  };
  const auto store = Store::in_memory().value();
  ASSERT_TRUE(append(*store, add(1, "a", "x")));
  const std::vector<Resource> content = store->load().value();
  for (const Refusal& row : rows) {
    SCOPED_TRACE(row.what);
    const std::vector<Commit> group = {add(2, "c", "good"), row.commit};
    const auto done = store->append(group);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text, row.text);
    EXPECT_EQ(store->current().version, 1U);
    EXPECT_EQ(store->load().value(), content);
    EXPECT_EQ(store->history(10).value().size(), 1U);
  }
  EXPECT_TRUE(append(*store, add(2, "c", "good")));
}

}  // namespace
}  // namespace heddle::store::test
