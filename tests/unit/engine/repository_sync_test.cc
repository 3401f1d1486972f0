#include "engine/repository_sync.h"

#include <map>
#include <set>

#include "engine/journal_records.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

class repository_sync_test : public engine_world {
 protected:
  digest push(const std::string& tag, const std::string& layer, const std::string& to = repo) {
    const digest d = add_oci_image(source_, to, {"base", layer});
    source_.set_tag(to, tag, d);
    say_pushed(to, tag, d);
    return d;
  }
  pass_report must_pass(const std::string& name = repo) {
    auto r = pass_over(name);
    EXPECT_TRUE(r) << r.error().text;
    return r.value_or(pass_report{});
  }
};

TEST_F(repository_sync_test, a_pass_journals_its_start_what_it_did_and_its_end) {
  const auto d = push("v1", "a");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(journaled(log::event_kind::sync_started).size(), 1u);
  ASSERT_EQ(journaled(log::event_kind::published).size(), 1u);
  EXPECT_EQ(journaled(log::event_kind::published).front().origin, "here");
  EXPECT_EQ(journaled(log::event_kind::sync_succeeded).front().detail, "{\"synced_size\":1}");
  EXPECT_EQ(item(repo, "v1").digest, d.text());
  EXPECT_EQ(repository(repo).synced_size, 1u);
}

TEST_F(repository_sync_test, a_pass_with_nothing_to_do_writes_nothing_and_asks_nobody) {
  push("v1", "a");
  must_pass();
  const auto size = journal_log_->durable_size();
  source_.forget_calls();
  target_.forget_calls();
  EXPECT_FALSE(must_pass().worked);
  EXPECT_EQ(journal_log_->durable_size(), size);
  EXPECT_EQ(source_.operations() + target_.operations(), 0u);
  EXPECT_FALSE(must_pass("never/heard-of").worked);
}

TEST_F(repository_sync_test, what_fails_each_time_keeps_nothing_behind_it_from_its_turn) {
  for (const std::string tag : {"a1", "a2", "a3", "a4"}) push(tag, "broken " + tag);
  push("z", "flaky z");
  const digest image = push("image", "image");
  push("sha256-" + std::string(image.hex()) + ".sig", "flaky sig");
  std::map<std::string, int> left{{digest::of("flaky z").text(), 20}, {digest::of("flaky sig").text(), 20}};
  for (const std::string tag : {"a1", "a2", "a3", "a4"}) left[digest::of("broken " + tag).text()] = 1'000'000;
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "open_blob" || left[c.ref]-- <= 0) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500", 0}, memory_registry::fault_at::before};
  };
  for (int pass = 0; pass < 30; ++pass) {
    must_pass();
    clock_.advance_us(3'600'000'000);
  }
  std::set<std::string> there;
  for (const auto& [tag, d] : target_.tags(repo)) there.insert(tag);
  EXPECT_EQ(there, (std::set<std::string>{"image", "sha256-" + std::string(image.hex()) + ".sig", "z"}));
  EXPECT_EQ(repository(repo).failed, 4u);
}

TEST_F(repository_sync_test, a_tag_its_event_was_ahead_of_is_waited_for) {
  const auto old = push("v1", "old");
  must_pass();
  const auto d = add_oci_image(source_, repo, {"new"});
  say_pushed(repo, "v1", d);
  int looks = 0;
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "get_manifest" && c.ref == "v1" && ++looks == 3) source_.set_tag(repo, "v1", d);
  };
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), d);
  EXPECT_EQ(pauses_.asked, (std::vector<std::int64_t>{50, 100}));
  EXPECT_NE(old, d);
}

TEST_F(repository_sync_test, a_tag_that_does_not_come_fails_first_and_counts_as_gone_once_its_event_is_old) {
  const auto d = add_oci_image(source_, repo, {"new"});
  say_pushed(repo, "v1", d);
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::failed);
  EXPECT_EQ(repository(repo).state, sync_state::failed);
  EXPECT_EQ(repository(repo).retry_count, 1u);
  EXPECT_GT(repository(repo).retry_at, clock_.now());
  source_.forget_calls();
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(source_.count("get_manifest", "v1"), 1u) << "patience is for the first try";
  clock_.advance_us(settings_.recent_us);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::removed);
}

TEST_F(repository_sync_test, a_tag_that_is_written_minutes_after_its_event_is_published_all_the_same) {
  const auto old = push("v1", "old");
  must_pass();
  const auto d = add_oci_image(source_, repo, {"new"});
  say_pushed(repo, "v1", d);
  for (int tries = 0; tries < 4; ++tries) {
    EXPECT_FALSE(must_pass().synced);
    EXPECT_EQ(target_.tag(repo, "v1"), old);
    clock_.advance_us(60'000'000);
  }
  source_.set_tag(repo, "v1", d);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), d);
}

TEST_F(repository_sync_test, the_target_has_what_the_source_shows_while_pushes_told_out_of_order_are_news) {
  const auto first = push("v1", "first");
  must_pass();
  const auto second = add_oci_image(source_, repo, {"second"});
  source_.set_tag(repo, "v1", second);
  say_pushed(repo, "v1", second);
  say_pushed(repo, "v1", first);
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), second);
  EXPECT_EQ(item(repo, "v1").state, item_state::failed);
  clock_.advance_us(settings_.recent_us);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), second);
}

TEST_F(repository_sync_test, an_index_whose_child_vanished_with_its_tag_is_not_published_in_pieces) {
  target_.does.checks_content = false;  // as some registries do with children
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto index = add_index(source_, repo, {child});
  source_.set_tag(repo, "multi", index);
  say_pushed(repo, "multi", index);
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb != "get_manifest" || c.ref != child.text()) return;
    source_.erase_manifest(repo, index);
    source_.erase_manifest(repo, child);
  };
  must_pass();
  EXPECT_FALSE(target_.tag(repo, "multi"));
}

TEST_F(repository_sync_test, a_child_that_somebody_deletes_before_its_index_is_put_is_brought_again) {
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto index = add_index(source_, repo, {child, add_oci_image(source_, repo, {"b"})});
  source_.set_tag(repo, "multi", index);
  say_pushed(repo, "multi", index);
  bool once = false;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "put_manifest" && c.ref == "multi" && !std::exchange(once, true)) target_.erase_manifest(repo, child);
  };
  EXPECT_TRUE(must_pass().synced);
  EXPECT_TRUE(once);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, a_child_that_somebody_deleted_at_a_later_try_is_not_known_to_be_there) {
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto other = add_oci_image(source_, repo, {"b"});
  const auto index = add_index(source_, repo, {child, other});
  source_.set_tag(repo, "multi", index);
  say_pushed(repo, "multi", index);
  int puts = 0;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "put_manifest" && c.ref == "multi") target_.erase_manifest(repo, ++puts == 1 ? other : child);
  };
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (puts < 2 || c.verb != "put_manifest" || c.ref != child.text()) return std::nullopt;
    return memory_registry::fault{away()};
  };
  EXPECT_FALSE(must_pass().synced);
  ASSERT_EQ(puts, 2);
  ASSERT_FALSE(target_.manifest_at(repo, child.text()));
  EXPECT_FALSE(where_->holds(repo, child.text()).value());
  EXPECT_TRUE(where_->holds(repo, other.text()).value());
}

TEST_F(repository_sync_test, the_source_is_believed_over_an_old_event) {
  const auto d = push("v1", "a");
  const auto other = add_oci_image(source_, repo, {"other"});
  source_.set_tag(repo, "v1", other);
  clock_.advance_us(3'600'000'000);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), other);
  EXPECT_EQ(target_.manifest_at(repo, d.text()), nullptr);
}

TEST_F(repository_sync_test, a_tag_that_moves_while_it_is_copied_is_followed) {
  push("v1", "first");
  const auto second = add_oci_image(source_, repo, {"second"});
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "resolve" && c.ref == "v1") source_.set_tag(repo, "v1", second);
  };
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), second);
  EXPECT_EQ(target_.count("put_manifest", "v1"), 1u);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, a_tag_that_never_stands_still_is_published_as_it_was_a_moment_ago) {
  push("v1", "first");
  int n = 0;
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "resolve" && c.ref == "v1") {
      source_.set_tag(repo, "v1", add_oci_image(source_, repo, {"next" + std::to_string(n++)}));
    }
  };
  EXPECT_TRUE(must_pass().synced);
  EXPECT_TRUE(target_.tag(repo, "v1"));
  EXPECT_TRUE(target_.violations().empty());
}

TEST_F(repository_sync_test, a_new_tag_for_a_known_image_sends_no_content) {
  const auto d = push("v1", "a");
  must_pass();
  source_.set_tag(repo, "v2", d);
  say_pushed(repo, "v2", d);
  target_.forget_calls();
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.calls().size(), 1u);
  EXPECT_EQ(target_.count("put_manifest", "v2"), 1u);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, a_verified_tag_that_is_pushed_again_is_asked_for_once) {
  const auto d = push("v1", "a");
  must_pass();
  ASSERT_TRUE(run(journal_->append({record::verified(repo, "v1", d)})));
  say_pushed(repo, "v1", d);
  target_.forget_calls();
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.operations(), 1u) << "somebody may have deleted it since";
}

TEST_F(repository_sync_test, one_bad_item_does_not_stop_the_others) {
  push("v1", "a");
  const auto bad = source_.add_manifest(repo, std::string(media_type::oci_manifest), "{\"layers\":[7]}");
  source_.set_tag(repo, "bad", bad);
  say_pushed(repo, "bad", bad);
  push("v2", "b");
  EXPECT_TRUE(must_pass().synced) << "a parked item is not open";
  EXPECT_EQ(item(repo, "bad").state, item_state::parked);
  EXPECT_EQ(item(repo, "bad").code, "invalid");
  EXPECT_EQ(repository(repo).parked, 1u);
  EXPECT_TRUE(target_.tag(repo, "v1") && target_.tag(repo, "v2"));
}

TEST_F(repository_sync_test, a_manifest_the_target_refuses_for_good_is_parked_until_superseded) {
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  push("v1", "a");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::parked);
  EXPECT_EQ(item(repo, "v1").code, "rejected");
  target_.does.refused_types.clear();
  push("v1", "b");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::done);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, a_target_that_takes_no_pushes_is_named_as_that) {
  target_.faults = [](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "begin_blob") return std::nullopt;
    return memory_registry::fault{{errc::unsupported, "status 405"}};
  };
  push("v1", "a");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::parked);
  EXPECT_NE(item(repo, "v1").reason.find("takes no pushes: is it read-only?"), std::string::npos);
  target_.faults = {};
}

TEST_F(repository_sync_test, content_missing_at_the_source_fails_once_and_is_then_parked) {
  push("v1", "a");
  source_.erase_blob(repo, digest::of("a"));
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::failed);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::parked);
  EXPECT_NE(item(repo, "v1").reason.find(digest::of("a").text()), std::string::npos);
  EXPECT_TRUE(target_.violations().empty());
}

TEST_F(repository_sync_test, content_is_missing_for_the_second_time_only_when_it_was_missing_before) {
  push("v1", "a");
  target_.fail_always(error{errc::throttled, "too many requests", 0});
  EXPECT_FALSE(must_pass().synced);
  target_.fail_always({});
  source_.erase_blob(repo, digest::of("a"));
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(item(repo, "v1").state, item_state::failed) << "a moment's state, as far as is known";
  source_.add_blob(repo, "a");
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, blobs_that_vanished_at_the_target_are_noticed_and_sent_again) {
  push("v1", "a");
  must_pass();
  target_.erase_blob(repo, digest::of("base"));
  push("v2", "b");
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  EXPECT_NE(target_.blob(repo, digest::of("base")), nullptr);
  EXPECT_EQ(journaled(log::event_kind::lost).size(), 1u);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, children_that_vanished_at_the_target_are_noticed_at_every_level) {
  const auto image = add_oci_image(source_, repo, {"a"});
  const auto inner = add_index(source_, repo, {image});
  for (const auto& [tag, d] : {std::pair("inner", inner), std::pair("image", image)}) {
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
  }
  must_pass();
  target_.erase_manifest(repo, inner);
  target_.erase_manifest(repo, image);
  target_.erase_blob(repo, digest::of("a"));
  const auto outer = add_index(source_, repo, {inner});
  source_.set_tag(repo, "outer", outer);
  say_pushed(repo, "outer", outer);
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  EXPECT_TRUE(target_.is_whole(repo, outer));
  EXPECT_TRUE(target_.violations().empty());
}

TEST_F(repository_sync_test, a_registry_that_does_not_answer_ends_the_pass_early) {
  for (int i = 0; i < 50; ++i) push("v" + std::to_string(i), "layer" + std::to_string(i));
  source_.fail_always(away());
  const auto report = must_pass();
  EXPECT_FALSE(report.synced);
  EXPECT_TRUE(report.host_trouble);
  EXPECT_LT(source_.operations(), 12u);
  EXPECT_NE(repository(repo).last_sync_failure.find("registry unavailable"), std::string::npos);
  source_.fail_always(std::nullopt);
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, old_items_that_fail_for_good_keep_neither_new_ones_nor_deletions_waiting) {
  push("gone", "g");
  ASSERT_TRUE(must_pass().synced);
  for (int i = 0; i < 4; ++i) push("bad" + std::to_string(i), "bad" + std::to_string(i));
  source_.before = [&](const memory_registry::call& c) {
    const bool bad = c.verb == "get_manifest" && c.ref.starts_with("bad");
    source_.fail_always(bad ? std::optional(away()) : std::nullopt);
  };
  EXPECT_TRUE(must_pass().host_trouble);
  const digest d = push("good", "good");
  source_.erase_manifest(repo, *source_.tag(repo, "gone"));
  say_erased(repo, "gone");
  EXPECT_FALSE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "good"), d);
  EXPECT_FALSE(target_.tag(repo, "gone"));
  source_.before = nullptr;
  source_.fail_always(std::nullopt);
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, a_registry_that_asks_for_time_gets_it) {
  push("v1", "a");
  source_.fail_always(error{errc::throttled, "too many requests", 120'000});
  const auto report = must_pass();
  EXPECT_GE(report.retry_at.us - clock_.now().us, 120'000'000);
}

TEST_F(repository_sync_test, more_items_than_a_page_holds_are_all_done) {
  settings_.items_per_page = 3;
  for (int i = 0; i < 20; ++i) push("v" + std::to_string(i), "layer" + std::to_string(i % 4));
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(repository(repo).synced_size, 20u);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, items_that_share_an_event_are_all_done_whatever_the_page) {
  settings_.items_per_page = 2;
  for (int i = 0; i < 7; ++i) push("v" + std::to_string(i), "layer" + std::to_string(i));
  must_pass();
  for (int i = 0; i < 7; ++i) source_.erase_manifest(repo, *source_.tag(repo, "v" + std::to_string(i)));
  say_erased(repo, {});
  EXPECT_TRUE(must_pass().synced);
  EXPECT_TRUE(target_.tags(repo).empty());
}

TEST_F(repository_sync_test, a_resync_looks_at_everything_anew_and_repairs_it) {
  const auto d = push("v1", "a");
  must_pass();
  target_.erase_manifest(repo, d);
  target_.erase_blob(repo, digest::of("a"));
  ASSERT_TRUE(run(journal_->append({record::resync_asked(repo)})));
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
  EXPECT_EQ(source_.bytes_served(digest::of("base")), 4u) << "what is still there is not sent again";
}

TEST_F(repository_sync_test, a_stop_leaves_the_rest_open_and_journals_no_failure) {
  for (int i = 0; i < 30; ++i) push("v" + std::to_string(i), "layer" + std::to_string(i));
  const sync_world w = world();
  sync_progress progress;
  repository_sync pass(w, repo, progress);
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "put_manifest") pass.stop();
  };
  const auto ended = run(pass.run());
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, errc::stopped);
  EXPECT_TRUE(journaled(log::event_kind::item_failed).empty());
  EXPECT_TRUE(journaled(log::event_kind::sync_failed).empty());
  target_.before = {};
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
}

TEST_F(repository_sync_test, whichever_operation_fails_the_target_is_never_half_and_in_the_end_equal) {
  const auto build = [&](const std::string& name) {
    const auto amd = add_oci_image(source_, name, {"base", "amd" + name});
    const auto arm = add_oci_image(source_, name, {"base", "arm" + name});
    const auto index = add_index(source_, name, {amd, arm});
    source_.set_tag(name, "multi", index);
    say_pushed(name, "multi", index);
    push("single", "single" + name, name);
  };
  for (const bool at_source : {true, false}) {
    for (const auto at : {memory_registry::fault_at::before, memory_registry::fault_at::after}) {
      bool reached = true;
      for (std::uint64_t n = 0; reached; ++n) {
        ASSERT_LT(n, 300u);
        const std::string name = std::string("r") + (at_source ? "s" : "t") +
                                 (at == memory_registry::fault_at::before ? "b" : "a") + std::to_string(n);
        build(name);
        memory_registry& faulty = at_source ? source_ : target_;
        const auto start = faulty.operations();
        faulty.fail_operation(n, away(), at);
        auto report = must_pass(name);
        reached = faulty.operations() - start > n;
        for (int again = 0; again < 3 && !report.synced; ++again) report = must_pass(name);
        ASSERT_TRUE(report.synced) << n << ": " << repository(name).last_sync_failure;
        EXPECT_EQ(target_.tags(name), source_.tags(name));
        EXPECT_TRUE(target_.violations().empty());
      }
    }
  }
}

TEST_F(repository_sync_test, a_page_that_always_fails_keeps_nothing_on_the_next_page_from_its_turn) {
  settings_.items_per_page = 4;
  for (const std::string tag : {"a1", "a2", "a3", "a4"}) push(tag, "broken " + tag);
  push("z", "flaky z");
  std::map<std::string, int> left{{digest::of("flaky z").text(), 8}};
  for (const std::string tag : {"a1", "a2", "a3", "a4"}) left[digest::of("broken " + tag).text()] = 1'000'000;
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "open_blob" || left[c.ref]-- <= 0) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500", 0}, memory_registry::fault_at::before};
  };
  for (int pass = 0; pass < 30; ++pass) {
    must_pass();
    clock_.advance_us(3'600'000'000);
  }
  EXPECT_TRUE(target_.tag(repo, "z")) << "still to fail: " << left[digest::of("flaky z").text()];
}

TEST_F(repository_sync_test, what_always_fails_keeps_no_deletion_from_its_turn) {
  settings_.failures_max = 4;
  push("gone", "gone");
  push("stays", "stays");
  push("stays2", "stays2");
  must_pass();
  for (const std::string tag : {"a1", "a2", "a3", "a4"}) push(tag, "broken " + tag);
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    for (const std::string tag : {"a1", "a2", "a3", "a4"}) {
      if (c.verb == "open_blob" && c.ref == digest::of("broken " + tag).text()) {
        return memory_registry::fault{{errc::corrupt, "wrong digest", 0}, memory_registry::fault_at::before};
      }
    }
    return std::nullopt;
  };
  source_.erase_manifest(repo, *source_.tag(repo, "gone"));
  say_erased(repo, "gone");
  for (int pass = 0; pass < 30; ++pass) {
    must_pass();
    clock_.advance_us(3'600'000'000);
  }
  EXPECT_FALSE(target_.tag(repo, "gone"));
}

TEST_F(repository_sync_test, deletions_that_always_fail_keep_none_behind_them_from_its_turn) {
  for (const std::string tag : {"d1", "d2", "d3", "d4", "s1", "s2", "s3", "s4", "s5"}) push(tag, tag);
  must_pass();
  int left = 1;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "delete_tag" || (c.ref == "d4" && left-- <= 0)) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500", 0}, memory_registry::fault_at::before};
  };
  for (const std::string tag : {"d1", "d2", "d3", "d4"}) {
    source_.erase_manifest(repo, *source_.tag(repo, tag));
    say_erased(repo, tag);
  }
  for (int pass = 0; pass < 30; ++pass) {
    must_pass();
    clock_.advance_us(3'600'000'000);
  }
  EXPECT_FALSE(target_.tag(repo, "d4")) << "it failed once";
}

}  // namespace
}  // namespace longshore::engine
