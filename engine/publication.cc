#include "engine/publication.h"

#include <algorithm>

#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

// Corrections of the index within one item: a chain of indexes may need one per level.
constexpr int corrections_max = 4;

bool takes_none(const error& why) {
  return why.code == errc::unsupported && why.text.find(takes_no_pushes) != std::string::npos;
}

bool may_lack_content(errc code) { return code == errc::rejected || code == errc::invalid || code == errc::not_found; }

}  // namespace

task<std::vector<log::event>> publication::publish(desired_item item, manifest_document root, tag_check check,
                                                   manifest_claims& claims) {
  std::vector<log::event> located;
  if (item.is_tag) {
    claims.try_take(repository_, root.digest);  // who brings the same one does not put this tag
  } else if (co_await claims.take(repository_, root.digest)) {
    auto held = world_->where.holds(repository_, root.digest.text());
    if (!held) co_return pass(std::move(held));
    if (*held) co_return located;
  }
  image_at_work at_work(*progress_, {repository_, item.ref, progress_->time ? progress_->time->now() : timestamp{}});
  for (int round = 0;; ++round) {
    attempt a;
    a.image = &at_work.anew();
    a.believe = round == 0;
    a.claims = &claims;
    a.located = &located;
    auto done = co_await try_once(item, root, check, a);
    if (done) co_return located;
    if (done.error().code == errc::busy && round < corrections_max) continue;
    // What came to be at the target stays known, though the whole did not.
    if (auto written = co_await world_->where.record(std::move(located)); !written) co_return pass(std::move(written));
    co_return pass(std::move(done));
  }
}

task<> publication::try_once(const desired_item& item, const manifest_document& root, tag_check check, attempt& a) {
  const auto s = world_->copying.subjects ? closure::subjects::follow : closure::subjects::leave;
  auto walked = co_await walk(root, s, a);
  if (!walked) co_return pass(std::move(walked));
  const closure_plan plan = walked->plan();
  if (auto r = co_await bring_blobs(plan, a); !r) co_return r;
  std::vector<descriptor> referrers;
  std::set<longshore::digest> seen;
  for (const manifest_document* m : plan.manifests) {
    auto found = co_await list_referrers(m->digest);
    if (!found) co_return pass(std::move(found));
    referrers.insert(referrers.end(), found->begin(), found->end());
    seen.insert(m->digest);
  }
  for (const manifest_document* m : plan.manifests) {
    const bool is_root = m->digest == root.digest;
    // Without referrers in between, one request publishes both root and tag.
    if (is_root && item.is_tag && referrers.empty()) break;
    if (auto r = co_await put(*m, m->digest.text(), plan, a); !r) co_return r;
    // A tag's digest is located by the record that it was published; what is not whole must not pass for it.
    if ((is_root && item.is_tag) || plan.sparse.contains(m->digest)) continue;
    a.located->push_back(record::located(repository_, m->digest, m->bytes.size()));
  }
  if (auto r = co_await bring_referrers(item, std::move(referrers), std::move(seen), a); !r) co_return r;
  if (plan.sparse.contains(root.digest)) sparse_.insert(root.digest);
  if (!item.is_tag) co_return result<void>();
  // What the source lacks below a tag that has moved on was collected with it: that image is published by nobody.
  const bool confirms = !plan.absent.empty() || (a.sent_content && check == tag_check::confirm);
  if (confirms) {
    if (auto r = co_await confirm_tag(item, root.digest); !r) co_return r;
  }
  // An index may lack children at the source, too; but not one that was only gone for a moment.
  for (const longshore::digest& d : plan.absent) {
    auto now = co_await world_->source.resolve(repository_, d.text());
    if (!now) co_return pass(std::move(now));
    if (*now) co_return fail(errc::conflict, d.text() + " came back at the source while its index was copied");
  }
  co_return co_await put(walked->root(), item.ref, plan, a);
}

task<closure> publication::walk(manifest_document root, closure::subjects s, attempt& a) {
  auto c = closure::of(std::move(root), s, world_->copying.limits, chosen_entries(world_->copying));
  while (c) {
    const auto wanted = c->take_wanted();
    if (wanted.empty()) break;
    for (const longshore::digest& d : wanted) {
      auto held = co_await is_held(d, a);
      if (!held) co_return pass(std::move(held));
      if (*held) {
        c->held(d);
        continue;
      }
      auto document = co_await world_->source.get_manifest(repository_, d.text());
      if (document) {
        if (auto r = c->supply(*std::move(document)); !r) co_return pass(std::move(r));
      } else if (document.error().code == errc::not_found) {
        c->absent(d);
      } else if (c->may_be_blob(d) && co_await is_source_blob(d)) {
        c->absent(d);
      } else {
        co_return pass(std::move(document), "reading manifest " + d.text());
      }
    }
  }
  co_return c;
}

// Once nobody else brings it.
task<bool> publication::is_held(const longshore::digest& d, attempt& a) {
  if (!a.believe) co_return false;
  auto holds = world_->where.holds(repository_, d.text());
  if (!holds || *holds) co_return holds;
  if (!co_await a.claims->take(repository_, d)) co_return false;
  co_return world_->where.holds(repository_, d.text());
}

// Distribution 2 answers 500 when a blob is asked for as a manifest. A failure to tell leaves the first one standing.
asio::awaitable<bool> publication::is_source_blob(longshore::digest d) {
  const auto found = co_await world_->source.stat_blob(repository_, std::move(d));
  co_return found && found->has_value();
}

task<> publication::bring_blobs(const closure_plan& plan, attempt& a) {
  std::size_t next = 0;
  std::optional<error> failure;
  image_progress& image = *a.image;
  image.blobs += plan.blobs.size();
  for (const manifest_reference& blob : plan.blobs) image.bytes += blob.target.size;
  const auto worker = [&]() -> asio::awaitable<void> {
    while (next < plan.blobs.size() && !failure) {
      const manifest_reference& blob = plan.blobs[next++];
      blob_request r{repository_, blob.target.digest,     std::nullopt,
                     blob.data,   &progress_->bytes_sent, &image.bytes_copied};
      if (blob.size_known) r.size = blob.target.size;
      auto outcome = co_await world_->blobs.bring(std::move(r));
      if (!outcome) {
        if (!failure) failure = std::move(outcome).error();
        continue;
      }
      blob_tally& tally = *outcome == blob_outcome::copied    ? progress_->copied
                          : *outcome == blob_outcome::mounted ? progress_->mounted
                                                              : progress_->present;
      ++tally.blobs;
      tally.bytes += blob.target.size;
      if (*outcome != blob_outcome::present) a.sent_content = true;
      if (*outcome == blob_outcome::copied) ++image.blobs_copied;
      if (*outcome == blob_outcome::mounted) ++image.blobs_mounted, image.bytes_mounted += blob.target.size;
      if (*outcome == blob_outcome::present) ++image.blobs_present, image.bytes_present += blob.target.size;
    }
  };
  std::vector<asio::awaitable<void>> workers;
  const std::size_t count = std::min(plan.blobs.size(), std::max<std::size_t>(world_->copying.blobs_at_once, 1));
  for (std::size_t i = 0; i < count; ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (failure) co_return std::unexpected<error>(with_next_step(*std::move(failure)));
  co_return result<void>();
}

// errc::busy: the target lacks what it was believed to have; the index is corrected, walk again.
task<> publication::store(const manifest_document& m, std::string ref, const closure_plan& of, attempt& a) {
  auto stored = co_await world_->target.put_manifest(repository_, ref, m.media_type, m.bytes);
  if (stored) {
    ++progress_->manifests.blobs;
    progress_->manifests.bytes += m.bytes.size();
    if (*stored == m.digest) co_return result<void>();
    co_return fail(errc::corrupt, "the target stored " + m.digest.text() + " as " + stored->text());
  }
  const std::string refused = "the target refuses manifest " + m.digest.text() + " (" + m.media_type + ")";
  if (stored.error().code == errc::unsupported && !takes_none(stored.error())) {
    co_return pass(std::move(stored), refused);
  }
  if (!may_lack_content(stored.error().code)) {
    // A tag is named beside what is said of it.
    const bool is_tag = ref.find(':') == std::string::npos;
    if (!is_tag) stored = pass(std::move(stored), "publishing " + ref);
    co_return std::unexpected(with_next_step(std::move(stored).error()));
  }
  auto corrected = co_await correct_index(m, of, a);
  if (!corrected) co_return pass(std::move(corrected));
  if (*corrected) {
    a.sent_content = true;
    co_return fail(errc::busy, "the target lacks content of " + m.digest.text() + " again and again");
  }
  error e = std::move(stored).error();
  // It has everything and will not take it: that is about this manifest, for good.
  co_return fail(errc::rejected, refused + ": " + e.text);
}

// As above; a target that takes whole indexes only is told apart from one that minds something else.
task<> publication::put(const manifest_document& m, std::string ref, const closure_plan& of, attempt& a) {
  auto stored = co_await store(m, std::move(ref), of, a);
  if (stored || stored.error().code != errc::rejected || !of.sparse.contains(m.digest)) co_return stored;
  co_return fail(errc::rejected,
                 "the target takes no index whose platforms are not all there, and `platforms` leaves some out; let it "
                 "(Distribution 3: validation.manifests.indexes.platforms: list) or " +
                     (world_->copying.by == copied_by::command ? std::string("leave --platforms out")
                                                               : "clear `platforms`, then " + next_step()) +
                     ": " + stored.error().text);
}

std::string publication::next_step() const {
  return world_->copying.by == copied_by::command ? "copy again" : "longshore unpark " + repository_;
}

// What a source does not give, or a target does not know, may be called unsupported, too.
error publication::with_next_step(error why) const {
  if (takes_none(why)) why.text += " Let it take them, then " + next_step();
  return why;
}

// Whether the target serves what a manifest refers to, as what it may be copied as.
task<bool> publication::at_target(const manifest_reference& r) {
  if (r.as != copy_as::blob) {
    auto found = co_await world_->target.resolve(repository_, r.target.digest.text());
    if (!found) co_return pass(std::move(found));
    if (*found) co_return true;
  }
  if (r.as == copy_as::manifest) co_return false;
  auto found = co_await world_->target.stat_blob(repository_, r.target.digest);
  if (!found) co_return pass(std::move(found));
  co_return found->has_value();
}

// Asks the target for everything the manifest refers to; records what it lacks though the index has it. A blob that was
// brought, or a manifest that was believed, and that the index has no more, was found lost by another image meanwhile.
// What was put for this item, at this attempt or one before it, is not in the index yet: somebody may have deleted it.
task<bool> publication::correct_index(const manifest_document& m, const closure_plan& of, attempt& a) {
  auto content = parse_manifest(m.media_type, m.bytes);
  if (!content) co_return pass(std::move(content));
  std::vector<log::event> lost;
  bool corrected = false;
  for (const manifest_reference& r : content->references) {
    const longshore::digest& d = r.target.digest;
    auto believed = world_->where.holds(repository_, d.text());
    if (!believed) co_return pass(std::move(believed));
    const auto is_it = [&](const manifest_reference& blob) { return blob.target.digest == d; };
    const auto is_located = [&](const log::event& e) {
      return e.kind == log::event_kind::located && e.digest == d.text();
    };
    const auto is_put = [&](const manifest_document* put) { return put->digest == d && d != m.digest; };
    if (!*believed && (of.held.contains(d) || std::ranges::any_of(of.blobs, is_it))) corrected = true;
    const bool put_here = std::ranges::any_of(of.manifests, is_put) || std::ranges::any_of(*a.located, is_located);
    if (!*believed && !put_here) continue;
    auto there = co_await at_target(r);
    if (!there) co_return pass(std::move(there));
    if (*there) continue;
    corrected = true;
    if (*believed) lost.push_back(record::lost(repository_, d));
    std::erase_if(*a.located, is_located);
  }
  if (auto written = co_await world_->where.record(std::move(lost)); !written) co_return pass(std::move(written));
  co_return corrected;
}

task<> publication::confirm_tag(const desired_item& item, const longshore::digest& d) {
  auto now = co_await world_->source.resolve(repository_, item.ref);
  if (!now) co_return pass(std::move(now), "looking at tag " + item.ref + " of the source again");
  if (*now && **now == d) co_return result<void>();
  co_return fail(errc::conflict, "tag " + item.ref + " changed at the source while its content was copied");
}

task<std::vector<descriptor>> publication::list_referrers(const longshore::digest& d) {
  std::vector<descriptor> none;
  if (!world_->copying.referrers || !world_->learned->asks_for_referrers()) co_return none;
  auto listed = co_await referrers_at_source(*world_, repository_, d);
  if (!listed) co_return pass(std::move(listed));
  co_return std::move(*listed).value_or(none);
}

// Those found, and in turn what refers to them and to what they are made of.
task<> publication::bring_referrers(const desired_item& item, std::vector<descriptor> found,
                                    std::set<longshore::digest> seen, attempt& a) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const descriptor r = found[i];
    if (!seen.insert(r.digest).second) continue;
    if (i >= world_->copying.referrers_max) {
      co_return fail(errc::too_large, "more than " + std::to_string(world_->copying.referrers_max) + " referrers");
    }
    std::vector<longshore::digest> parts{r.digest};
    std::vector<log::event> located;
    if (auto done = co_await bring_referrer(item, r, a, parts, located); !done) co_return done;
    for (const longshore::digest& part : parts) {
      if (part != r.digest && !seen.insert(part).second) continue;
      auto more = co_await list_referrers(part);
      if (!more) co_return pass(std::move(more));
      found.insert(found.end(), more->begin(), more->end());
    }
    // Not before: what is believed to be there is not asked for its parts again.
    a.located->insert(a.located->end(), std::make_move_iterator(located.begin()),
                      std::make_move_iterator(located.end()));
  }
  co_return result<void>();
}

// A referrer that the target will never take does not hold back the image it refers to: it is parked by itself.
// parts, located: the manifests below it, and the records of what is there now, are added.
task<> publication::bring_referrer(const desired_item& item, const descriptor& r, attempt& a,
                                   std::vector<longshore::digest>& parts, std::vector<log::event>& located) {
  auto known = co_await is_held(r.digest, a);
  if (!known) co_return pass(std::move(known));
  if (*known) co_return result<void>();
  auto document = co_await world_->source.get_manifest(repository_, r.digest.text());
  if (!document && document.error().code == errc::not_found) co_return result<void>();  // deleted meanwhile
  if (!document) co_return pass(std::move(document), "reading referrer " + r.digest.text());
  if (left_out_by_type(world_->copying, *document)) co_return result<void>();
  const manifest_document root = *document;
  auto walked = co_await walk(root, closure::subjects::leave, a);
  result<void> done;
  if (!walked) {
    done = pass(std::move(walked));
  } else {
    const closure_plan plan = walked->plan();
    for (const manifest_document* m : plan.manifests) {
      if (m->digest != r.digest) parts.push_back(m->digest);
    }
    done = co_await bring_blobs(plan, a);
    for (std::size_t i = 0; done && i < plan.manifests.size(); ++i) {
      const manifest_document& m = *plan.manifests[i];
      done = co_await put(m, m.digest.text(), plan, a);
      if (done) located.push_back(record::located(repository_, m.digest, m.bytes.size()));
    }
  }
  if (done || remedy_for(done.error().code, false) == remedy::retry) co_return done;
  desired_item own{repository_, r.digest.text(), false, false, r.digest.text(), r.media_type, item.seq, {}};
  a.located->push_back(record::item_parked(own, done.error()));
  refused_referrers_.insert_or_assign(r.digest, std::move(done).error());
  co_return result<void>();
}

}  // namespace longshore::engine
