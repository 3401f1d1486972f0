#include "engine/actual.h"

#include "engine/repository_state.h"
#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

using log::event_kind;

class actual_test : public view_test<actual> {
 protected:
  void settle(event_kind kind, std::string tag, std::string digest, std::uint64_t seq) {
    fold(said(kind, "team/app", std::move(tag), std::move(digest), {},
              "{\"seq\":" + std::to_string(seq) + ",\"reason\":\"why\",\"code\":\"rejected\"}"));
  }
  void state(event_kind kind, std::string detail = {}) { fold(said(kind, "team/app", {}, {}, {}, std::move(detail))); }
  actual_repository repository() {
    auto r = view_->repository("team/app");
    EXPECT_TRUE(r && r->has_value());
    return r->value_or(actual_repository{});
  }
  actual_item item(std::string ref) {
    auto i = view_->item("team/app", ref);
    EXPECT_TRUE(i && i->has_value());
    return i->value_or(actual_item{});
  }
};

TEST_F(actual_test, a_pass_goes_from_started_to_synced_at_a_size) {
  state(event_kind::sync_started);
  EXPECT_EQ(repository().state, sync_state::started);
  state(event_kind::sync_succeeded, R"({"synced_size":7})");
  EXPECT_EQ(repository().state, sync_state::synced);
  EXPECT_EQ(repository().synced_size, 7u);
  EXPECT_GT(repository().last_synced_at.us, 0);
}

TEST_F(actual_test, synced_size_never_goes_back_by_a_later_pass) {
  state(event_kind::sync_succeeded, R"({"synced_size":7})");
  state(event_kind::sync_succeeded, R"({"synced_size":3})");
  EXPECT_EQ(repository().synced_size, 7u);
}

TEST_F(actual_test, a_failed_pass_keeps_reason_count_and_retry_time_until_one_succeeds) {
  state(event_kind::sync_failed, R"({"reason":"no route","retry_at_us":99,"retry_count":3})");
  EXPECT_EQ(repository().state, sync_state::failed);
  EXPECT_EQ(repository().last_sync_failure, "no route");
  EXPECT_EQ(repository().retry_at.us, 99);
  EXPECT_EQ(repository().retry_count, 3u);
  state(event_kind::sync_succeeded, R"({"synced_size":1})");
  EXPECT_EQ(repository().last_sync_failure, "");
  EXPECT_EQ(repository().retry_count, 0u);
}

TEST_F(actual_test, what_is_skipped_is_counted_with_its_rule_until_something_newer_settles_it) {
  fold(said(event_kind::item_skipped, "team/app", "rc", {}, {}, R"({"seq":4,"rule":"tags_exclude: rc","filter":"f"})"));
  EXPECT_EQ(item("rc").state, item_state::skipped);
  EXPECT_EQ(item("rc").reason, "tags_exclude: rc");
  EXPECT_EQ(item("rc").code, "filter");
  EXPECT_EQ(repository().skipped, 1u);
  EXPECT_TRUE(is_stale(repository(), "g"));
  EXPECT_FALSE(is_stale(repository(), "f"));
  settle(event_kind::published, "rc", digest_of("a"), 5);
  EXPECT_EQ(repository().skipped, 0u);
  EXPECT_FALSE(is_stale(repository(), "g"));
}

TEST_F(actual_test, what_is_opened_again_during_a_pass_is_not_settled_by_its_end) {
  state(event_kind::sync_started);
  settle(event_kind::item_parked, "v1", {}, 4);
  settle(event_kind::item_parked, "v2", {}, 6);
  state(event_kind::sync_succeeded, R"({"synced_size":7})");
  state(event_kind::sync_started);
  state(event_kind::unpark_asked);
  EXPECT_EQ(repository().synced_size, 4u);
  EXPECT_EQ(item("v1").tried_size, 0u);
  state(event_kind::sync_succeeded, R"({"synced_size":8})");
  EXPECT_EQ(repository().synced_size, 4u);
  EXPECT_EQ(repository().state, sync_state::pending);
  state(event_kind::sync_started);
  state(event_kind::sync_succeeded, R"({"synced_size":8})");
  EXPECT_EQ(repository().synced_size, 8u);
  EXPECT_EQ(repository().state, sync_state::synced);
}

TEST_F(actual_test, an_operators_skip_stands_against_failures_of_the_same_event_and_survives_other_filters) {
  fold(said(event_kind::skip_asked, "team/app", "v1", {}, {}, R"({"seq":4,"rule":"operator: enough"})"));
  settle(event_kind::item_failed, "v1", {}, 4);
  EXPECT_EQ(item("v1").state, item_state::skipped);
  state(event_kind::filter_changed, R"({"filter":"g"})");
  EXPECT_EQ(item("v1").tried_size, 5u);
  settle(event_kind::item_failed, "v1", {}, 9);
  EXPECT_EQ(item("v1").state, item_state::failed);
  EXPECT_EQ(repository().skipped, 0u);
}

TEST_F(actual_test, one_item_is_opened_again_by_name) {
  settle(event_kind::item_parked, "v1", {}, 4);
  settle(event_kind::item_parked, "v2", {}, 6);
  fold(said(event_kind::unpark_asked, "team/app", "v2", {}));
  EXPECT_EQ(item("v1").tried_size, 5u);
  EXPECT_EQ(item("v2").tried_size, 0u);
}

TEST_F(actual_test, a_retry_asked_for_is_due) {
  state(event_kind::sync_failed, R"({"reason":"no route","retry_at_us":99,"retry_count":3})");
  state(event_kind::retry_asked);
  EXPECT_EQ(repository().retry_at.us, 0);
  EXPECT_EQ(repository().retry_count, 3u);
}

TEST_F(actual_test, published_tags_are_found_by_digest_until_they_move) {
  settle(event_kind::published, "v1", digest_of("a"), 4);
  settle(event_kind::published, "v2", digest_of("a"), 5);
  EXPECT_EQ(*view_->tags_at("team/app", digest_of("a")), (std::vector<std::string>{"v1", "v2"}));
  settle(event_kind::published, "v1", digest_of("b"), 6);
  settle(event_kind::removed, "v2", "", 7);
  EXPECT_TRUE(view_->tags_at("team/app", digest_of("a"))->empty());
  EXPECT_EQ(item("v1").done_size, 7u);
  EXPECT_EQ(item("v2").state, item_state::removed);
}

TEST_F(actual_test, parked_and_failed_items_are_counted_while_they_are) {
  settle(event_kind::item_parked, "v1", "", 1);
  settle(event_kind::item_failed, "v2", "", 2);
  settle(event_kind::item_failed, "v2", "", 2);
  EXPECT_EQ(repository().parked, 1u);
  EXPECT_EQ(repository().failed, 1u);
  EXPECT_EQ(item("v1").reason, "why");
  EXPECT_EQ(item("v1").code, "rejected");
  settle(event_kind::published, "v1", digest_of("a"), 3);
  settle(event_kind::published, "v2", digest_of("a"), 3);
  EXPECT_EQ(repository().parked, 0u);
  EXPECT_EQ(repository().failed, 0u);
}

TEST_F(actual_test, a_resync_forgets_that_work_is_done_but_not_what_stands_at_the_target) {
  settle(event_kind::published, "v1", digest_of("a"), 4);
  state(event_kind::sync_succeeded, R"({"synced_size":5})");
  state(event_kind::resync_asked);
  EXPECT_EQ(repository().synced_size, 0u);
  EXPECT_EQ(repository().state, sync_state::pending);
  EXPECT_EQ(item("v1").done_size, 0u);
  EXPECT_EQ(item("v1").digest, digest_of("a"));
}

TEST_F(actual_test, what_was_verified_stays_over_a_resync_and_goes_with_the_target) {
  const auto verify = [&] {
    settle(event_kind::published, "v1", digest_of("a"), 4);
    fold(said(event_kind::verified, "team/app", "v1", digest_of("a")));
    state(event_kind::repository_verified, R"({"checksum":"sha256:00","tags":1})");
  };
  verify();
  state(event_kind::resync_asked);
  EXPECT_EQ(repository().checksum, "sha256:00");
  EXPECT_GT(item("v1").verified_at.us, 0);
  verify();
  state(event_kind::deletes_allowed);
  state(event_kind::resync_asked, R"({"new_target":1})");
  EXPECT_EQ(repository().checksum, "");
  EXPECT_EQ(repository().verified_at.us, 0);
  EXPECT_FALSE(repository().deletes_allowed);
  EXPECT_EQ(item("v1").verified_at.us, 0);
  EXPECT_EQ(item("v1").done_size, 0u);
}

TEST_F(actual_test, a_synced_repository_with_newer_items_is_pending) {
  state(event_kind::sync_succeeded, R"({"synced_size":5})");
  EXPECT_EQ(state_of({"team/app", 5, {}, {}}, repository()).state, sync_state::synced);
  EXPECT_EQ(state_of({"team/app", 6, {}, {}}, repository()).state, sync_state::pending);
  EXPECT_EQ(state_of({"team/app", 6, {}, {}}, std::nullopt).state, sync_state::pending);
}

TEST_F(actual_test, a_mismatch_opens_its_item_again_and_a_pass_begins_there) {
  settle(event_kind::published, "v1", digest_of("a"), 4);
  settle(event_kind::published, "v2", digest_of("b"), 6);
  state(event_kind::sync_succeeded, R"({"synced_size":7})");
  fold(said(event_kind::mismatched, "team/app", "v1", {}, {},
            R"({"seq":4,"kind":"missing_blob","reason":"a blob is not there"})"));
  EXPECT_EQ(item("v1").state, item_state::failed);
  EXPECT_EQ(item("v1").done_size, 0u);
  EXPECT_EQ(item("v1").reason, "a blob is not there");
  EXPECT_EQ(item("v1").code, "missing_blob");
  EXPECT_EQ(item("v2").done_size, 7u);
  EXPECT_EQ(repository().synced_size, 4u);
  EXPECT_EQ(repository().state, sync_state::failed);
  EXPECT_EQ(repository().mismatches, 1u);
  state(event_kind::repository_verified, R"({"checksum":"sha256:1","tags":2,"unjudged":1})");
  EXPECT_EQ(repository().mismatches, 1u) << "it was not judged: it is amiss still";
  settle(event_kind::published, "v1", digest_of("a"), 4);
  state(event_kind::repository_verified, R"({"checksum":"sha256:1","tags":2,"unjudged":0})");
  EXPECT_EQ(repository().checksum, "sha256:1");
  EXPECT_EQ(repository().mismatches, 0u);
  EXPECT_GT(repository().verified_at.us, 0);
  EXPECT_EQ(repository().failed, 0u);
}

TEST_F(actual_test, what_a_verification_left_amiss_shows_until_one_finds_it_gone) {
  settle(event_kind::published, "v1", digest_of("a"), 4);
  state(event_kind::sync_succeeded, R"({"synced_size":5})");
  state(event_kind::repository_amiss, R"({"found":2,"reason":"v9: extra"})");
  const auto shown = [&] { return state_of({"team/app", 5, {}, {}}, repository()); };
  EXPECT_EQ(repository().state, sync_state::synced) << "no pass is owed";
  EXPECT_EQ(shown().state, sync_state::failed);
  EXPECT_EQ(shown().last_sync_failure, "verification left 2 amiss: v9: extra");
  EXPECT_EQ(shown().mismatches, 2u);
  state(event_kind::repository_verified, R"({"checksum":"sha256:1","tags":1,"unjudged":1})");
  EXPECT_EQ(shown().state, sync_state::failed) << "it may have been what could not be judged";
  state(event_kind::repository_amiss, R"({"found":0,"reason":""})");
  EXPECT_EQ(shown().state, sync_state::synced);
  EXPECT_EQ(shown().mismatches, 0u);
}

TEST_F(actual_test, what_was_settled_otherwise_than_told_is_counted_until_it_is_settled_as_told) {
  const auto apart = [&](std::string_view detail) {
    fold(said(event_kind::published, "team/app", "v1", digest_of("a"), {}, std::string(detail)));
  };
  apart(R"({"seq":4,"apart":1})");
  settle(event_kind::published, "v2", digest_of("b"), 5);
  state(event_kind::sync_succeeded, R"({"synced_size":6})");
  EXPECT_TRUE(item("v1").apart);
  EXPECT_FALSE(item("v2").apart);
  EXPECT_EQ(repository().apart, 1u);
  settle(event_kind::verified, "v1", digest_of("a"), 0);
  EXPECT_TRUE(item("v1").apart);
  fold(said(event_kind::unpark_asked, "team/app", "v1", {}, {}, {}));
  EXPECT_EQ(item("v1").done_size, 0u);
  EXPECT_EQ(repository().synced_size, 4u);
  EXPECT_EQ(repository().state, sync_state::pending);
  apart(R"({"seq":4})");
  EXPECT_FALSE(item("v1").apart);
  EXPECT_EQ(repository().apart, 0u);
}

TEST_F(actual_test, a_tag_counts_as_verified_only_at_the_digest_that_was) {
  settle(event_kind::published, "v1", digest_of("a"), 4);
  settle(event_kind::verified, "v1", digest_of("b"), 0);
  EXPECT_EQ(item("v1").verified_at.us, 0);
  settle(event_kind::verified, "v1", digest_of("a"), 0);
  EXPECT_GT(item("v1").verified_at.us, 0);
  settle(event_kind::published, "v1", digest_of("b"), 5);
  EXPECT_EQ(item("v1").verified_at.us, 0);
}

TEST_F(actual_test, allowed_deletions_open_what_was_held_back_and_nothing_else) {
  settle(event_kind::item_parked, "refused", "", 3);
  fold(said(event_kind::item_parked, "team/app", "held", {}, {}, R"({"seq":5,"reason":"many","code":"over_ceiling"})"));
  state(event_kind::sync_succeeded, R"({"synced_size":9})");
  state(event_kind::deletes_allowed);
  EXPECT_EQ(item("held").tried_size, 0u);
  EXPECT_EQ(item("refused").tried_size, 4u);
  EXPECT_EQ(repository().synced_size, 5u);
  EXPECT_TRUE(repository().deletes_allowed);
  state(event_kind::sync_succeeded, R"({"synced_size":9})");
  EXPECT_FALSE(repository().deletes_allowed);
}

TEST_F(actual_test, a_record_with_broken_detail_does_not_stop_the_fold) {
  state(event_kind::sync_failed, "{not json");
  EXPECT_EQ(repository().state, sync_state::failed);
}

class doubts_test : public view_test<actual> {
 protected:
  void record(event_kind kind, std::string repository, std::string tag = {}) {
    fold(said(kind, std::move(repository), std::move(tag), digest_of("x")));
  }
  std::uint64_t doubted(const std::string& repository) {
    auto r = view_->repository(repository);
    EXPECT_TRUE(r);
    return r && *r ? (*r)->doubted : 0;
  }
  std::size_t remembered(const std::string& repository) {
    return view_->doubts(repository, doubt_of::what_is_gone)->size();
  }
};

TEST_F(doubts_test, a_doubt_lasts_in_each_repository_until_it_is_read_right_there) {
  record(event_kind::content_doubted, "a");
  record(event_kind::content_doubted, "a");
  record(event_kind::content_doubted, "b");
  EXPECT_EQ(doubted("a"), 1u);
  EXPECT_TRUE(*view_->is_doubted(digest_of("x")));
  EXPECT_FALSE(*view_->is_doubted(digest_of("y")));
  record(event_kind::content_believed, "a");
  EXPECT_EQ(doubted("a"), 0u);
  EXPECT_EQ(doubted("b"), 1u);
  EXPECT_TRUE(*view_->is_doubted(digest_of("x")));
  record(event_kind::content_believed, "b");
  EXPECT_FALSE(*view_->is_doubted(digest_of("x")));
}

TEST_F(doubts_test, one_thing_with_wrong_bytes_is_told_as_one) {
  const auto told = [&] {
    auto r = view_->repository("a");
    EXPECT_TRUE(r && *r);
    (*r)->state = sync_state::synced;
    return state_of({.name = "a"}, **r).last_sync_failure;
  };
  record(event_kind::content_doubted, "a");
  EXPECT_TRUE(told().starts_with("1 blob or manifest has other bytes at the target than its digest says; delete it "));
  fold(said(event_kind::content_doubted, "a", {}, digest_of("y")));
  EXPECT_TRUE(told().starts_with("2 blobs or manifests have other bytes at the target than their digests say; "));
}

TEST_F(doubts_test, what_comes_while_it_is_doubted_anywhere_is_doubted_there) {
  record(event_kind::located, "early");
  record(event_kind::content_doubted, "a");
  record(event_kind::located, "b");
  record(event_kind::published, "c", "v1");
  EXPECT_EQ(doubted("early"), 0u) << "who finds it doubts it where it is";
  EXPECT_EQ(doubted("b"), 1u);
  EXPECT_EQ(doubted("c"), 1u);
}

TEST_F(doubts_test, what_is_gone_is_doubted_no_more_and_again_when_it_comes_back) {
  record(event_kind::content_doubted, "a");
  record(event_kind::lost, "a");
  record(event_kind::lost, "a");
  EXPECT_EQ(doubted("a"), 0u);
  EXPECT_TRUE(*view_->is_doubted(digest_of("x"))) << "the registry may have kept its file";
  EXPECT_EQ(view_->doubts("a", doubt_of::what_is_gone)->size(), 1u);
  record(event_kind::located, "a");
  EXPECT_EQ(doubted("a"), 1u);
  record(event_kind::removed, "a", "v1");
  EXPECT_EQ(doubted("a"), 1u) << "a tag went, not what it named";
  record(event_kind::removed, "a");
  EXPECT_EQ(doubted("a"), 0u);
}

TEST_F(doubts_test, reading_it_right_anywhere_forgets_what_is_gone_elsewhere) {
  record(event_kind::content_doubted, "a");
  record(event_kind::content_doubted, "b");
  record(event_kind::content_doubted, "c");
  record(event_kind::lost, "a");
  record(event_kind::content_believed, "b");
  EXPECT_EQ(remembered("a"), 0u);
  EXPECT_EQ(doubted("c"), 1u) << "that one has not been read";
  record(event_kind::located, "a");
  EXPECT_EQ(doubted("a"), 1u);
  record(event_kind::content_believed, "a");
  record(event_kind::content_believed, "c");
  record(event_kind::located, "d");
  EXPECT_EQ(doubted("d"), 0u);
}

}  // namespace
}  // namespace longshore::engine
