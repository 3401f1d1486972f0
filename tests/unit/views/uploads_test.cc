#include "engine/uploads.h"

#include "engine/journal_records.h"
#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

class uploads_test : public view_test<uploads> {
 protected:
  open_upload opened(std::string repository, std::uint64_t offset) {
    return {std::move(repository), digest_of("x"), 100, offset, {"http://r/u?_state=a%3D", "node=1", "http://r"}, {}};
  }
  std::optional<open_upload> found(std::string_view repository) {
    return view_->find(repository, digest_of("x")).value();
  }
};

TEST_F(uploads_test, an_upload_stands_as_it_was_last_recorded_until_it_is_closed) {
  fold(record::upload_opened(opened("a", 0)));
  auto later = opened("a", 64);
  later.session.location = "http://r/u?_state=b";
  later.at = fold(record::upload_opened(later)).recorded;
  EXPECT_EQ(found("a"), later);
  EXPECT_FALSE(found("b"));
  fold(record::upload_closed("a", digest_of("x")));
  EXPECT_FALSE(found("a"));
}

TEST_F(uploads_test, a_record_without_its_registry_is_an_upload_of_none) {
  auto old = record::upload_opened(opened("a", 5));
  old.detail = R"({"location":"http://r/u","cookies":"","offset":5})";
  fold(old);
  ASSERT_TRUE(found("a"));
  EXPECT_EQ(found("a")->session, (upload_session{"http://r/u", "", ""}));
}

TEST_F(uploads_test, uploads_are_listed_up_to_a_limit) {
  for (const char* r : {"c", "a", "b"}) fold(record::upload_opened(opened(r, 1)));
  const auto two = view_->list(2).value();
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].repository, "a");
  EXPECT_EQ(two[1].repository, "b");
  EXPECT_EQ(view_->list(10)->size(), 3u);
}

TEST_F(uploads_test, a_record_that_says_nothing_usable_changes_nothing) {
  const auto good = record::upload_opened(opened("a", 5));
  for (const char* detail : {"", "{", "[]", "{}", R"({"location":7,"offset":1})", R"({"location":"","offset":1})",
                             R"({"location":"x","offset":101})"}) {
    auto bad = good;
    bad.detail = detail;
    fold(bad);
    EXPECT_FALSE(found("a")) << detail;
  }
  auto bad = good;
  bad.repository = "Not/A/Name";
  fold(bad);
  bad = good;
  bad.digest.clear();
  fold(bad);
  EXPECT_TRUE(view_->list(10)->empty());
  for (const char* detail : {R"({"location":"x","offset":-1})", R"({"location":"x","offset":"y"})"}) {
    auto odd = good;
    odd.detail = detail;
    fold(odd);
    EXPECT_EQ(found("a")->offset, 0u) << detail;
  }
}

}  // namespace
}  // namespace longshore::engine
