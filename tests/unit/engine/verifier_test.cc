#include "engine/verifier.h"

#include <functional>
#include <future>
#include <utility>

#include "engine/journal_records.h"
#include "engine/repository_state.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class verifier_test : public engine_world {
 protected:
  digest push(const std::string& repo, const std::string& tag, const std::vector<std::string>& layers) {
    const digest d = add_oci_image(source_, repo, layers);
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
    return d;
  }
  digest push_index(const std::string& repo, const std::string& tag, const std::vector<digest>& children) {
    const digest d = add_index(source_, repo, children);
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
    return d;
  }
  // Two images of which one is an index, at the target.
  void mirror(const std::string& repo) {
    push(repo, "plain", {"base", "top of " + repo});
    push_index(repo, "multi",
               {add_oci_image(source_, repo, {"base", "amd of " + repo}),
                add_oci_image(source_, repo, {"base", "arm of " + repo})});
    must_pass(repo);
    clock_.advance_us(3'600'000'000);
  }
  void must_pass(const std::string& repo) {
    const auto r = pass_over(repo);
    ASSERT_TRUE(r) << r.error().text;
    ASSERT_TRUE(r->synced) << repository(repo).last_sync_failure;
  }
  verify_verdict verify(const std::string& repo, bool deep = false) {
    const sync_world w = world();
    verify_progress progress;
    pace rate(pauses_, clock_, 0);
    verifier v(w, repo, deep, verifying_, progress, rate);
    auto verdict = run(v.run());
    EXPECT_TRUE(verdict) << verdict.error().text;
    return verdict.value_or(verify_verdict{});
  }
  void mend(const std::string& repo, const verify_verdict& verdict) {
    auto records = reopening(world(), verdict);
    ASSERT_TRUE(records);
    ASSERT_FALSE(records->empty());
    ASSERT_TRUE(run(journal_->append(*std::move(records))));
    must_pass(repo);
  }
  // 150 images of r, and after them zzz, which lacks a blob at the target: the digests of the many.
  std::set<std::string> many_before_one_that_lacks_a_blob() {
    mirror("r");
    std::set<std::string> many;
    for (int i = 0; i < 150; ++i) {
      many.insert(push("r", "v" + std::to_string(i), {"l" + std::to_string(i)}).text());
    }
    push("r", "zzz", {"last"});
    must_pass("r");
    clock_.advance_us(3'600'000'000);
    target_.erase_blob("r", digest::of("last"));
    return many;
  }
  static std::string kinds(const verify_verdict& v) {
    std::string all;
    for (const tag_mismatch& m : v.mismatches) {
      all += (all.empty() ? "" : " ") + m.tag + "=" + std::string(name_of(m.kind));
    }
    return all;
  }
  static std::string refers_to(const digest& d) {
    return ",\"subject\":" + descriptor_json(media_type::oci_manifest, d, 1);
  }
  using state = verify_verdict::state;
  verifier_settings verifying_;
};

TEST_F(verifier_test, a_mirrored_repository_is_clean_and_the_journal_says_when_and_with_which_checksum) {
  mirror("r");
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::clean) << kinds(v) << v.reason;
  EXPECT_EQ(v.tags, 2u);
  EXPECT_EQ(v.checksum, checksum_of(*desired_, "r")->checksum) << "a site knows it from its log alone";
  EXPECT_EQ(repository("r").checksum, v.checksum);
  EXPECT_GT(repository("r").verified_at.us, 0);
  EXPECT_GT(item("r", "plain").verified_at.us, 0);
  EXPECT_TRUE(v.findings.empty());
}

TEST_F(verifier_test, each_kind_of_damage_is_named_reopened_with_its_reason_and_mended) {
  struct damage {
    const char* named;
    std::function<void(const std::string&)> make;
    bool deep = false;
  };
  const auto child_of = [&](const std::string& repo) {
    const auto* m = source_.manifest_at(repo, "multi");
    return parse_manifest(m->media_type, m->bytes)->references.at(0).target.digest;
  };
  const auto config_of = [&](const std::string& repo) {
    const auto* m = source_.manifest_at(repo, "plain");
    return parse_manifest(m->media_type, m->bytes)->references.at(0).target.digest;
  };
  const std::vector<damage> all = {
      {"plain=missing_tag", [&](auto& r) { target_.erase_tag(r, "plain"); }},
      {"plain=other_digest", [&](auto& r) { target_.set_tag(r, "plain", *target_.tag(r, "multi")); }},
      {"plain=missing_blob", [&](auto& r) { target_.erase_blob(r, digest::of("top of " + r)); }},
      {"plain=missing_blob", [&](auto& r) { target_.erase_blob(r, config_of(r)); }},
      {"multi=missing_blob", [&](auto& r) { target_.erase_blob(r, digest::of("amd of " + r)); }},
      {"multi=missing_manifest", [&](auto& r) { target_.erase_manifest(r, child_of(r)); }},
      {"plain=missing_tag", [&](auto& r) { target_.erase_manifest(r, *target_.tag(r, "plain")); }},
  };
  int n = 0;
  for (const damage& d : all) {
    const std::string repo = "r" + std::to_string(n++);
    mirror(repo);
    d.make(repo);
    const auto v = verify(repo, d.deep);
    EXPECT_EQ(v.is, state::mismatched);
    EXPECT_EQ(kinds(v), d.named) << repo;
    EXPECT_EQ(repository(repo).verified_at.us, 0);
    auto records = reopening(world(), v);
    ASSERT_TRUE(records);
    ASSERT_TRUE(run(journal_->append(*std::move(records))));
    const std::string tag(d.named, 5);
    EXPECT_EQ(item(repo, tag).state, item_state::failed);
    EXPECT_FALSE(item(repo, tag).reason.empty());
    EXPECT_EQ(repository(repo).state, sync_state::failed);
    must_pass(repo);
    expect_mirrored(repo);
    EXPECT_EQ(verify(repo).is, state::clean);
    EXPECT_EQ(repository(repo).mismatches, 0u);
  }
}

TEST_F(verifier_test, a_signature_that_the_target_lost_is_named_and_brought_again) {
  source_.does.lists_referrers = true;
  mirror("r");
  const digest image = *source_.tag("r", "plain");
  const auto refers_to = [&](const digest& d) {
    return ",\"subject\":" + descriptor_json(media_type::oci_manifest, d, 1);
  };
  const digest signature = add_oci_image(source_, "r", {"signature"}, refers_to(image));
  const digest of_it = add_oci_image(source_, "r", {"signature of the signature"}, refers_to(signature));
  for (const digest& lacking : {signature, of_it}) {
    const auto v = verify("r");
    EXPECT_EQ(kinds(v), "plain=missing_referrer") << lacking.text();
    auto records = reopening(world(), v);
    ASSERT_TRUE(records);
    ASSERT_TRUE(run(journal_->append(*std::move(records))));
    must_pass("r");
    EXPECT_TRUE(target_.is_whole("r", signature));
    EXPECT_TRUE(target_.is_whole("r", of_it));
    EXPECT_EQ(verify("r").is, state::clean);
    target_.erase_manifest("r", of_it);
  }
  source_.does.lists_referrers = false;
  EXPECT_EQ(verify("r").is, state::clean) << "a source that cannot list them has none that we know of";
}

TEST_F(verifier_test, a_referrer_that_is_still_open_is_unsettled_and_one_that_was_left_out_is_not_missed) {
  source_.does.lists_referrers = true;
  mirror("r");
  const digest image = *source_.tag("r", "plain");
  const digest signature =
      add_oci_image(source_, "r", {"signature"}, ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1));
  say_pushed_digest("r", signature);
  const auto open = verify("r");
  EXPECT_EQ(open.is, state::unjudged) << kinds(open);
  EXPECT_EQ(open.unsettled, 1u);
  EXPECT_TRUE(open.findings.empty());
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", signature.text()), "not this one")})));
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, a_referrer_that_arrives_between_two_looks_is_no_mismatch) {
  source_.does.lists_referrers = true;
  mirror("r");
  const digest image = *source_.tag("r", "plain");
  const auto refers = ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1);
  const digest signature = add_oci_image(source_, "r", {"signature"}, refers);
  int looks = 0;
  target_.before = [&](const memory_registry::call& c) {
    if (c.ref == signature.text() && ++looks == 2)
      EXPECT_EQ(add_oci_image(target_, "r", {"signature"}, refers), signature);
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unjudged) << kinds(v);
  EXPECT_TRUE(v.mismatches.empty());
  target_.before = nullptr;
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, a_referrer_that_the_target_refused_leaves_the_verdict_open) {
  source_.does.lists_referrers = true;
  target_.does.refused_types.insert(std::string(media_type::oci_artifact));
  const digest image = add_oci_image(source_, "r", {"signed"});
  source_.add_manifest("r", std::string(media_type::oci_artifact),
                       "{\"blobs\":[],\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1) + "}");
  source_.set_tag("r", "signed", image);
  say_pushed("r", "signed", image);
  ASSERT_TRUE(pass_over("r")->synced);
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unjudged);
  EXPECT_EQ(v.parked, 1u);
  EXPECT_TRUE(v.mismatches.empty());
}

TEST_F(verifier_test, wrong_bytes_are_found_by_reading_and_only_then) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  EXPECT_EQ(verify("r").is, state::clean);
  const auto v = verify("r", true);
  EXPECT_EQ(kinds(v), "plain=wrong_bytes");
  ASSERT_EQ(v.findings.size(), 1u);
  EXPECT_EQ(v.findings[0].lost.front(), digest::of("top of r"));
}

TEST_F(verifier_test, what_had_wrong_bytes_is_not_believed_before_it_was_read_again) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  const auto v = verify("r", true);
  ASSERT_EQ(v.is, state::mismatched);
  mend("r", v);
  const auto shown = [&] { return state_of(**desired_->repository("r"), repository("r")); };
  EXPECT_EQ(item("r", "plain").state, item_state::done) << "the registry keeps what it has under a digest";
  EXPECT_EQ(repository("r").doubted, 1u);
  EXPECT_EQ(shown().state, sync_state::failed);
  EXPECT_NE(shown().last_sync_failure.find("longshore verify"), std::string::npos);
  const auto again = verify("r");
  EXPECT_EQ(kinds(again), "plain=wrong_bytes") << "what is doubted is read, deep or not";
  mend("r", again);
  EXPECT_EQ(repository("r").mismatches, 1u) << "the same one";
  EXPECT_EQ(repository("r").doubted, 1u);
  target_.mend_bodies();
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u);
  EXPECT_EQ(shown().state, sync_state::synced);
  target_.forget_calls();
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(target_.count("open_blob"), 0u) << "only what is doubted";
}

TEST_F(verifier_test, what_is_left_amiss_is_counted_for_a_check_and_for_tags_that_the_log_does_not_know) {
  mirror("r");
  target_.erase_tag("r", "plain");
  target_.set_tag("r", "by-hand", *target_.tag("r", "multi"));
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "by-hand=extra_tag plain=missing_tag");
  EXPECT_EQ(left_by(v, false).found, 2u);
  EXPECT_EQ(left_by(v, true).found, 1u) << "the other is opened again";
  EXPECT_NE(left_by(v, true).reason.find("by-hand"), std::string::npos);
  target_.erase_tag("r", "by-hand");
  EXPECT_EQ(left_by(verify("r"), true).found, 0u);
  EXPECT_NE(left_by(verify("r"), false).reason.find("plain"), std::string::npos);
}

TEST_F(verifier_test, a_target_that_keeps_may_have_tags_that_nobody_knows) {
  mirror("r");
  target_.set_tag("r", "by-hand", *target_.tag("r", "multi"));
  ASSERT_EQ(verify("r").is, state::mismatched);
  settings_.deletes = delete_mode::keep;
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, a_doubted_blob_is_not_asked_for_as_a_manifest) {
  target_.does.breaks_on_blobs_as_manifests = true;
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  push("r", "plain", {"another"});
  must_pass("r");
  EXPECT_EQ(kinds(verify("r")), digest::of("top of r").text() + "=wrong_bytes");
  target_.mend_bodies();
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u);
}

TEST_F(verifier_test, a_doubt_about_what_nothing_needs_ends_when_it_is_read_right_or_gone) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  push("r", "plain", {"another"});
  must_pass("r");
  EXPECT_EQ(kinds(verify("r")), digest::of("top of r").text() + "=wrong_bytes") << "a tag may come back to it";
  EXPECT_EQ(repository("r").doubted, 1u);
  target_.erase_blob("r", digest::of("top of r"));
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u);
}

TEST_F(verifier_test, a_doubt_stays_with_its_content_whatever_becomes_of_the_tag) {
  push("r", "app", {"shared", "v1"});
  push("r", "lost", {"shared", "other"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.corrupt_body(digest::of("shared"));
  mend("r", verify("r", true));
  push("r", "app", {"shared", "v2"});
  target_.erase_tag("r", "lost");
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  mend("r", verify("r"));
  EXPECT_EQ(*target_.tag("r", "lost"), *source_.tag("r", "lost"));
  const auto shown = [&] { return state_of(**desired_->repository("r"), repository("r")).state; };
  EXPECT_EQ(shown(), sync_state::failed);
  EXPECT_EQ(verify("r").is, state::mismatched);
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "app"), "not this one")})));
  target_.mend_bodies();
  EXPECT_EQ(verify("r", true).is, state::clean) << "it was read, whoever names it";
  EXPECT_EQ(shown(), sync_state::synced);
}

TEST_F(verifier_test, wrong_bytes_behind_another_fault_are_doubted_too) {
  push("r", "plain", {"first layer", "second layer"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.erase_blob("r", digest::of("first layer"));
  target_.corrupt_body(digest::of("second layer"));
  const auto v = verify("r", true);
  EXPECT_EQ(kinds(v), "plain=missing_blob plain=wrong_bytes");
  mend("r", v);
  EXPECT_EQ(repository("r").doubted, 1u);
  EXPECT_EQ(kinds(verify("r")), "plain=wrong_bytes");
}

TEST_F(verifier_test, what_comes_in_the_place_of_wrong_bytes_is_read_before_it_is_believed) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  target_.erase_blob("r", digest::of("top of r"));
  target_.mend_bodies();
  mend("r", verify("r", true));
  EXPECT_EQ(repository("r").doubted, 1u) << "it may have been mounted from where it is as wrong";
  EXPECT_EQ(verify("r", true).is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u);
}

TEST_F(verifier_test, a_doubt_about_a_manifest_without_a_tag_ends_below_the_tag_it_gets) {
  mirror("r");
  const digest d = add_oci_image(source_, "r", {"untagged"});
  say_pushed_digest("r", d);
  must_pass("r");
  target_.corrupt_body(digest::of("untagged"));
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  source_.set_tag("r", "now", d);
  say_pushed("r", "now", d);
  must_pass("r");
  target_.mend_bodies();
  EXPECT_EQ(verify("r", true).is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u);
}

TEST_F(verifier_test, a_run_takes_back_nothing_that_another_found_meanwhile) {
  mirror("r");
  bool said = false;
  target_.before = [&](const memory_registry::call& c) {
    if (std::exchange(said, said || c.verb == "stat_blob") || c.verb != "stat_blob") return;
    std::promise<void> done;
    auto sent = journal_sequencer_->submit(
        {record::mismatched(**desired_->item("r", "plain"), "wrong_bytes", "by the other run")},
        [&](result<log::append_outcome>) { done.set_value(); });
    ASSERT_TRUE(sent);
    done.get_future().wait();
  };
  verify("r");
  target_.before = nullptr;
  ASSERT_TRUE(said);
  EXPECT_EQ(item("r", "plain").verified_at.us, 0);
  EXPECT_TRUE(item("r", "plain").amiss);
  EXPECT_GT(item("r", "multi").verified_at.us, 0);
}

TEST_F(verifier_test, one_bad_answer_is_no_finding) {
  mirror("r");
  for (const bool deep : {false, true}) {
    const std::string verb = deep ? "open_blob" : "get_manifest";
    bool once = false;
    target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (once || c.verb != verb) return std::nullopt;
      once = true;
      return memory_registry::fault{{errc::corrupt, "not HTTP/1.1", 0}, memory_registry::fault_at::before};
    };
    EXPECT_EQ(verify("r", deep).is, state::clean);
    EXPECT_TRUE(once) << verb;
    EXPECT_EQ(repository("r").doubted, 0u);
  }
}

TEST_F(verifier_test, a_manifest_below_a_tag_that_is_not_judged_is_judged_itself) {
  mirror("r");
  const digest child = add_oci_image(source_, "r", {"child"});
  say_pushed_digest("r", child);
  push_index("r", "idx", {child});
  must_pass("r");
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "idx"), "not this one")})));
  target_.erase_blob("r", digest::of("child"));
  EXPECT_EQ(kinds(verify("r")), child.text() + "=missing_blob");
}

TEST_F(verifier_test, a_referrer_whose_tag_moved_on_is_missed) {
  source_.does.lists_referrers = true;
  mirror("r");
  const digest image = *source_.tag("r", "plain");
  const digest signature = add_oci_image(source_, "r", {"sig1"}, refers_to(image));
  source_.set_tag("r", "sig", signature);
  say_pushed("r", "sig", signature);
  must_pass("r");
  push("r", "sig", {"something else"});
  must_pass("r");
  ASSERT_EQ(verify("r").is, state::clean);
  target_.erase_manifest("r", signature);
  EXPECT_EQ(kinds(verify("r")), "plain=missing_referrer");
  ASSERT_TRUE(run(journal_->append({record::item_parked(
      {"r", signature.text(), false, false, signature.text(), "", {0}, {}}, {errc::rejected, "refused"})})));
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unjudged);
  EXPECT_EQ(v.parked, 1u);
  ASSERT_EQ(v.left_out.size(), 1u);
  EXPECT_EQ(v.left_out[0].ref, signature.text());
}

TEST_F(verifier_test, what_only_a_manifest_needs_that_the_source_has_lost_is_not_missed) {
  mirror("r");
  const digest lost = add_oci_image(source_, "r", {"of the lost", "base"}),
               kept = add_oci_image(source_, "r", {"base"});
  push_index("r", "idx", {lost, kept});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  source_.erase_manifest("r", lost);
  target_.erase_blob("r", digest::of("of the lost"));
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "");
  EXPECT_EQ(v.unsettled, 0u) << "the source's image is no more whole";
  EXPECT_EQ(v.is, state::clean);
  target_.erase_blob("r", digest::of("base"));
  EXPECT_NE(kinds(verify("r")).find("idx=missing_blob"), std::string::npos) << "another needs it, too";
}

TEST_F(verifier_test, the_limit_of_mismatches_reached_at_the_end_is_no_trouble) {
  mirror("r");
  const digest d = add_oci_image(source_, "r", {"untagged"});
  say_pushed_digest("r", d);
  must_pass("r");
  target_.erase_manifest("r", d);
  verifying_.mismatches_max = verifying_.findings_max = 1;
  EXPECT_EQ(verify("r").is, state::mismatched);
}

TEST_F(verifier_test, a_manifest_without_a_tag_is_verified_too) {
  mirror("r");
  const digest whole = add_oci_image(source_, "r", {"untagged"}), gone = add_oci_image(source_, "r", {"also untagged"});
  say_pushed_digest("r", whole);
  say_pushed_digest("r", gone);
  must_pass("r");
  const auto clean = verify("r");
  EXPECT_EQ(clean.is, state::clean) << kinds(clean);
  EXPECT_EQ(clean.untagged, 2u);
  EXPECT_EQ(clean.checksum, checksum_of(*desired_, "r")->checksum) << "which is of tags";
  target_.erase_blob("r", digest::of("untagged"));
  target_.erase_manifest("r", gone);
  verifying_.tags_per_page = 1;
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), whole.text() + "=missing_blob " + gone.text() + "=missing_manifest");
  mend("r", v);
  EXPECT_TRUE(target_.is_whole("r", whole));
  EXPECT_TRUE(target_.is_whole("r", gone));
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, what_a_tag_has_as_its_subject_is_compared_and_what_a_referrer_has_is_not) {
  source_.does.lists_referrers = true;
  const digest image = add_oci_image(source_, "r", {"signed"});
  const auto refers = [&](const digest& d) {
    return ",\"subject\":" + descriptor_json(media_type::oci_manifest, d, 1);
  };
  const digest signature = add_oci_image(source_, "r", {"signature"}, refers(image));
  source_.set_tag("r", "sig", signature);
  say_pushed("r", "sig", signature);
  must_pass("r");
  ASSERT_TRUE(target_.is_whole("r", image));
  EXPECT_EQ(verify("r").is, state::clean);
  target_.erase_blob("r", digest::of("signed"));
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "sig=missing_blob");
  mend("r", v);
  EXPECT_TRUE(target_.is_whole("r", image));
  copying_.subjects = false;
  target_.erase_manifest("r", image);
  EXPECT_EQ(verify("r").is, state::clean) << "where subjects are not copied";
}

TEST_F(verifier_test, what_is_left_out_is_named_with_its_reason) {
  mirror("r");
  push("r", "open", {"n"});
  push("r", "skipped", {"n"});
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "skipped"), "not this one")})));
  const auto v = verify("r");
  ASSERT_EQ(v.left_out.size(), 2u);
  EXPECT_EQ(v.left_out[0].ref + ": " + v.left_out[0].why, "open: still being synced");
  EXPECT_EQ(v.left_out[1].ref + ": " + v.left_out[1].why, "skipped: left out: operator: not this one");
  EXPECT_EQ(v.skipped, 1u);
  verifying_.unjudged_max = 1;
  EXPECT_EQ(verify("r").left_out.size(), 1u);
}

TEST_F(verifier_test, a_tag_that_should_be_gone_is_named_and_removed_and_the_targets_own_is_only_named) {
  mirror("r");
  const auto d = *target_.tag("r", "plain");
  source_.erase_tag("r", "plain");
  say_erased("r", "plain");
  must_pass("r");
  target_.set_tag("r", "plain", d);
  target_.set_tag("r", "local", d);
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "local=extra_tag plain=extra_tag");
  EXPECT_EQ(v.findings.size(), 1u);
  mend("r", v);
  EXPECT_FALSE(target_.tag("r", "plain"));
  EXPECT_TRUE(target_.tag("r", "local"));
}

TEST_F(verifier_test, what_the_target_keeps_on_purpose_is_no_mismatch) {
  settings_.deletes = delete_mode::keep;
  mirror("r");
  source_.erase_tag("r", "plain");
  say_erased("r", "plain");
  must_pass("r");
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, each_digest_is_looked_at_once) {
  mirror("r");
  for (int i = 0; i < 6; ++i) push("r", "v" + std::to_string(i), {"base", "l" + std::to_string(i % 3)});
  must_pass("r");
  verifying_.tags_per_page = 3;
  target_.forget_calls();
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(target_.count("stat_blob", digest::of("base").text()), 1u);
  EXPECT_EQ(target_.count("get_manifest", target_.tag("r", "v0")->text()), 1u);
}

TEST_F(verifier_test, what_the_source_lacks_as_well_is_no_mismatch) {
  mirror("r");
  source_.erase_blob("r", digest::of("top of r"));
  target_.erase_blob("r", digest::of("top of r"));
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, tags_that_are_still_open_or_parked_are_not_judged) {
  mirror("r");
  push("r", "new", {"n"});
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unjudged);
  EXPECT_EQ(v.unsettled, 1u);
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  must_pass("r");
  EXPECT_EQ(verify("r").parked, 1u);
}

TEST_F(verifier_test, a_mismatch_whose_mending_fails_stays_counted_until_it_is_mended) {
  mirror("r");
  target_.erase_tag("r", "plain");
  auto records = reopening(world(), verify("r"));
  ASSERT_TRUE(records);
  ASSERT_TRUE(run(journal_->append(*std::move(records))));
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  must_pass("r");
  EXPECT_EQ(item("r", "plain").state, item_state::parked);
  EXPECT_EQ(verify("r").is, state::unjudged);
  EXPECT_GT(repository("r").verified_at.us, 0) << "else it would be verified again and again";
  EXPECT_EQ(repository("r").mismatches, 1u);
  target_.does.refused_types.clear();
  ASSERT_TRUE(run(journal_->append({record::unpark_asked("r")})));
  must_pass("r");
  EXPECT_EQ(verify("r").is, state::clean);
  EXPECT_EQ(repository("r").mismatches, 0u);
}

TEST_F(verifier_test, a_tag_that_the_log_moved_on_from_meanwhile_is_superseded) {
  mirror("r");
  bool once = true;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "resolve" && c.ref == "plain" && std::exchange(once, false)) push("r", "plain", {"moved"});
  };
  target_.erase_tag("r", "plain");
  const auto v = verify("r");
  EXPECT_EQ(v.mismatches.size(), 0u) << kinds(v);
  EXPECT_EQ(v.unsettled, 1u);
}

TEST_F(verifier_test, a_finding_that_is_open_again_by_itself_only_corrects_the_location_index) {
  mirror("r");
  target_.erase_tag("r", "plain");
  const auto v = verify("r");
  EXPECT_EQ(v.findings.size(), 1u);
  push("r", "plain", {"moved"});
  const auto records = reopening(world(), v);
  ASSERT_TRUE(records);
  ASSERT_FALSE(records->empty());
  for (const log::event& e : *records) EXPECT_EQ(e.kind, log::event_kind::lost);
}

TEST_F(verifier_test, a_source_that_serves_what_it_does_not_list_makes_it_unknown) {
  mirror("r");
  const auto d = *source_.tag("r", "plain");
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "list_tags") {
      source_.erase_tag("r", "plain");
    } else {
      source_.set_tag("r", "plain", d);
    }
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_NE(v.reason.find("does not list"), std::string::npos) << v.reason;
}

TEST_F(verifier_test, more_mismatches_than_are_held_end_it_as_unknown_with_those_found) {
  mirror("r");
  for (int i = 0; i < 6; ++i) push("r", "v" + std::to_string(i), {"l"});
  must_pass("r");
  for (int i = 0; i < 6; ++i) target_.erase_tag("r", "v" + std::to_string(i));
  verifying_.mismatches_max = verifying_.findings_max = 3;
  verifying_.tags_per_page = 2;
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_EQ(v.mismatches.size(), 3u);
}

TEST_F(verifier_test, whichever_operation_fails_once_it_tells_nothing_untrue) {
  mirror("whole");
  mirror("hurt");
  target_.erase_blob("hurt", digest::of("amd of hurt"));
  for (memory_registry* faulty : {&source_, &target_}) {
    for (const std::string repo : {"whole", "hurt"}) {
      const auto before = faulty->operations();
      const std::string amiss = kinds(verify(repo, true));
      const auto all = faulty->operations() - before;
      ASSERT_GT(all, 2u);
      for (std::uint64_t n = 0; n < all; ++n) {
        faulty->fail_operation(n, n % 2 == 0 ? away() : error{errc::unauthorized, "who?"});
        const auto v = verify(repo, true);
        EXPECT_NE(v.is, repo == "whole" ? state::mismatched : state::clean) << repo << " " << n;
        EXPECT_EQ(v.reason.empty(), v.is != state::unknown);
        if (v.is != state::unknown) {
          EXPECT_EQ(kinds(v), amiss) << n;
        }
      }
    }
  }
  EXPECT_EQ(verify("hurt").is, state::mismatched);
}

TEST_F(verifier_test, whatever_is_never_answered_makes_it_unknown_and_hides_nothing_else) {
  source_.does.lists_referrers = true;
  mirror("whole");
  mirror("hurt");
  target_.erase_blob("hurt", digest::of("amd of hurt"));
  for (memory_registry* faulty : {&source_, &target_}) {
    for (const std::string repo : {"whole", "hurt"}) {
      faulty->forget_calls();
      verify(repo, true);
      std::set<std::tuple<std::string, std::string, std::string>> questions;
      for (const auto& c : faulty->calls()) questions.emplace(c.verb, c.repository, c.ref);
      for (const auto& q : questions) {
        faulty->faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
          if (std::tuple(c.verb, c.repository, c.ref) != q) return std::nullopt;
          return memory_registry::fault{away()};
        };
        const auto v = verify(repo, true);
        EXPECT_EQ(v.is, state::unknown) << std::get<0>(q) << " " << std::get<2>(q);
        EXPECT_FALSE(v.reason.empty());
        if (repo == "whole") {
          EXPECT_EQ(kinds(v), "");
        }
        const bool of_plain = std::get<2>(q) == "plain" || std::get<2>(q) == source_.tag(repo, "plain")->text();
        if (repo == "hurt" && of_plain) {
          EXPECT_EQ(kinds(v), "multi=missing_blob");
        }
      }
      faulty->faults = nullptr;
    }
  }
}

TEST_F(verifier_test, a_registry_that_answers_nothing_any_more_ends_it_and_is_not_taken_for_damage) {
  mirror("r");
  for (int i = 0; i < 40; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  int asked = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb == "list_tags" && asked == 0) return std::nullopt;
    ++asked;
    return memory_registry::fault{away()};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_EQ(v.unserved, 0u);
  EXPECT_EQ(left_by(v, true).found, 0u);
  EXPECT_LT(asked, 30) << "it does not ask on";
}

TEST_F(verifier_test, whatever_is_damaged_is_found_and_mended) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    seeded_random random(seed);
    const std::string repo = "s" + std::to_string(seed);
    mirror(repo);
    for (int i = 0; i < 4; ++i) push(repo, "v" + std::to_string(i), {"base", repo + std::to_string(random.below(3))});
    must_pass(repo);
    const std::vector<std::string> tags{"plain", "multi", "v0", "v1", "v2", "v3"};
    for (std::uint64_t i = 0; i <= random.below(3); ++i) {
      const std::string tag = tags[random.below(tags.size())];
      const auto at = target_.tag(repo, tag);
      switch (random.below(4)) {
        case 0:
          target_.erase_tag(repo, tag);
          break;
        case 1:
          if (at) target_.erase_manifest(repo, *at);
          break;
        case 2:
          target_.erase_blob(repo, digest::of(repo + std::to_string(random.below(3))));
          break;
        default:
          target_.set_tag(repo, tag, *source_.tag(repo, tags[random.below(tags.size())]));
      }
    }
    bool damaged = target_.tags(repo) != source_.tags(repo);
    for (const auto& [tag, d] : target_.tags(repo)) damaged |= !target_.is_whole(repo, *digest::parse(d));
    const auto v = verify(repo);
    EXPECT_EQ(v.is, damaged ? state::mismatched : state::clean) << seed << " " << v.reason;
    if (!damaged) continue;
    mend(repo, v);
    EXPECT_EQ(target_.tags(repo), source_.tags(repo)) << seed;
    EXPECT_EQ(verify(repo).is, state::clean) << seed;
  }
}

TEST_F(verifier_test, a_rollback_brings_no_known_wrong_bytes_back_unnoticed) {
  mirror("r");
  const digest old = *source_.tag("r", "plain");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  push("r", "plain", {"another"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  ASSERT_EQ(verify("r").is, state::mismatched);
  source_.set_tag("r", "plain", old);
  say_pushed("r", "plain", old);
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  ASSERT_EQ(*target_.tag("r", "plain"), old);
  EXPECT_NE(verify("r").is, state::clean) << "the target was seen to serve other bytes, and nobody read them since";
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced);
}

TEST_F(verifier_test, known_wrong_bytes_are_not_spread_to_another_repository) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  push("s", "v1", {"top of r", "own"});
  must_pass("s");
  clock_.advance_us(3'600'000'000);
  EXPECT_EQ(target_.count("mount", digest::of("top of r").text()), 0u) << "from where it is known to be wrong";
  EXPECT_NE(verify("s").is, state::clean);
  EXPECT_NE(state_of(**desired_->repository("s"), repository("s")).state, sync_state::synced);
}

TEST_F(verifier_test, a_doubt_about_what_neither_has_any_more_ends) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  target_.erase_blob("r", digest::of("top of r"));
  target_.mend_bodies();
  source_.erase_blob("r", digest::of("top of r"));
  for (int n = 0; n < 3; ++n) EXPECT_EQ(verify("r", true).is, state::clean);
  EXPECT_EQ(repository("r").doubted, 0u) << "clean, and red for ever";
}

TEST_F(verifier_test, a_doubt_that_nothing_needs_ends_though_something_else_is_parked) {
  source_.does.lists_referrers = true;
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  push("r", "plain", {"another"});
  const digest signature = add_oci_image(source_, "r", {"sig"}, refers_to(*source_.tag("r", "multi")));
  ASSERT_TRUE(run(journal_->append({record::item_parked(
      {"r", signature.text(), false, false, signature.text(), "", {0}, {}}, {errc::rejected, "refused"})})));
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.erase_blob("r", digest::of("top of r"));
  EXPECT_EQ(verify("r", true).is, state::unjudged);
  EXPECT_EQ(repository("r").doubted, 0u);
}

TEST_F(verifier_test, wrong_bytes_that_were_read_before_a_stop_are_remembered) {
  push("r", "a", {"bad layer"});
  for (const std::string tag : {"b", "c", "d", "e", "f", "g"}) push("r", tag, {"good layer of " + tag});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.corrupt_body(digest::of("bad layer"));
  const sync_world w = world();
  verify_progress progress;
  pace rate(pauses_, clock_, 0);
  verifying_.looks_at_once = 1;
  verifier v(w, "r", true, verifying_, progress, rate);
  int reads = 0;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "open_blob" && c.ref == digest::of("bad layer").text()) ++reads;
    if (c.verb == "stat_blob" && c.ref != digest::of("bad layer").text() && reads >= 2) v.stop();
  };
  const auto verdict = run(v.run());
  target_.before = nullptr;
  ASSERT_FALSE(verdict);
  ASSERT_GE(reads, 2) << "it was read twice, and wrong twice";
  EXPECT_EQ(repository("r").doubted, 1u);
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced);
}

TEST_F(verifier_test, what_was_left_amiss_stays_so_when_a_run_could_not_judge_it) {
  mirror("r");
  target_.erase_tag("r", "plain");
  const auto left = left_by(verify("r"), false);
  ASSERT_EQ(left.found, 1u);
  ASSERT_TRUE(run(journal_->append({record::repository_amiss("r", left.found, left.reason)})));
  const auto shown = [&] { return state_of(**desired_->repository("r"), repository("r")).state; };
  ASSERT_EQ(shown(), sync_state::failed);
  int looks = 0;
  source_.before = [&](const memory_registry::call& c) {
    // Retagged between the two looks, and the notification got lost.
    if (c.verb == "resolve" && c.ref == "plain" && ++looks == 2) {
      source_.set_tag("r", "plain", *source_.tag("r", "multi"));
    }
  };
  const auto v = verify("r");
  source_.before = nullptr;
  ASSERT_EQ(v.is, state::unjudged);
  EXPECT_FALSE(target_.tag("r", "plain"));
  EXPECT_EQ(shown(), sync_state::failed) << "the target has no such tag, nothing is open, and it is green";
}

TEST_F(verifier_test, a_blob_of_the_wrong_size_is_doubted_as_wrong_bytes_are) {
  push("a", "v1", {"shared layer", "of a"});
  push("b", "v1", {"shared layer", "of b"});
  must_pass("a");
  must_pass("b");
  clock_.advance_us(3'600'000'000);
  for (const char* r : {"a", "b"}) {  // one file in the registry's storage
    auto* held = const_cast<stored_blob*>(target_.blob(r, digest::of("shared layer")));
    held->bytes = "sha";
    held->size = 3;
  }
  const auto mounts = target_.count("mount");
  const auto v = verify("b");
  ASSERT_EQ(kinds(v), "v1=wrong_size");
  auto records = reopening(world(), v);
  ASSERT_TRUE(records);
  ASSERT_TRUE(run(journal_->append(*std::move(records))));
  pass_over("b");
  EXPECT_EQ(target_.count("mount"), mounts) << "not from where it is as short";
  EXPECT_EQ(repository("a").doubted, 1u) << "the other repository may have the same file";
  EXPECT_NE(state_of(**desired_->repository("b"), repository("b")).state, sync_state::synced);
}

TEST_F(verifier_test, a_tag_pushed_again_is_looked_for_at_the_target_though_it_was_verified_once) {
  mirror("r");
  ASSERT_EQ(verify("r").is, state::clean);
  clock_.advance_us(365LL * 86'400'000'000);
  target_.erase_tag("r", "plain");
  say_pushed("r", "plain", *source_.tag("r", "plain"));
  must_pass("r");
  EXPECT_TRUE(target_.tag("r", "plain")) << "synced, for an event that is newer than what was verified";
}

TEST_F(verifier_test, wrong_bytes_are_named_though_the_source_lost_what_needs_them) {
  mirror("r");
  const digest child =
      parse_manifest(source_.manifest_at("r", "multi")->media_type, source_.manifest_at("r", "multi")->bytes)
          ->references.at(0)
          .target.digest;
  source_.erase_manifest("r", child);
  target_.corrupt_body(digest::of("amd of r"));
  const auto v = verify("r", true);
  const bool red = state_of(**desired_->repository("r"), repository("r")).state != sync_state::synced;
  EXPECT_EQ(red, v.is == state::mismatched) << kinds(v);
  EXPECT_EQ(v.is, state::mismatched) << "the target may have the last copy";
}

TEST_F(verifier_test, foreign_tags_keep_no_other_from_being_verified) {
  mirror("r");
  verifying_.tags_per_page = 1;
  verifying_.findings_max = 2;
  verifying_.unjudged_max = 2;
  for (const std::string tag : {"a1", "a2", "a3"}) target_.set_tag("r", tag, *target_.tag("r", "multi"));
  target_.erase_tag("r", "plain");
  bool named = false;
  for (int n = 0; n < 3; ++n) {
    const auto v = verify("r");
    named = named || kinds(v).find("plain=missing_tag") != std::string::npos || !v.findings.empty();
  }
  EXPECT_TRUE(named) << "lost at the target, and no verification ever says so";
}

TEST_F(verifier_test, a_verification_that_finds_nothing_new_writes_little) {
  for (int n = 0; n < 20; ++n) push("r", "v" + std::to_string(n), {std::to_string(n)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  ASSERT_EQ(verify("r").is, state::clean);
  const auto before = journal_log_->durable_size();
  ASSERT_EQ(verify("r").is, state::clean);
  EXPECT_LE(journal_log_->durable_size() - before, 2u);
}

TEST_F(verifier_test, the_source_is_asked_once_for_what_needs_many_lost_blobs) {
  std::vector<std::string> layers;
  for (int n = 0; n < 60; ++n) layers.push_back("layer " + std::to_string(n));
  const digest d = push("r", "v0", layers);
  for (int n = 1; n < 10; ++n) {
    source_.set_tag("r", "v" + std::to_string(n), d);
    say_pushed("r", "v" + std::to_string(n), d);
  }
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  for (const std::string& layer : layers) target_.erase_blob("r", digest::of(layer));
  source_.forget_calls();
  EXPECT_EQ(verify("r").is, state::mismatched);
  EXPECT_LE(source_.count("resolve", d.text()), 10u);
}

TEST_F(verifier_test, a_descriptor_with_a_wrong_size_does_not_doubt_right_bytes_everywhere) {
  push("a", "v1", {"shared layer", "of a"});
  must_pass("a");
  // Registries ask only that the blob is there: the size in the manifest is whatever its pusher wrote.
  const digest shared = source_.add_blob("evil", "shared layer");
  const digest config = source_.add_blob("evil", "{}");
  const digest d = source_.add_manifest(
      "evil", std::string(media_type::oci_manifest),
      "{\"schemaVersion\":2,\"config\":" + descriptor_json("application/vnd.oci.image.config.v1+json", config, 2) +
          ",\"layers\":[" + descriptor_json("application/vnd.oci.image.layer.v1.tar+gzip", shared, 4711) + "]}");
  source_.set_tag("evil", "v1", d);
  say_pushed("evil", "v1", d);
  pass_over("evil");
  ASSERT_TRUE(target_.tag("evil", "v1")) << "mounted from a, with right bytes";
  clock_.advance_us(3'600'000'000);
  for (int n = 0; n < 3; ++n) {
    verify("evil", true);  // it reads the bytes, and they are right
    verify("a", true);
    verify("evil");
    EXPECT_EQ(repository("a").doubted, 0u) << "a was read right, and is red for another's manifest";
  }
  EXPECT_EQ(state_of(**desired_->repository("a"), repository("a")).state, sync_state::synced);
  push("c", "v1", {"shared layer", "of c"});
  target_.forget_calls();
  must_pass("c");
  EXPECT_EQ(target_.bytes_received(shared), std::string("shared layer").size()) << "sent twice (promise 10)";
  EXPECT_EQ(repository("c").doubted, 0u);
}

TEST_F(verifier_test, a_doubted_manifest_is_doubted_where_it_comes_next) {
  const digest d = push("r", "v1", {"shared image"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  // One file for all repositories, kept when it is sent again.
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "get_manifest" || (c.ref != d.text() && c.ref != "v1")) return std::nullopt;
    return memory_registry::fault{{errc::corrupt, "other bytes"}};
  };
  mend("r", verify("r"));
  ASSERT_EQ(repository("r").doubted, 1u);
  ASSERT_EQ(push("s", "v1", {"shared image"}), d);
  must_pass("s");
  EXPECT_EQ(repository("s").doubted, 1u);
  EXPECT_NE(state_of(**desired_->repository("s"), repository("s")).state, sync_state::synced)
      << "no repository that has that content is shown as synced";
}

TEST_F(verifier_test, a_doubted_manifest_that_was_deleted_by_the_api_is_read_before_it_is_believed) {
  mirror("r");
  const digest child =
      parse_manifest(source_.manifest_at("r", "multi")->media_type, source_.manifest_at("r", "multi")->bytes)
          ->references.at(0)
          .target.digest;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "get_manifest" || c.ref != child.text() || target_.manifest_at("r", child.text()) == nullptr) {
      return std::nullopt;
    }
    return memory_registry::fault{{errc::corrupt, "other bytes"}};
  };
  mend("r", verify("r"));
  ASSERT_EQ(repository("r").doubted, 1u);
  target_.erase_manifest("r", child);  // the link goes, the file stays until a garbage collection
  mend("r", verify("r"));
  EXPECT_EQ(repository("r").doubted, 1u) << "it came back, and nobody has read it";
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced);
}

TEST_F(verifier_test, a_doubt_outlives_the_deletion_of_what_needs_it_at_the_target) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  target_.erase_repository("r");  // by the registry's own page, say; its files stay until a garbage collection
  mend("r", verify("r"));
  ASSERT_NE(target_.blob("r", digest::of("top of r")), nullptr);
  EXPECT_EQ(repository("r").doubted, 1u) << "sent again, kept as it was, and not read since";
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced);
}

TEST_F(verifier_test, wrong_bytes_are_not_spread_while_the_run_that_found_them_goes_on) {
  const digest bad = digest::of("bad layer");
  push("r", "a", {"bad layer"});
  for (const std::string tag : {"b", "c", "d", "e", "f", "g", "h", "i"}) push("r", tag, {"good layer of " + tag});
  must_pass("r");
  push("s", "v1", {"bad layer"});
  clock_.advance_us(3'600'000'000);
  target_.corrupt_body(bad);
  verifying_.looks_at_once = 1;
  int reads = 0;
  bool begun = false, ended = false;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "open_blob" && c.ref == bad.text()) ++reads;
    // It was found wrong: a deep run over this page of tags may read for hours yet.
    if (begun || reads < 2 || c.verb != "stat_blob" || c.ref == bad.text()) return;
    begun = true;
    auto pass = [&]() -> boost::asio::awaitable<void> {
      if (!copier_) fresh_copier();
      const auto outcome = co_await copier_->bring({"s", bad, std::string("bad layer").size(), {}, nullptr});
      ended = outcome && *outcome == blob_outcome::mounted;
    };
    boost::asio::co_spawn(context_, std::move(pass), [](std::exception_ptr) {});
  };
  const auto v = verify("r", true);
  target_.before = nullptr;
  settle();
  ASSERT_TRUE(begun);
  ASSERT_EQ(kinds(v), "a=wrong_bytes");
  EXPECT_EQ(repository("r").doubted, 1u);
  must_pass("s");
  EXPECT_EQ(repository("s").doubted, 1u) << "mounted " << ended << ", from where it was known to be wrong";
  EXPECT_NE(state_of(**desired_->repository("s"), repository("s")).state, sync_state::synced);
}

TEST_F(verifier_test, faults_that_are_forgotten_hide_no_other) {
  std::vector<std::string> many;
  for (int n = 0; n < 1'001; ++n) many.push_back("layer " + std::to_string(n));
  const digest lost = add_oci_image(source_, "r", many);
  const digest whole = add_oci_image(source_, "r", {"needed"});
  push_index("r", "v1", {lost, whole});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  source_.erase_manifest("r", lost);
  for (const std::string& layer : many) target_.erase_blob("r", digest::of(layer));
  target_.erase_blob("r", digest::of("needed"));
  EXPECT_EQ(verify("r").is, state::mismatched) << "the target lacks a layer that the source has and needs";
}

TEST_F(verifier_test, a_size_that_was_answered_wrongly_once_doubts_nothing) {
  push("a", "v1", {"shared layer", "of a"});
  push("b", "v1", {"shared layer", "of b"});
  must_pass("a");
  must_pass("b");
  clock_.advance_us(3'600'000'000);
  auto* held = const_cast<stored_blob*>(target_.blob("b", digest::of("shared layer")));
  const std::uint64_t size = held->size;
  bool said = false;
  target_.before = [&](const memory_registry::call& c) {
    held->size = size;
    if (c.verb == "stat_blob" && c.ref == digest::of("shared layer").text() && !std::exchange(said, true)) {
      held->size = 0;  // as a proxy does that drops Content-Length of an answer to HEAD
    }
  };
  verify("b");
  target_.before = nullptr;
  held->size = size;
  ASSERT_TRUE(said);
  EXPECT_EQ(repository("a").doubted, 0u) << "what is amiss once may be the answer's fault";
  EXPECT_EQ(repository("b").doubted, 0u);
}

TEST_F(verifier_test, a_doubt_that_ended_with_what_was_gone_comes_back_with_it) {
  mirror("r");
  const digest old = *source_.tag("r", "plain");
  target_.corrupt_body(digest::of("top of r"));
  mend("r", verify("r", true));
  push("r", "plain", {"another"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.erase_blob("r", digest::of("top of r"));  // DELETE /v2/r/blobs/: the file stays
  ASSERT_EQ(verify("r").is, state::clean);
  source_.set_tag("r", "plain", old);
  say_pushed("r", "plain", old);
  must_pass("r");
  ASSERT_EQ(*target_.tag("r", "plain"), old);
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced)
      << "the registry kept its file, and nobody has read it";
}

TEST_F(verifier_test, a_doubt_about_what_only_a_lost_manifest_needs_ends_when_it_is_gone) {
  mirror("r");
  const digest child =
      parse_manifest(source_.manifest_at("r", "multi")->media_type, source_.manifest_at("r", "multi")->bytes)
          ->references.at(0)
          .target.digest;
  const digest blob = digest::of("amd of r");
  target_.corrupt_body(blob);
  mend("r", verify("r", true));
  ASSERT_EQ(repository("r").doubted, 1u);
  source_.erase_manifest("r", child);  // its layers wait there for a garbage collection
  target_.erase_blob("r", blob);       // as the state tells to
  target_.mend_bodies();
  for (int n = 0; n < 3; ++n) {
    const auto v = verify("r", true);
    EXPECT_EQ(v.is, state::clean) << kinds(v) << v.reason;
  }
  EXPECT_EQ(repository("r").doubted, 0u) << "clean, and red for ever";
}

TEST_F(verifier_test, an_entry_that_may_be_a_blob_is_verified_where_a_blob_is_no_manifest) {
  source_.does.breaks_on_blobs_as_manifests = target_.does.breaks_on_blobs_as_manifests = true;
  const std::string type(media_type::oci_index);
  const digest part = source_.add_blob("r", "not json");
  const digest d = source_.add_manifest("r", type,
                                        "{\"schemaVersion\":2,\"mediaType\":\"" + type + "\",\"manifests\":[" +
                                            descriptor_json("application/x-of-nobody", part, 8) + "]}");
  source_.set_tag("r", "v1", d);
  say_pushed("r", "v1", d);
  must_pass("r");
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::clean) << v.reason;
}

TEST_F(verifier_test, a_manifest_that_the_target_cannot_serve_hides_no_other_damage) {
  mirror("r");
  // Distribution 2 answers 500 for a tag whose manifest's file was cut off or zeroed, as a power failure leaves it.
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    const bool reads = c.verb == "resolve" || c.verb == "get_manifest";
    if (!reads || (c.ref != "plain" && c.ref != source_.tag("r", "plain")->text())) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500 Internal Server Error"}};
  };
  target_.erase_blob("r", digest::of("amd of r"));
  for (int n = 0; n < 3; ++n) {
    const auto v = verify("r");
    EXPECT_NE(kinds(v).find("multi=missing_blob"), std::string::npos) << name_of(v.is) << ": " << v.reason;
    EXPECT_EQ(v.is, state::unknown);
    EXPECT_EQ(v.unserved, 1u);
    EXPECT_NE(left_by(v, true).reason.find("plain"), std::string::npos) << "it is shown";
  }
  target_.faults = nullptr;
  mend("r", verify("r"));
  EXPECT_EQ(verify("r").is, state::clean);
}

TEST_F(verifier_test, a_target_that_did_not_serve_for_a_moment_is_not_damaged) {
  mirror("r");
  bool listed_again = false;
  int listings = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb == "list_tags") listed_again = ++listings > 1;
    if (listed_again || c.verb != "resolve" || c.ref != "plain") return std::nullopt;
    return memory_registry::fault{away()};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown) << "it was asked for and not seen";
  EXPECT_EQ(v.unserved, 0u);
}

TEST_F(verifier_test, twelve_tags_at_one_manifest_that_is_not_served_hide_nothing_else) {
  mirror("r");
  const digest hurt = push("r", "a0", {"hurt"});
  for (int i = 1; i < 12; ++i) {
    const std::string tag = "a" + std::to_string(i);
    source_.set_tag("r", tag, hurt);
    say_pushed("r", tag, hurt);
  }
  push("r", "zzz", {"last"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.erase_blob("r", digest::of("last"));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    const bool damaged = c.ref.starts_with("a") || c.ref == hurt.text();
    if (!damaged || (c.verb != "resolve" && c.verb != "get_manifest")) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_EQ(kinds(v), "zzz=missing_blob") << v.reason;
  EXPECT_EQ(v.unserved, 12u);
  EXPECT_GT(left_by(v, true).found, 0u) << "it is shown";
}

TEST_F(verifier_test, twelve_manifests_that_are_not_served_hide_nothing_else) {
  mirror("r");
  for (int i = 0; i < 12; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  push("r", "zzz", {"last"});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.erase_blob("r", digest::of("last"));
  std::set<std::string> damaged;
  for (int i = 0; i < 12; ++i) damaged.insert(source_.tag("r", "v" + std::to_string(i))->text());
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (!damaged.contains(c.ref) || c.verb != "get_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "zzz=missing_blob") << v.reason;
  EXPECT_GT(left_by(v, true).found, 0u) << "it is shown";
}

TEST_F(verifier_test, a_doubted_content_that_is_not_served_keeps_no_other_doubt_from_ending) {
  mirror("r");
  digest a = digest::of("one"), b = digest::of("two");
  if (b < a) std::swap(a, b);
  for (const char* bytes : {"one", "two"}) target_.add_blob("r", bytes);
  ASSERT_TRUE(run(journal_->append({record::content_doubted("r", a), record::content_doubted("r", b)})));
  target_.erase_tag("r", "plain");
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    const bool hit = (c.verb == "open_blob" && c.ref == a.text()) || (c.ref == "multi" && c.verb == "resolve");
    if (hit) return memory_registry::fault{{errc::unavailable, "status 500"}};
    return std::nullopt;
  };
  verifying_.tags_per_page = 1;
  const auto v = verify("r");
  EXPECT_EQ(repository("r").doubted, 1u) << "b is right, and was not read";
  EXPECT_GT(v.unserved, 0u) << "multi is not served; it is hidden by the doubt";
}

TEST_F(verifier_test, reopening_ends_no_doubt_about_what_is_served_with_wrong_bytes) {
  mirror("r");
  target_.corrupt_body(digest::of("top of r"));
  const auto v = verify("r", true);
  ASSERT_EQ(repository("r").doubted, 1u);
  auto records = reopening(world(), v);
  ASSERT_TRUE(records);
  ASSERT_TRUE(run(journal_->append(*std::move(records))));
  EXPECT_EQ(repository("r").doubted, 1u) << "it is there, and wrong";
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "plain"), "not this one")})));
  must_pass("r");
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced)
      << "the target serves wrong bytes";
}

TEST_F(verifier_test, wrong_bytes_that_the_source_has_lost_stay_doubted_when_the_index_was_mended) {
  mirror("r");
  const digest child =
      parse_manifest(source_.manifest_at("r", "multi")->media_type, source_.manifest_at("r", "multi")->bytes)
          ->references.at(0)
          .target.digest;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "get_manifest" || c.ref != child.text()) return std::nullopt;
    return memory_registry::fault{{errc::corrupt, "other bytes"}};
  };
  source_.erase_manifest("r", child);
  mend("r", verify("r"));
  EXPECT_EQ(repository("r").doubted, 1u);
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced)
      << "the target serves wrong bytes";
}

TEST_F(verifier_test, a_blob_that_is_listed_and_never_read_is_not_served) {
  mirror("r");
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "open_blob" || c.ref != digest::of("top of r").text()) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r", true);
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_EQ(v.unserved, 1u);
}

TEST_F(verifier_test, what_is_named_as_not_served_is_what_is_not_served) {
  mirror("r");
  int listings = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb == "list_tags") ++listings;
    if (c.verb != "resolve" || (c.ref != "plain" && (c.ref != "multi" || listings > 1))) return std::nullopt;
    return memory_registry::fault{away()};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.unserved, 1u);
  EXPECT_NE(v.unserved_reason.find("plain"), std::string::npos) << v.unserved_reason;
}

TEST_F(verifier_test, a_left_out_tag_that_nobody_answers_for_is_not_left_out_of_the_checksum) {
  mirror("r");
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "plain"), "not this one")})));
  const auto whole = verify("r");
  ASSERT_EQ(whole.is, state::clean) << whole.reason << kinds(whole);
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || c.ref != "plain") return std::nullopt;
    return memory_registry::fault{away()};
  };
  const auto v = verify("r");
  EXPECT_TRUE(v.is == state::unknown || v.checksum == whole.checksum) << name_of(v.is);
  EXPECT_EQ(repository("r").checksum, whole.checksum) << "of all of the target's tags, and journaled";
}

TEST_F(verifier_test, what_is_unknown_below_a_tag_that_is_not_judged_is_judged_itself) {
  mirror("r");
  const digest d = *source_.tag("r", "plain");
  say_pushed_digest("r", d);
  must_pass("r");
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "plain"), "not this one")})));
  clock_.advance_us(3'600'000'000);
  ASSERT_EQ(verify("r").is, state::clean);
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "stat_blob" || c.ref != digest::of("top of r").text()) return std::nullopt;
    return memory_registry::fault{away()};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown) << "manifest " << d.text() << " is replicated, and its blob is not served";
  EXPECT_EQ(v.unserved, 1u);
}

TEST_F(verifier_test, a_doubted_manifest_that_is_not_served_is_not_gone) {
  mirror("r");
  const digest d = add_oci_image(target_, "r", {"only there"});
  ASSERT_TRUE(run(journal_->append({record::content_doubted("r", d)})));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.ref != d.text() || c.verb != "get_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_EQ(repository("r").doubted, 1u) << "nobody read it, and nobody saw it gone";
  EXPECT_EQ(v.unserved, 1u);
  EXPECT_NE(state_of(**desired_->repository("r"), repository("r")).state, sync_state::synced);
}

TEST_F(verifier_test, a_doubted_tagged_manifest_that_is_not_served_is_not_gone) {
  mirror("r");
  const digest d = *source_.tag("r", "plain");
  ASSERT_TRUE(run(journal_->append({record::content_doubted("r", d)})));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.ref != d.text() || c.verb != "get_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  verify("r");
  EXPECT_EQ(repository("r").doubted, 1u) << "nobody read it, and nobody saw it gone";
}

TEST_F(verifier_test, a_doubted_manifest_that_an_index_calls_something_else_is_not_gone_when_it_is_not_served) {
  const std::string type(media_type::oci_index);
  const digest part = add_oci_image(source_, "r", {"one"});
  const digest d = source_.add_manifest("r", type,
                                        "{\"schemaVersion\":2,\"mediaType\":\"" + type + "\",\"manifests\":[" +
                                            descriptor_json("application/x-of-nobody", part, 8) + "]}");
  source_.set_tag("r", "v1", d);
  say_pushed("r", "v1", d);
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  ASSERT_TRUE(run(journal_->append({record::content_doubted("r", part)})));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.ref != part.text() || c.verb != "get_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  EXPECT_EQ(verify("r").is, state::unknown);
  EXPECT_EQ(repository("r").doubted, 1u) << "nobody read it, and nobody saw it gone";
}

TEST_F(verifier_test, a_doubted_manifest_that_is_served_after_a_moment_is_read) {
  mirror("r");
  const digest d = add_oci_image(target_, "r", {"only there"});
  ASSERT_TRUE(run(journal_->append({record::content_doubted("r", d)})));
  int asked = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.ref != d.text() || c.verb != "get_manifest" || ++asked > 2) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.unserved, 0u);
  EXPECT_EQ(repository("r").doubted, 0u) << "its own bytes, read as a manifest";
}

TEST_F(verifier_test, a_tag_that_was_given_up_because_the_source_does_not_serve_it_keeps_nothing_unknown) {
  mirror("r");
  ASSERT_TRUE(run(journal_->append({record::skip_asked(**desired_->item("r", "plain"), "broken at the source")})));
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || c.ref != "plain") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::clean) << v.reason;
}

TEST_F(verifier_test, what_is_parked_stays_unjudged_while_the_source_does_not_serve_it) {
  mirror("r");
  const auto whole = verify("r");
  ASSERT_TRUE(
      run(journal_->append({record::item_parked(**desired_->item("r", "plain"), {errc::rejected, "too large"})})));
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || c.ref != "plain") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unjudged) << v.reason;
  EXPECT_EQ(v.parked, 1u);
  EXPECT_EQ(v.checksum, whole.checksum) << "of all of the target's tags";
}

TEST_F(verifier_test, what_a_target_that_keeps_all_does_not_serve_is_told_too) {
  settings_.deletes = delete_mode::keep;
  mirror("r");
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || c.ref != "plain") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  EXPECT_EQ(verify("r").unserved, 1u);
}

TEST_F(verifier_test, a_registry_that_is_away_is_told_from_items_that_it_does_not_serve) {
  mirror("r");
  const auto fails = [&](const std::function<bool(const memory_registry::call&)>& which) {
    target_.faults = [which](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (!which(c)) return std::nullopt;
      return memory_registry::fault{{errc::unavailable, "status 500"}};
    };
    const auto v = verify("r");
    EXPECT_EQ(v.is, state::unknown);
    return v;
  };
  EXPECT_TRUE(fails([](const auto&) { return true; }).away);
  EXPECT_TRUE(fails([](const auto& c) { return c.verb != "list_tags"; }).away) << "its storage is";
  EXPECT_FALSE(fails([](const auto& c) { return c.verb == "resolve" && c.ref == "plain"; }).away);
}

TEST_F(verifier_test, a_backend_that_times_out_for_every_manifest_ends_the_run_in_bounded_questions) {
  mirror("r");
  for (int i = 0; i < 200; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  target_.forget_calls();
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb == "list_tags") return std::nullopt;
    return memory_registry::fault{{errc::timed_out, "no answer in 30 s"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.is, state::unknown);
  EXPECT_LT(target_.operations(), 200u) << "each of them half a minute";
  EXPECT_NE(v.reason.find("60 questions"), std::string::npos) << v.reason;
}

TEST_F(verifier_test, a_registry_that_asks_for_a_pause_at_every_manifest_ends_the_run_in_bounded_questions) {
  mirror("r");
  for (int i = 0; i < 200; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  for (const error& why :
       {error{errc::throttled, "429 Too Many Requests"}, error{errc::unavailable, "503 Service Unavailable", 60'000}}) {
    target_.forget_calls();
    target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.verb == "list_tags") return std::nullopt;
      return memory_registry::fault{why};
    };
    const auto v = verify("r");
    EXPECT_EQ(v.is, state::unknown);
    EXPECT_LT(target_.operations(), 200u) << why.text << ": each of them a minute";
    EXPECT_NE(v.reason.find(why.text), std::string::npos) << v.reason;
  }
}

TEST_F(verifier_test, what_is_answered_at_the_second_try_was_not_waited_for_in_vain) {
  mirror("r");
  for (int i = 0; i < 400; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  std::uint64_t asked = 0, slow = 0;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb == "list_tags" || ++asked % 10 != 0) return std::nullopt;
    ++slow;
    return memory_registry::fault{{errc::timed_out, "no answer in 30 s"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(v.found, 0u);
  EXPECT_EQ(v.reason.find("in vain"), std::string::npos) << v.reason;
  EXPECT_GE(v.tags, 400u);
  EXPECT_GT(slow, 60u);
}

TEST_F(verifier_test, a_proxy_that_waits_for_a_dead_storage_ends_the_run_in_bounded_time) {
  mirror("r");
  for (int i = 0; i < 200; ++i) push("r", "v" + std::to_string(i), {"l" + std::to_string(i)});
  must_pass("r");
  clock_.advance_us(3'600'000'000);
  const timestamp began = clock_.now();
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    // Each second image is served.
    if (c.verb != "get_manifest" || c.ref.back() % 2 == 0) return std::nullopt;
    clock_.advance_us(60'000'000);
    return memory_registry::fault{{errc::unavailable, "status 504"}};
  };
  EXPECT_EQ(verify("r").is, state::unknown);
  EXPECT_LE(clock_.now().us - began.us, 130 * 60'000'000LL);
}

TEST_F(verifier_test, what_waits_for_its_turn_and_is_refused_at_once_is_asked_for_to_the_end) {
  const auto damaged = many_before_one_that_lacks_a_blob();
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (!damaged.contains(c.ref) || c.verb != "get_manifest") return std::nullopt;
    clock_.advance_us(8'000'000);  // one request a second, eight at once
    return memory_registry::fault{{errc::unavailable, "status 500", 0, 100'000}};
  };
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "zzz=missing_blob") << v.reason;
}

TEST_F(verifier_test, what_is_refused_at_once_is_asked_for_to_the_end) {
  const auto damaged = many_before_one_that_lacks_a_blob();
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (!damaged.contains(c.ref) || c.verb != "get_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  const auto v = verify("r");
  EXPECT_EQ(kinds(v), "zzz=missing_blob") << v.reason;
  EXPECT_GT(v.unserved, 0u) << "it is shown";
}

}  // namespace
}  // namespace longshore::engine
