// What goes in comes out, from the same store and from the next process's.
#include "support.h"

namespace heddle::store::test {
namespace {

TEST(Store, IsEmptyWhenNew) {
  const TempDirectory directory;
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->current(), Version{});
  EXPECT_EQ(store->oldest(), 0U);
  EXPECT_TRUE(store->load().value().empty());
  EXPECT_TRUE(store->history(10).value().empty());
  EXPECT_EQ(store->version(1).error().text, "there is no version 1: none was ever applied");
}

TEST(Store, KeepsWhatWasAppended) {
  const TempDirectory directory;
  const Commit first = commit(1, {{key("cart"), std::nullopt, "one"},
                                  {key("empty"), std::nullopt, ""},
                                  {{"", "", std::string("\0\xff", 2)}, std::nullopt, "odd"}});
  Commit second = commit(2, {{key("cart"), "one", "two"}, {key("empty"), "", std::nullopt}});
  second.version.content_of = 1;
  const std::vector<Resource> content = {{{"", "", std::string("\0\xff", 2)}, "odd"},
                                         {key("cart"), "two"}};
  const auto check = [&](Store& store) {
    EXPECT_EQ(store.current(), second.version);
    EXPECT_EQ(store.load().value(), content);
    EXPECT_EQ(store.history(10).value(), (std::vector{second.version, first.version}));
    EXPECT_EQ(store.version(1).value(), first);
    EXPECT_EQ(store.version(2).value(), second);
  };
  {
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    ASSERT_TRUE(append(*store, first));
    ASSERT_TRUE(append(*store, second));
    check(*store);
  }
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  check(*store);
}

}  // namespace
}  // namespace heddle::store::test
