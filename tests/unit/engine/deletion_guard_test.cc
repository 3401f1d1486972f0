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
  // Two tags at one manifest, of which the source deleted b1: a target that deletes by digest only must keep both.
  digest park_b1_beside_b2(const std::string& repo) {
    target_.does.deletes_tags = false;
    const auto d = push(repo, "b1", "shared");
    push(repo, "b2", "shared");
    EXPECT_TRUE(must_pass(repo).synced);
    clock_.advance_us(3'600'000'000);
    source_.erase_tag(repo, "b1");
    say_erased(repo, "b1");
    must_pass(repo);
    return d;
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
  // All of these tags, and nothing was deleted.
  void expect_held_back(const std::string& repo, std::size_t tags, const std::string& said) {
    EXPECT_EQ(deletions(), 0u);
    EXPECT_EQ(repository(repo).parked, tags);
    EXPECT_EQ(item(repo, "v0").code, "over_ceiling");
    EXPECT_NE(item(repo, "v0").reason.find(said), std::string::npos);
    EXPECT_NE(item(repo, "v0").reason.find("--allow-deletes " + repo), std::string::npos);
  }
  void allow(const std::string& repo) { ASSERT_TRUE(run(journal_->append({record::deletes_allowed(repo)}))); }
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
}

TEST_F(deletion_guard_test, the_share_without_the_registrys_word_is_over_it_in_a_repository_of_any_size) {
  const deletion_ceiling c{0.5, 10};
  EXPECT_TRUE(loses_too_much_untold({1, 0, 0, 1}, c));
  EXPECT_TRUE(loses_too_much_untold({3, 2, 0, 3}, c));
  EXPECT_TRUE(loses_too_much_untold({3, 2, 0, 5}, c)) << "what is the target's own does not count";
  EXPECT_TRUE(loses_too_much_untold({8, 0, 1, 9}, c)) << "one tag that stays says nothing of the others";
  EXPECT_FALSE(loses_too_much_untold({3, 3, 0, 3}, c));
  EXPECT_FALSE(loses_too_much_untold({3, 2, 1, 4}, c)) << "one untold of two that were left";
  EXPECT_FALSE(loses_too_much_untold({0, 0, 0, 2}, c));
  EXPECT_FALSE(loses_too_much_untold({3, 0, 0, 3}, {1.0, 10})) << "it is switched off";
}

TEST_F(deletion_guard_test, one_tag_that_is_left_or_new_does_not_let_the_others_go_untold) {
  for (const bool fresh : {false, true}) {
    const std::string r = fresh ? "new" : "left";
    mirror(r, 8);
    for (int i = 0; i < 8; ++i) {
      if (i == 7 && !fresh) continue;
      source_.erase_manifest(r, *source_.tag(r, name(i)));
      say_observed_gone(r, name(i));
    }
    if (fresh) push(r, "latest", "new");
    must_pass(r);
    EXPECT_EQ(deletions(), 0u);
    EXPECT_EQ(repository(r).parked, fresh ? 8u : 7u);
    EXPECT_NE(item(r, "v0").reason.find("the source never told of"), std::string::npos);
  }
}

TEST_F(deletion_guard_test, what_is_parked_for_good_does_not_weigh_on_deletions_that_are_told_later) {
  target_.does.deletes_tags = false;
  mirror("r", 12);
  untag("r", 0, 5);  // the source serves their manifests still: these tags stay at the target
  must_pass("r");
  ASSERT_EQ(repository("r").parked, 5u);
  for (int i = 5; i < 7; ++i) {
    const auto d = *source_.tag("r", name(i));
    source_.erase_manifest("r", d);
    say_erased("r", {}, d.text());
    EXPECT_TRUE(must_pass("r").synced);
    EXPECT_FALSE(target_.tag("r", name(i)));
  }
  EXPECT_EQ(repository("r").parked, 5u);
}

TEST_F(deletion_guard_test, what_a_look_found_first_and_the_registry_tells_of_later_goes) {
  for (const bool by_name : {true, false}) {
    for (const std::string told : {"tag", "digest", "repository"}) {
      const std::string r = told + (by_name ? "-name" : "-digest");
      target_.does.deletes_tags = by_name;
      mirror(r, 1);
      const auto d = *source_.tag(r, "v0");
      source_.erase_manifest(r, d);
      say_observed_gone(r, "v0");
      must_pass(r);
      ASSERT_EQ(item(r, "v0").code, "over_ceiling") << r;
      if (told == "tag") say_erased(r, "v0");
      if (told == "digest") say_erased(r, {}, d.text());
      if (told == "repository") say_erased(r, {});
      EXPECT_TRUE(must_pass(r).synced) << repository(r).last_sync_failure;
      EXPECT_FALSE(target_.tag(r, "v0")) << r;
      EXPECT_EQ(repository(r).parked, 0u) << r;
    }
  }
}

TEST_F(deletion_guard_test, a_manifest_that_a_held_back_tag_needs_is_held_back_with_it_and_goes_with_it) {
  target_.does.deletes_tags = false;
  const auto d = push("r", "told", "shared");
  push("r", "untold", "shared");
  ASSERT_TRUE(must_pass("r").synced);
  clock_.advance_us(3'600'000'000);
  source_.erase_manifest("r", d);
  say_erased("r", "told");
  say_observed_gone("r", "untold");
  must_pass("r");
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
  EXPECT_EQ(item("r", "told").code, "over_ceiling");
  EXPECT_NE(item("r", "told").reason.find("held back itself"), std::string::npos);
  allow("r");
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_TRUE(target_.tags("r").empty());
  EXPECT_EQ(repository("r").parked, 0u) << "what went along is not waited for";
}

TEST_F(deletion_guard_test, a_parked_tag_is_looked_at_again_when_what_kept_it_is_gone) {
  const auto d = park_b1_beside_b2("r");
  ASSERT_EQ(item("r", "b1").code, "unsupported");
  push("r", "b2", "other");
  source_.erase_manifest("r", d);
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_FALSE(target_.tag("r", "b1"));
  EXPECT_EQ(repository("r").parked, 0u);
}

TEST_F(deletion_guard_test, a_parked_deletion_that_somebody_else_did_is_settled_by_a_resync) {
  const auto d = park_b1_beside_b2("r");
  ASSERT_EQ(repository("r").parked, 1u);
  target_.erase_tag("r", "b1");
  ASSERT_TRUE(run(journal_->append({record::resync_asked("r")})));
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_EQ(repository("r").parked, 0u);
  EXPECT_EQ(item("r", "b1").state, item_state::removed);
  EXPECT_EQ(target_.tag("r", "b2"), d);
}

TEST_F(deletion_guard_test, a_small_repository_that_only_a_look_found_empty_is_held_back_until_it_is_allowed) {
  mirror("r", 3);
  for (int i = 0; i < 3; ++i) {
    source_.erase_manifest("r", *source_.tag("r", name(i)));
    say_observed_gone("r", name(i));
  }
  must_pass("r");
  EXPECT_EQ(target_.tags("r").size(), 3u);
  expect_held_back("r", 3, "would remove 3 of 3 tags at the target, and the source never told of 3 of them");
  allow("r");
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_EQ(repository("r").parked, 0u);
  EXPECT_TRUE(target_.tags("r").empty());
}

TEST_F(deletion_guard_test, the_last_tags_that_a_look_found_one_by_one_are_held_back) {
  mirror("r", 3);
  for (int i = 0; i < 3; ++i) source_.erase_manifest("r", *source_.tag("r", name(i)));
  for (int i = 0; i < 3; ++i) {
    say_observed_gone("r", name(i));
    must_pass("r");
  }
  EXPECT_EQ(deletions(), 0u);
  EXPECT_EQ(repository("r").parked, 3u);
}

TEST_F(deletion_guard_test, the_last_tags_go_when_the_registry_told_of_them_however_late_the_events_come) {
  for (const bool at_once : {true, false}) {
    const std::string r = at_once ? "once" : "late";
    mirror(r, 3);
    for (int i = 0; i < 3; ++i) source_.erase_tag(r, name(i));
    for (int i = 0; i < 3; ++i) {
      say_erased(r, name(i));
      if (!at_once) must_pass(r);
    }
    if (at_once) must_pass(r);
    EXPECT_EQ(repository(r).parked, 0u);
    EXPECT_TRUE(target_.tags(r).empty());
  }
}

TEST_F(deletion_guard_test, of_the_last_tags_those_that_the_registry_told_of_go_and_take_no_other_along) {
  for (const bool by_name : {true, false}) {
    const std::string r = by_name ? "names" : "digests";
    target_.does.deletes_tags = by_name;
    const auto shared = push(r, "told", "shared");
    push(r, "untold", "shared");
    push(r, "alone", "other");
    ASSERT_TRUE(must_pass(r).synced);
    source_.erase_manifest(r, shared);
    source_.erase_manifest(r, *source_.tag(r, "alone"));
    say_erased(r, "told");
    say_erased(r, "alone");
    say_observed_gone(r, "untold");
    must_pass(r);
    EXPECT_EQ(target_.tag(r, "untold"), shared);
    EXPECT_EQ(item(r, "untold").code, "over_ceiling");
    EXPECT_FALSE(target_.tag(r, "alone"));
    EXPECT_EQ(target_.tag(r, "told").has_value(), !by_name);
  }
}

TEST_F(deletion_guard_test, what_was_lost_at_once_is_weighed_at_once_though_it_is_told_of_in_batches) {
  mirror("r", 40);
  for (int i = 0; i < 30; ++i) source_.erase_tag("r", name(i));
  for (int i = 0; i < 30; ++i) {
    say_observed_gone("r", name(i));
    if (i % 4 == 3) must_pass("r");
  }
  must_pass("r");
  expect_held_back("r", 30, "would remove 30 of 40 tags");
}

TEST_F(deletion_guard_test, what_is_left_out_or_the_targets_own_does_not_weigh) {
  mirror("r", 12);
  const auto d = *target_.tag("r", "v11");
  for (int i = 0; i < 8; ++i) target_.set_tag("r", "own" + std::to_string(i), d);
  push("r", "v0", "new");
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", name(i)), "not this one")})));
    source_.erase_tag("r", name(i));
  }
  untag("r", 8, 10);
  EXPECT_TRUE(must_pass("r").synced);
  EXPECT_EQ(item("r", "v8").state, item_state::removed);
  EXPECT_EQ(item("r", "v9").state, item_state::removed);
  EXPECT_EQ(target_.tags("r").size(), 18u);
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
  EXPECT_EQ(target_.tags("r").size(), 12u);
  expect_held_back("r", 7, "would remove 7 of 12 tags");
  EXPECT_FALSE(must_pass("r").worked) << "they wait for an answer";
  allow("r");
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
