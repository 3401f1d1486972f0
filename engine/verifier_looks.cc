// What verifying asks the registries about one digest.

#include <algorithm>

#include "engine/decisions.h"
#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/tasks.h"
#include "engine/verifier.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;
using presence = found_content::presence;

}  // namespace

// Distribution 2 answers 500 when a blob is asked for as a manifest.
asio::awaitable<bool> verifier::is_blob(registry& at, const longshore::digest& d, may_be what) {
  if (what != may_be::either) co_return false;
  const auto found = co_await at.stat_blob(repository_, d);
  co_return found && found->has_value();
}

task<found_content> verifier::look_at_manifest(const longshore::digest& d, may_be what) {
  found_content out;
  auto document = co_await doubts_.read_manifest(d);
  ++progress_->manifests;
  if (document) {
    if (auto noted = co_await doubts_.note(d, presence::there); !noted) co_return pass(std::move(noted));
    auto content = parse_manifest(document->media_type, document->bytes);
    if (!content) co_return pass(std::move(content), "manifest " + d.text());
    // Platforms that the filters leave out are not missed.
    const replication_filter& filter = *world_->copying.filter;
    auto& references = content->references;
    if (filter.judges_platforms()) {
      std::vector<manifest_reference> taken;
      for (const manifest_reference& r : references) {
        if (!filter.entry(*content, r)) taken.push_back(r);
      }
      references = std::move(taken);
    }
    out.refers_to = *std::move(content);
    if (!world_->copying.subjects) out.refers_to.subject.reset();
    auto referrers = co_await referrers_of(d);
    if (!referrers) co_return pass(std::move(referrers));
    out.referred_to_by = *std::move(referrers);
    co_return out;
  }
  if (document.error().code == errc::corrupt) {
    if (auto noted = co_await doubts_.note(d, presence::wrong_bytes); !noted) co_return pass(std::move(noted));
    out.is = presence::wrong_bytes;
    co_return out;
  }
  out.is = presence::missing_everywhere;
  if (document.error().code != errc::not_found) {
    if (co_await is_blob(world_->target, d, what)) co_return out;
    unserved_.insert(d);
    co_return pass(std::move(document), "reading manifest " + d.text() + " of the target");
  }
  auto at_source = co_await world_->source.resolve(repository_, d.text());
  if (!at_source) {
    if (co_await is_blob(world_->source, d, what)) co_return out;
    co_return pass(std::move(at_source), "asking the source for manifest " + d.text());
  }
  if (*at_source) out.is = presence::missing;
  co_return out;
}

task<std::vector<longshore::digest>> verifier::referrers_of(longshore::digest d) {
  std::vector<longshore::digest> expected;
  if (!world_->copying.referrers || !source_lists_referrers_) co_return expected;
  auto listed = co_await referrers_at_source(*world_, repository_, d);
  if (!listed) co_return pass(std::move(listed));
  source_lists_referrers_ = listed->has_value();
  if (!source_lists_referrers_) co_return expected;
  for (const descriptor& r : **listed) {
    auto wanted = co_await is_expected(r);
    if (!wanted) co_return pass(std::move(wanted));
    if (*wanted) expected.push_back(r.digest);
  }
  co_return expected;
}

// Neither left out by a filter or an operator, nor still open, nor refused by the target once: those two are counted.
task<bool> verifier::is_expected(descriptor referrer) {
  auto wanted = world_->wanted.item(repository_, referrer.digest.text());
  if (!wanted) co_return pass(std::move(wanted));
  auto done = world_->done.item(repository_, referrer.digest.text());
  if (!done) co_return pass(std::move(done));
  if (*done && (*done)->state == item_state::skipped) co_return false;
  const bool parked = *done && (*done)->state == item_state::parked;
  // What is known by its tags alone, or by the source's listing, is no item of its own.
  const bool is_judged_itself = *wanted && !(*wanted)->gone && !(*wanted)->quiet;
  if (parked || (is_judged_itself && is_open(**wanted, *done))) {
    auto there = co_await is_at_target(referrer.digest);
    if (!there || *there) co_return there;
    if (is_judged_itself) co_return false;
    ++verdict_.parked;
    leave_out(referrer.digest.text(), "parked: " + (*done)->reason);
    co_return false;
  }
  if (!world_->copying.filter->judges_media_types()) co_return true;
  auto document = co_await world_->source.get_manifest(repository_, referrer.digest.text());
  if (!document && document.error().code == errc::not_found) co_return false;  // deleted meanwhile
  if (!document) co_return pass(std::move(document), "reading referrer " + referrer.digest.text());
  co_return !left_out_by_type(world_->copying, *document);
}

task<bool> verifier::is_at_target(longshore::digest manifest) {
  auto there = co_await world_->target.resolve(repository_, manifest.text());
  if (!there) co_return pass(std::move(there), "asking the target for manifest " + manifest.text());
  co_return there->has_value();
}

// A referrer comes after the image that it refers to: what was on its way at the first look may have arrived.
task<> verifier::forget_arrived(closure_faults& below) {
  std::vector<fault> left;
  for (fault& f : below.faults) {
    if (f.kind == difference::missing_referrer) {
      auto there = co_await is_at_target(f.of);
      if (!there) co_return pass(std::move(there));
      if (*there) continue;
    }
    left.push_back(std::move(f));
  }
  below.faults = std::move(left);
  co_return result<void>();
}

// Which manifests of the closure need what: each what they name, what they refer to, and what refers to them.
verifier::needs verifier::needs_in(const closure_faults& below) const {
  needs needed_by;
  for (const fault& f : below.faults) needed_by[f.of];
  for (const longshore::digest& m : below.manifests) needed_by[m];
  const auto note = [&](const longshore::digest& what, const longshore::digest& by) {
    const auto at = needed_by.find(what);
    if (at != needed_by.end() && (at->second.empty() || at->second.back() != by)) at->second.push_back(by);
  };
  for (const longshore::digest& m : below.manifests) {
    const found_content& content = found_.at({m, true});
    for (const manifest_reference& r : content.refers_to.references) note(r.target.digest, m);
    if (content.refers_to.subject) note(content.refers_to.subject->digest, m);
    for (const longshore::digest& r : content.referred_to_by) note(r, m);
  }
  return needed_by;
}

// The source has all that leads from the root to it.
task<bool> verifier::is_missed(const longshore::digest& what, const longshore::digest& root, const needs& needed_by) {
  if (what == root) co_return true;
  std::vector<longshore::digest> next = needed_by.at(what);
  std::set<longshore::digest> seen;
  while (!next.empty()) {
    const longshore::digest m = next.back();
    next.pop_back();
    if (!seen.insert(m).second) continue;
    auto there = co_await source_has(m);
    if (!there) co_return pass(std::move(there));
    if (!*there) continue;
    if (m == root) co_return true;
    const std::vector<longshore::digest>& above = needed_by.at(m);
    next.insert(next.end(), above.begin(), above.end());
  }
  co_return false;
}

task<bool> verifier::source_has(const longshore::digest& manifest) {
  if (const auto known = at_source_.find(manifest); known != at_source_.end()) co_return known->second;
  auto there = co_await world_->source.resolve(repository_, manifest.text());
  if (!there) co_return pass(std::move(there), "asking the source for manifest " + manifest.text());
  ++remembered_;
  at_source_.emplace(manifest, there->has_value());
  co_return there->has_value();
}

// What only such manifests lead to as the source has lost is nothing that it could give, or that its image lacks. Other
// bytes than the digest says are amiss whoever needs them.
task<> verifier::forget_unmissed(closure_faults& below) {
  const needs needed_by = needs_in(below);
  std::vector<fault> left;
  for (fault& f : below.faults) {
    bool counts = f.kind == difference::wrong_bytes || f.kind == difference::wrong_size || below.manifests.empty();
    if (!counts) {
      auto missed = co_await is_missed(f.of, below.manifests.front(), needed_by);
      if (!missed) co_return pass(std::move(missed));
      counts = *missed;
    }
    if (counts) left.push_back(std::move(f));
    if (!counts) below.forgotten = true;
  }
  below.faults = std::move(left);
  co_return result<void>();
}

task<found_content> verifier::look_at_blob(const longshore::digest& d) {
  found_content out;
  auto there = co_await world_->target.stat_blob(repository_, d);
  ++progress_->blobs;
  if (!there) {
    unserved_.insert(d);
    co_return pass(std::move(there), "asking the target for blob " + d.text());
  }
  out.size = *there;
  if (*there && !deep_ && !doubts_.contains(d)) co_return out;
  out.is = presence::missing;
  if (*there) {
    auto read = co_await doubts_.read_blob(d);
    if (!read) {
      unserved_.insert(d);
      co_return pass(std::move(read), "reading blob " + d.text() + " of the target");
    }
    out.is = *read;
    out.read = *read == presence::there;
  }
  // What is no blob may be a manifest, and only who has asked for both knows that it is gone.
  presence seen = out.is;
  if (!*there && doubts_.contains(d)) {
    auto read = co_await doubts_.read(d);
    // A registry that does not take the digest for a manifest's says nothing of it: the doubt stays, the blob is
    // brought.
    if (!read && (is_refused(read.error().code) || read.error().code == errc::denied)) read = presence::unknown;
    if (!read) {
      unserved_.insert(d);
      co_return pass(std::move(read), "reading " + d.text() + " of the target, which is doubted");
    }
    seen = *read;
  }
  if (seen != presence::unknown) {
    if (auto noted = co_await doubts_.note(d, seen); !noted) co_return pass(std::move(noted));
  }
  if (out.is != presence::missing) co_return out;
  auto at_source = co_await world_->source.stat_blob(repository_, d);
  if (!at_source) co_return pass(std::move(at_source), "asking the source for blob " + d.text());
  if (!*at_source) out.is = presence::missing_everywhere;
  co_return out;
}

// Whoever made a manifest may have written any size into it: the bytes tell whether it is the blob that is wrong.
task<> verifier::read_sizes(const closure_faults& below) {
  for (const fault& f : below.faults) {
    if (f.kind != difference::wrong_size) continue;
    found_content& blob = found_.at({f.of, false});
    if (blob.read || blob.is != presence::there) continue;
    auto read = co_await doubts_.read_blob(f.of);
    if (!read) co_return pass(std::move(read), "reading blob " + f.of.text() + " of the target");
    if (auto noted = co_await doubts_.note(f.of, *read); !noted) co_return noted;
    blob.read = *read == presence::there;
    blob.is = *read;
  }
  co_return result<void>();
}

// Also of a run that has ended over something else, as long as the target answers.
task<> verifier::read_what_is_left() {
  const std::optional<error> before = std::exchange(trouble_, std::nullopt);
  const bool ends = stopping_ || (before && (is_final(before->code) || !co_await answers(world_->target)));
  if (!ends) {
    if (auto read = co_await read_what_nothing_needs(); !read && !trouble_) trouble_ = std::move(read).error();
  }
  if (before) trouble_ = before;
  co_return result<void>();
}

// A tag may come back to it, or another repository take it up, so that only reading ends a doubt.
task<> verifier::read_what_nothing_needs() {
  for (const longshore::digest& d : doubts_.left()) {
    if (must_end()) break;
    auto read = co_await doubts_.read(d);
    if (!read) read = co_await doubts_.read(d);
    if (!read) {
      note_waited(read.error());
      auto why = pass(std::move(read), "reading " + d.text() + " of the target, which is doubted").error();
      if (!co_await goes_on_without(why)) break;
      note_unanswered(d.text(), why, unserved_item{unserved_item::question::doubted, d.text()});
      continue;
    }
    if (auto noted = co_await note_doubted(d, *read); !noted) co_return noted;
  }
  co_return result<void>();
}

task<> verifier::note_doubted(const longshore::digest& d, presence read) {
  if (auto noted = co_await doubts_.note(d, read); !noted) co_return noted;
  if (read != presence::wrong_bytes) co_return result<void>();
  ++verdict_.found;
  ++verdict_.kept_by_target;
  verdict_.mismatches.push_back({d.text(), difference::wrong_bytes, d.text(),
                                 "the target serves other bytes as " + d.text() +
                                     ", which nothing needs now: delete it from the registry's storage"});
  co_return result<void>();
}

}  // namespace longshore::engine
