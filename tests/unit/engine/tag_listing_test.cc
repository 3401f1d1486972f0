#include "engine/tag_listing.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

class tag_listing_test : public testing::engine_world {
 protected:
  // The page of number n, counted from 0.
  using page_maker = std::function<tag_page(std::uint64_t n)>;
  result<tag_names> all(page_maker make, std::size_t most = 1'000) {
    asked_ = 0;
    return run(list_all([&](std::optional<std::string>) -> task<tag_page> { co_return make(asked_++); },
                        "the names of it", most));
  }
  static std::string page_name(std::uint64_t n) { return "page " + std::to_string(n); }
  std::uint64_t asked_ = 0;
};

TEST_F(tag_listing_test, a_listing_has_every_name_of_every_page_once) {
  const auto names = all([](std::uint64_t n) {
    return n == 2 ? tag_page{{"c"}, std::nullopt}
                  : tag_page{{"b", std::string(1, static_cast<char>('a' + n))}, page_name(n)};
  });
  EXPECT_EQ(names.value(), (tag_names{"a", "b", "c"}));
}

TEST_F(tag_listing_test, pages_without_anything_new_may_come_but_not_for_ever) {
  const auto some = all([](std::uint64_t n) {
    if (n == 240) return tag_page{{"last"}, std::nullopt};
    return n % 80 == 0 ? tag_page{{std::to_string(n)}, page_name(n)} : tag_page{{}, page_name(n)};
  });
  EXPECT_EQ(some.value().size(), 4u);
  const auto endless = all([](std::uint64_t n) { return tag_page{{"same"}, page_name(n)}; });
  EXPECT_EQ(endless.error().code, errc::corrupt);
  EXPECT_LE(asked_, 110u);
}

TEST_F(tag_listing_test, a_page_that_leads_to_itself_is_asked_for_once_more) {
  const auto looping = all([](std::uint64_t n) { return tag_page{{std::to_string(n)}, "again"}; });
  EXPECT_EQ(looping.error().code, errc::corrupt);
  EXPECT_EQ(asked_, 2u);
}

TEST_F(tag_listing_test, more_names_than_wanted_are_too_many) {
  const auto many = all([](std::uint64_t n) { return tag_page{{std::to_string(n)}, page_name(n)}; }, 5);
  EXPECT_EQ(many.error().code, errc::too_large);
  EXPECT_EQ(asked_, 6u);
}

TEST_F(tag_listing_test, more_bytes_of_names_than_are_held_are_too_many) {
  std::size_t pages = 0;
  const auto long_names = [&](std::optional<std::string>) -> task<tag_page> {
    ++pages;
    co_return tag_page{{std::string(100, static_cast<char>('a' + pages)), "same"}, page_name(pages)};
  };
  EXPECT_EQ(run(list_all(long_names, "the names of it", 1'000, 950)).error().code, errc::too_large);
  EXPECT_EQ(pages, 10u);
}

TEST_F(tag_listing_test, a_page_that_fails_fails_the_listing) {
  const auto failed = run(list_all(
      [&](std::optional<std::string> next) -> task<tag_page> {
        if (next) co_return fail(errc::unavailable, "away");
        co_return tag_page{{"a"}, "more"};
      },
      "the names of it", 10));
  EXPECT_EQ(failed.error().code, errc::unavailable);
}

}  // namespace
}  // namespace longshore::engine
