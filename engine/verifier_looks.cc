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

constexpr std::size_t read_bytes = 256u << 10;

}  // namespace

task<> byte_rate::take(std::size_t bytes) {
  if (per_second_ == 0) co_return result<void>();
  const std::int64_t now = now_->now().us;
  const std::int64_t wait_us = std::max<std::int64_t>(free_at_us_ - now, 0);
  free_at_us_ = now + wait_us + static_cast<std::int64_t>(bytes * 1'000'000 / per_second_);
  if (wait_us < 1'000) co_return result<void>();
  co_return co_await pause_->pause(wait_us / 1'000);
}

// What is amiss once may be the answer's fault.
task<manifest_document> verifier::read_manifest(const longshore::digest& d) {
  auto document = co_await world_->target.get_manifest(repository_, d.text());
  if (!document && document.error().code == errc::corrupt) {
    document = co_await world_->target.get_manifest(repository_, d.text());
  }
  co_return document;
}

void verifier::note_bytes(const longshore::digest& d, bool right) {
  if (doubts_.contains(d)) met_.insert(d);
  if (!right) facts_.push_back(record::content_doubted(repository_, d));
  if (right && doubts_.contains(d)) facts_.push_back(record::content_believed(repository_, d));
}

task<found_content> verifier::look_at_manifest(const longshore::digest& d) {
  found_content out;
  auto document = co_await read_manifest(d);
  ++progress_->manifests;
  if (document) {
    note_bytes(d, true);
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
    note_bytes(d, false);
    out.is = presence::wrong_bytes;
    co_return out;
  }
  if (document.error().code != errc::not_found) co_return pass(std::move(document), "reading manifest " + d.text());
  auto at_source = co_await world_->source.resolve(repository_, d.text());
  if (!at_source) co_return pass(std::move(at_source), "asking the source for manifest " + d.text());
  out.is = *at_source ? presence::missing : presence::missing_everywhere;
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

std::vector<longshore::digest> verifier::that_need(const longshore::digest& d, const closure_faults& in) const {
  std::vector<longshore::digest> found;
  for (const longshore::digest& m : in.manifests) {
    const found_content& content = found_.at({m, true});
    const manifest& refers = content.refers_to;
    const bool includes =
        std::ranges::any_of(refers.references, [&](const manifest_reference& r) { return r.target.digest == d; });
    const bool is_subject = refers.subject && refers.subject->digest == d;
    const bool refers_back = std::ranges::find(content.referred_to_by, d) != content.referred_to_by.end();
    if (includes || is_subject || refers_back || m == d) found.push_back(m);
  }
  return found;
}

// What only such manifests need as the source has lost is nothing that it could give, or that its image lacks.
task<> verifier::forget_unmissed(closure_faults& below) {
  std::vector<fault> left;
  for (fault& f : below.faults) {
    const auto needed_by = that_need(f.of, below);
    bool missed = needed_by.empty();
    for (std::size_t i = 0; i < needed_by.size() && !missed; ++i) {
      auto there = co_await world_->source.resolve(repository_, needed_by[i].text());
      if (!there) co_return pass(std::move(there), "asking the source for manifest " + needed_by[i].text());
      missed = there->has_value();
    }
    if (missed) left.push_back(std::move(f));
  }
  below.faults = std::move(left);
  co_return result<void>();
}

task<found_content> verifier::look_at_blob(const longshore::digest& d) {
  found_content out;
  auto there = co_await world_->target.stat_blob(repository_, d);
  ++progress_->blobs;
  if (!there) co_return pass(std::move(there), "asking the target for blob " + d.text());
  out.size = *there;
  if (*there && !deep_) {
    out.doubted = doubts_.contains(d);
    if (out.doubted) met_.insert(d);
    co_return out;
  }
  if (*there) {
    auto read = co_await read_through(d);
    if (!read) co_return pass(std::move(read), "reading blob " + d.text() + " of the target");
    out.is = *read;
    if (out.is != presence::missing) note_bytes(d, out.is == presence::there);
    if (out.is != presence::missing) co_return out;
  }
  if (doubts_.contains(d)) met_.insert(d);  // what comes in its place is read first
  auto at_source = co_await world_->source.stat_blob(repository_, d);
  if (!at_source) co_return pass(std::move(at_source), "asking the source for blob " + d.text());
  out.is = *at_source ? presence::missing : presence::missing_everywhere;
  co_return out;
}

task<presence> verifier::read_through(const longshore::digest& d) {
  auto found = co_await read_once(d);
  if (found && *found == presence::wrong_bytes) found = co_await read_once(d);  // it may have been the answer's fault
  co_return found;
}

task<presence> verifier::read_once(const longshore::digest& d) {
  auto reader = co_await world_->target.open_blob(repository_, d, 0);
  if (!reader && reader.error().code == errc::not_found) co_return presence::missing;
  if (!reader && reader.error().code == errc::corrupt) co_return presence::wrong_bytes;
  if (!reader) co_return pass(std::move(reader));
  digest_hasher hasher(d.algorithm());
  std::vector<std::byte> buffer(read_bytes);
  for (;;) {
    if (stopping_) co_return stopped();
    auto size = co_await (*reader)->read(asio::buffer(buffer));
    if (!size && size.error().code == errc::corrupt) co_return presence::wrong_bytes;
    if (!size) co_return pass(std::move(size));
    if (*size == 0) break;
    progress_->bytes += *size;
    hasher.update(std::span<const std::byte>(buffer).first(*size));
    if (auto paced = co_await rate_->take(*size); !paced) co_return pass(std::move(paced));
  }
  co_return hasher.finish() == d ? presence::there : presence::wrong_bytes;
}

}  // namespace longshore::engine
