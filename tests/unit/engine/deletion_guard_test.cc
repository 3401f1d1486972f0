// Nothing is deleted at the target on a guess: listings, the ceiling, and tags that come and go in any order.

#include <algorithm>

#include "engine/journal_records.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class deletion_guard_test : public engine_world {
 protected:
  digest push(const std::string& repo, const std::string& tag, const std::string& layer) {
    const digest d = add_oci_image(source_, repo, {layer});
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
    return d;
  }
  void mirror(const std::string& repo, int tags) {
    for (int i = 0; i < tags; ++i) push(repo, name(i), "layer" + std::to_string(i));
    EXPECT_TRUE(must_pass(repo).synced);
    clock_.advance_us(3'600'000'000);
  }
  static std::string name(int i) { return "v" + std::to_string(i); }
  void untag(const std::string& repo, int from, int to) {
    for (int i = from; i < to; ++i) {
      source_.erase_tag(repo, name(i));
      say_erased(repo, name(i));
    }
  }
  pass_report must_pass(const std::string& repo) {
    auto r = pass_over(repo);
    EXPECT_TRUE(r) << r.error().text;
    return r.value_or(pass_report{});
  }
  std::size_t deletions() { return target_.count("delete_tag") + target_.count("delete_manifest"); }
};

TEST_F(deletion_guard_test, the_ceiling_counts_removals_against_what_the_target_has) {
  const deletion_ceiling c{0.5, 10};
  EXPECT_FALSE(is_over(9, 9, c)) << "a small repository has none";
  EXPECT_FALSE(is_over(5, 10, c));
  EXPECT_TRUE(is_over(6, 10, c));
  EXPECT_FALSE(is_over(0, 0, {0.0, 0}));
  EXPECT_TRUE(is_over(1, 100, {0.0, 10}));
  EXPECT_FALSE(is_over(100, 100, {1.0, 10}));
  for (std::uint64_t removals = 0; removals < 30; ++removals) {
    for (std::uint64_t tags = removals; tags < 60; ++tags) {
      if (is_never_over(removals, c)) {
        EXPECT_FALSE(is_over(removals, tags, c));
      }
    }
  }
}

TEST_F(deletion_guard_test, up_to_the_ceiling_deletions_are_followed) {
  mirror("r", 12);
  untag("r", 0, 6);
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_EQ(repository("r").parked, 0u);
  expect_mirrored("r");
}

TEST_F(deletion_guard_test, above_it_all_are_held_back_with_the_remedy_until_they_are_allowed) {
  mirror("r", 12);
  untag("r", 0, 7);
  must_pass("r");
  EXPECT_EQ(deletions(), 0u);
  EXPECT_EQ(target_.tags("r").size(), 12u);
  EXPECT_EQ(repository("r").parked, 7u);
  EXPECT_EQ(item("r", "v0").code, "over_ceiling");
  EXPECT_NE(item("r", "v0").reason.find("would remove 7 of 12 tags"), std::string::npos);
  EXPECT_NE(item("r", "v0").reason.find("--allow-deletes r"), std::string::npos);
  EXPECT_FALSE(must_pass("r").worked) << "they wait for an answer";
  ASSERT_TRUE(run(journal_->append({record::deletes_allowed("r")})));
  EXPECT_TRUE(repository("r").deletes_allowed);
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_FALSE(repository("r").deletes_allowed) << "once";
  EXPECT_EQ(repository("r").parked, 0u);
  expect_mirrored("r");
}

TEST_F(deletion_guard_test, a_held_back_pass_still_publishes_and_settles_what_is_gone_already) {
  mirror("r", 12);
  untag("r", 0, 8);
  target_.erase_tag("r", "v0");
  say_erased("r", "v11");  // the source has it still
  const auto d = push("r", "new", "n");
  must_pass("r");
  EXPECT_EQ(deletions(), 0u);
  EXPECT_EQ(item("r", "v0").state, item_state::removed);
  EXPECT_EQ(item("r", "v11").state, item_state::done);
  EXPECT_EQ(item("r", "v1").state, item_state::parked);
  EXPECT_EQ(target_.tag("r", "new"), d);
}

TEST_F(deletion_guard_test, a_source_that_seems_to_have_lost_everything_deletes_nothing) {
  mirror("r", 12);
  for (int i = 0; i < 12; ++i) source_.erase_manifest("r", *source_.tag("r", name(i)));
  say_erased("r", {});
  must_pass("r");
  EXPECT_EQ(deletions(), 0u);
  EXPECT_EQ(target_.tags("r").size(), 12u);
}

TEST_F(deletion_guard_test, a_tag_that_is_listed_and_not_served_is_not_deleted) {
  mirror("r", 3);
  const auto d = *source_.tag("r", "v0");
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "list_tags") {
      source_.set_tag("r", "v0", d);
    } else {
      source_.erase_tag("r", "v0");
    }
  };
  say_erased("r", "v0");
  EXPECT_FALSE(must_pass("r").synced);
  EXPECT_EQ(item("r", "v0").state, item_state::failed);
  must_pass("r");
  EXPECT_EQ(item("r", "v0").state, item_state::parked);
  EXPECT_EQ(deletions(), 0u);
}

TEST_F(deletion_guard_test, a_listing_that_does_not_come_whole_deletes_nothing_and_is_not_synced) {
  mirror("r", 9);
  untag("r", 0, 2);
  for (const errc code : {errc::unauthorized, errc::denied, errc::throttled, errc::unavailable, errc::corrupt}) {
    for (const int page : {0, 1}) {
      int pages = 0;
      source_.before = [&](const memory_registry::call& c) {
        if (c.verb == "list_tags" && pages++ == page) source_.fail_always(error{code, "no listing"});
      };
      EXPECT_FALSE(must_pass("r").synced) << name_of(code);
      source_.fail_always(std::nullopt);
      EXPECT_EQ(deletions(), 0u) << name_of(code);
      EXPECT_NE(repository("r").state, sync_state::synced);
    }
  }
  source_.before = {};
  EXPECT_TRUE(must_pass("r").synced);
  expect_mirrored("r");
}

TEST_F(deletion_guard_test, whichever_operation_fails_only_what_the_source_lost_is_ever_deleted) {
  int repositories = 0;
  for (const bool at_source : {true, false}) {
    for (const bool by_name : {true, false}) {
      memory_registry& faulty = at_source ? source_ : target_;
      std::uint64_t all = 0;  // operations of a pass in which none fails: the first
      for (std::uint64_t n = 0; n <= all; ++n) {
        const std::string repo = "f" + std::to_string(repositories++);
        mirror(repo, 3);
        target_.does.deletes_tags = by_name;
        source_.erase_manifest(repo, *source_.tag(repo, "v0"));
        say_erased(repo, "v0");
        const auto start = faulty.operations();
        if (n > 0) faulty.fail_operation(n - 1, error{errc::throttled, "wait"});
        auto report = must_pass(repo);
        if (n == 0) all = faulty.operations() - start;
        for (const auto& [tag, d] : source_.tags(repo)) EXPECT_TRUE(target_.tag(repo, tag)) << n << " " << tag;
        EXPECT_EQ(report.synced, n == 0) << n;
        for (int again = 0; again < 3 && !report.synced; ++again) report = must_pass(repo);
        EXPECT_TRUE(report.synced) << n << ": " << repository(repo).last_sync_failure;
        EXPECT_EQ(target_.tags(repo), source_.tags(repo)) << n;
      }
      EXPECT_GT(all, 0u);
    }
  }
}

// Events of one tag, doubled and in every order, against each state that the source may have in the end.
TEST_F(deletion_guard_test, a_tag_deleted_and_pushed_again_in_any_order_of_events_ends_as_the_source_has_it) {
  enum event : int { push_a, erase_tag, erase_digest, push_b };
  int n = 0;
  for (const bool pass_between : {false, true}) {
    std::vector<int> order{push_a, erase_tag, erase_digest, push_b};
    do {
      for (const int finally : {0, 1, 2}) {
        if ((n + finally) % 2 == (pass_between ? 0 : 1)) continue;  // half of them each way: the suite is fast
        const std::string repo = "p" + std::to_string(n) + "-" + std::to_string(finally) + (pass_between ? "b" : "a");
        const auto a = add_oci_image(source_, repo, {"a"});
        const auto b = add_oci_image(source_, repo, {"b"});
        if (finally == 1) source_.set_tag(repo, "v1", a);
        if (finally == 2) source_.set_tag(repo, "v1", b);
        for (const int what : order) {
          for (int twice = 0; twice < (what == erase_tag ? 2 : 1); ++twice) {
            if (what == push_a) say_pushed(repo, "v1", a);
            if (what == push_b) say_pushed(repo, "v1", b);
            if (what == erase_tag) say_erased(repo, "v1");
            if (what == erase_digest) say_erased(repo, {}, a.text());
          }
          if (pass_between) must_pass(repo);
        }
        for (int again = 0; again < 4 && !must_pass(repo).synced; ++again) {
        }
        EXPECT_EQ(target_.tags(repo), source_.tags(repo)) << repo;
        EXPECT_TRUE(target_.violations().empty());
      }
      ++n;
    } while (std::ranges::next_permutation(order).found);
  }
}

}  // namespace
}  // namespace longshore::engine
