#include "engine/manifest_claims.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "engine/tasks.h"
#include "tests/unit/engine/copy_run_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;
using boost::asio::awaitable;

class manifest_claims_test : public copy_run_world {
 protected:
  static awaitable<void> take(manifest_claims& by, const digest& d, std::string& said, std::string as) {
    const bool waited = co_await by.take("r", d);
    said += (waited ? "+" : "-") + as;
  }
  // Requests of this kind for each ref that was asked for twice.
  static std::vector<std::string> repeated(const memory_registry& of, std::string_view verb) {
    std::map<std::string, int> times;
    std::vector<std::string> twice;
    for (const auto& call : of.calls()) {
      if (call.verb == verb && ++times[call.ref] == 2) twice.push_back(call.ref);
    }
    return twice;
  }
  claim_table table_;
  const digest a_ = digest::of("a"), b_ = digest::of("b");
  std::string said_;
};

TEST_F(manifest_claims_test, who_comes_second_waits_until_the_first_has_ended_and_then_has_it) {
  auto first = std::make_unique<manifest_claims>(table_);
  manifest_claims second(table_), elsewhere(table_);
  run(take(*first, a_, said_, "first"));
  run(take(*first, a_, said_, "first again"));
  EXPECT_FALSE(run(elsewhere.take("other", a_))) << "another repository";
  boost::asio::co_spawn(context_, take(second, a_, said_, "second"), boost::asio::detached);
  settle();
  EXPECT_EQ(said_, "-first-first again");
  first.reset();
  settle();
  EXPECT_EQ(said_, "-first-first again+second");
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(manifest_claims_test, items_that_would_wait_for_each_other_do_not) {
  auto one = std::make_unique<manifest_claims>(table_), two = std::make_unique<manifest_claims>(table_),
       three = std::make_unique<manifest_claims>(table_);
  const digest c = digest::of("c");
  run(take(*one, a_, said_, "1a"));
  run(take(*two, b_, said_, "2b"));
  run(take(*three, c, said_, "3c"));
  boost::asio::co_spawn(context_, take(*one, b_, said_, "1b"), boost::asio::detached);
  boost::asio::co_spawn(context_, take(*two, c, said_, "2c"), boost::asio::detached);
  settle();
  run(take(*three, a_, said_, "3a"));
  EXPECT_EQ(said_, "-1a-2b-3c-3a");
  three.reset();
  settle();
  two.reset();
  settle();
  EXPECT_EQ(said_, "-1a-2b-3c-3a+2c+1b");
  one.reset();
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(manifest_claims_test, a_wait_that_is_cancelled_leaves_nothing_behind) {
  auto first = std::make_unique<manifest_claims>(table_);
  run(take(*first, a_, said_, "first"));
  task_group group(context_.get_executor());
  group.spawn([](claim_table& t, digest d) -> awaitable<void> {
    manifest_claims second(t);
    co_await second.take("r", d);
    ADD_FAILURE() << "it is still claimed";
  }(table_, a_));
  settle();
  group.cancel();
  run(group.join());
  manifest_claims third(table_);
  first.reset();
  run(take(third, a_, said_, "third"));
  EXPECT_EQ(said_, "-first-third");
}

TEST_F(manifest_claims_test, indexes_at_work_beside_each_other_bring_what_they_share_once) {
  const digest shared = add_oci_image(source_, "a", {"base", "shared"});
  for (int i = 0; i < 6; ++i) {
    const digest own = add_oci_image(source_, "a", {"base", "own" + std::to_string(i)});
    source_.set_tag("a", "v" + std::to_string(i), add_index(source_, "a", {shared, own}));
  }
  source_.set_tag("a", "alias", *source_.tag("a", "v5"));
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.copied, 7u);
  EXPECT_EQ(repeated(source_, "get_manifest"), std::vector<std::string>());
  EXPECT_EQ(repeated(target_, "put_manifest"), std::vector<std::string>());
  EXPECT_EQ(f.moved.present.blobs + f.moved.copied.blobs, 7u * 3 - 1)
      << "of seven images, the base of two in one index";
  expect_mirrored("a");
}

TEST_F(manifest_claims_test, a_subject_that_is_published_just_now_is_not_brought_by_what_refers_to_it) {
  const digest subject = add_oci_image(source_, "a", {"base", "app"});
  source_.set_tag("a", "v1", subject);
  const auto named = [&] { return descriptor_json(media_type::oci_manifest, subject, 1); };
  for (int i = 0; i < 3; ++i) {
    const digest referrer = add_oci_image(source_, "a", {"sbom" + std::to_string(i)}, R"(,"subject":)" + named());
    source_.set_tag("a", "sbom" + std::to_string(i), referrer);
  }
  EXPECT_EQ(copy_afresh({{"a", {}}}).copied, 4u);
  EXPECT_LE(source_.count("get_manifest", subject.text()), 1u);
  expect_mirrored("a");
}

TEST_F(manifest_claims_test, where_the_first_fails_the_next_one_brings_it) {
  const digest shared = add_oci_image(source_, "a", {"base", "shared"});
  for (int i = 0; i < 3; ++i) {
    const digest own = add_oci_image(source_, "a", {"own" + std::to_string(i)});
    source_.set_tag("a", "v" + std::to_string(i), add_index(source_, "a", {shared, own}));
  }
  int failed = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "put_manifest" || c.ref != shared.text() || failed++ > 0) return std::nullopt;
    return memory_registry::fault{{errc::denied, "not now"}};
  };
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.failed, 1u);
  EXPECT_EQ(f.copied, 2u);
}

}  // namespace
}  // namespace longshore::engine
