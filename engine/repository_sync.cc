#include "engine/repository_sync.h"

#include <algorithm>
#include <tuple>

#include "engine/comparison.h"
#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

constexpr int moves_followed_max = 3;  // by one pass, of a tag; then what was copied last is published
constexpr int host_failures_max = 3;
constexpr int rounds_max = 16;  // a signature of a signature of ...: each is opened again by what it follows

std::unexpected<error> stopped() { return fail(errc::stopped, "stopping; the pass goes on after the next start"); }

}  // namespace

task<pass_report> repository_sync::run() {
  auto wanted = world_->wanted.repository(repository_);
  if (!wanted) co_return pass(std::move(wanted));
  if (look_ == look::yes) {
    if (auto looked = co_await look_at_apart(); !looked) co_return pass(std::move(looked));
  }
  auto before = world_->done.repository(repository_);
  if (!before) co_return pass(std::move(before));
  const std::string& filter = world_->copying.filter->fingerprint();
  const bool stale = *before && is_stale(**before, filter);
  const std::uint64_t synced = *before ? (*before)->synced_size : 0;
  if (!*wanted || ((*wanted)->items_size <= synced && !stale)) {
    pass_report nothing;
    nothing.held = any_held_;
    co_return nothing;
  }
  if (stale) {
    auto written = co_await world_->records.append(std::vector{record::filter_changed(repository_, filter)});
    if (!written) co_return pass(std::move(written));
  }
  tally_.until = (*wanted)->items_size;
  for (int round = 0; round < rounds_max; ++round) {
    reopened_ = false;
    if (auto begun = co_await begin(); !begun) co_return pass(std::move(begun));
    if (auto worked = co_await work_round(*before); !worked) co_return pass(std::move(worked));
    // What failed is for a later pass; so is what was opened again then.
    if (must_end() || !reopened_ || tally_.failed > 0) break;
  }
  if (broken_) co_return std::unexpected<error>(*broken_);
  if (stopping_) co_return stopped();
  if (reopened_) tally_.cut_short = true;  // what was opened last is for a later pass

  const pass_verdict v = decide_pass(tally_, *before, world_->now.now(), world_->settings.backoff, world_->random);
  auto end = v.synced ? record::sync_succeeded(repository_, v.synced_size)
                      : record::sync_failed(repository_, v.reason, v.retry_at, v.retry_count);
  auto written = co_await world_->records.append(std::vector{std::move(end)});
  if (!written) co_return pass(std::move(written));
  co_return pass_report{true, v.synced, host_failures_in_a_row_ > 0, any_held_, v.retry_at};
}

// The record comes before the look at what is open: whatever is opened again later makes the end of this pass void.
task<> repository_sync::begin() {
  auto written = co_await world_->records.append(std::vector{record::sync_started(repository_)});
  if (!written) co_return pass(std::move(written));
  auto now = world_->done.repository(repository_);
  if (!now) co_return pass(std::move(now));
  cursor_ = {*now ? (*now)->synced_size : 0};
  co_return result<void>();
}

// Everything that is open from the cursor on; removals when all of them are known.
task<> repository_sync::work_round(const std::optional<actual_repository>& before) {
  const std::uint64_t from = cursor_.value;
  removals_open_ = false;
  if (auto worked = co_await work_through(part::publishing, from); !worked) co_return worked;
  if (must_end()) co_return result<void>();
  if (auto worked = co_await work_through(part::retrying, from); !worked) co_return worked;
  begin_part();  // what failed before says nothing of the deletions that wait behind it
  if (!removals_open_ || must_end()) co_return result<void>();
  if (auto decided = co_await decide_removals(before); !decided) co_return decided;
  if (auto worked = co_await work_through(part::removing, from); !worked) co_return worked;
  if (must_end()) co_return result<void>();
  co_return co_await work_through(part::removing_again, from);
}

// Each part, and each kind of what is tried again, may fail by itself: what always fails keeps no other from its turn.
void repository_sync::begin_part() {
  part_over_ = false;
  failures_in_part_ = 0;
  host_failures_in_part_ = 0;
}

// The open items of a part, in the order of the log.
result<void> repository_sync::each_open(part p, const std::function<bool(open_item)>& visit) {
  result<void> looked;
  auto read = world_->wanted.changed(repository_, cursor_, [&](const desired_item& item) {
    if (item.seq.value >= tally_.until) return false;
    if (item.seq == cursor_ && handled_at_cursor_.contains(item.ref)) return true;
    auto done = world_->done.item(repository_, item.ref);
    if (!done) {
      looked = pass(std::move(done));
      return false;
    }
    if (!is_open(item, *done)) return true;
    const bool gone = is_gone(item);
    if (gone) removals_open_ = true;
    if (!belongs_to(p, item, *done)) return true;
    return visit({item, *std::move(done), gone, false, item.gone ? std::string() : item.digest});
  });
  if (!read) return pass(std::move(read));
  return looked;
}

// The next open items, oldest first. Several may share a seq (a repository's deletion), so the last seq is read again
// and those handled there are passed over.
result<std::vector<repository_sync::open_item>> repository_sync::read_page(part p) {
  std::vector<open_item> page;
  auto read = each_open(p, [&](open_item item) {
    page.push_back(std::move(item));
    return page.size() < world_->settings.items_per_page;
  });
  if (!read) return pass(std::move(read));
  for (const open_item& item : page) {
    if (item.wanted.seq != cursor_) handled_at_cursor_.clear();
    cursor_ = item.wanted.seq;
    handled_at_cursor_.insert(item.wanted.ref);
  }
  return page;
}

// Of all that was tried before, those that waited longest for another try: a few that always fail end a pass, and not
// the same pass always.
result<std::vector<repository_sync::open_item>> repository_sync::read_longest_waiting(part p) {
  const auto turn = [](const open_item& i) { return std::tuple(i.done->at, i.wanted.seq, i.wanted.ref); };
  const auto sooner = [&](const open_item& a, const open_item& b) { return turn(a) < turn(b); };
  std::vector<open_item> page;  // a heap, the last turn on top
  auto read = each_open(p, [&](open_item item) {
    if (tried_again_.contains(item.wanted.ref)) return true;
    page.push_back(std::move(item));
    std::ranges::push_heap(page, sooner);
    if (page.size() > world_->settings.items_per_page) {
      std::ranges::pop_heap(page, sooner);
      page.pop_back();
    }
    return true;
  });
  if (!read) return pass(std::move(read));
  std::ranges::sort_heap(page, sooner);
  for (const open_item& item : page) tried_again_.insert(item.wanted.ref);
  return page;
}

bool repository_sync::belongs_to(part p, const desired_item& item, const std::optional<actual_item>& done) const {
  if (failed_now_.contains(item.ref)) return false;
  const bool again = was_tried(item, done);
  if (is_gone(item)) return p == (again ? part::removing_again : part::removing);
  return p == (again ? part::retrying : part::publishing);
}

task<> repository_sync::work_through(part p, std::uint64_t from) {
  cursor_ = {from};
  handled_at_cursor_.clear();
  tried_again_.clear();
  const bool again = p == part::retrying || p == part::removing_again;
  while (!must_end()) {
    auto page = again ? read_longest_waiting(p) : read_page(p);
    if (!page) co_return pass(std::move(page));
    if (page->empty()) break;
    const bool removes = p == part::removing || p == part::removing_again;
    auto worked = removes ? co_await remove_page(*page) : co_await publish_page(*page, p);
    if (!worked) co_return worked;
  }
  co_return result<void>();
}

task<> repository_sync::publish_page(std::vector<open_item>& page, part p) {
  bool over = false;
  const auto begin_kind = [&](bool any) {
    over = over || part_over_;
    if (p == part::retrying && any) begin_part();
  };
  // Accessories are judged when the tags before them are there.
  for (const bool accessories : {false, true}) {
    std::vector<open_item*> tags;
    for (open_item& item : page) {
      if (item.wanted.is_tag && accessory_subject(item.wanted.ref).has_value() == accessories) tags.push_back(&item);
    }
    begin_kind(!tags.empty());
    if (auto r = co_await skip_tags(tags); !r) co_return r;
    std::erase_if(tags, [](const open_item* item) { return item->settled; });
    if (auto r = co_await publish_some(std::move(tags)); !r) co_return r;
  }
  std::vector<open_item*> manifests;
  for (open_item& item : page) {
    if (!item.wanted.is_tag) manifests.push_back(&item);
  }
  begin_kind(!manifests.empty());
  if (auto r = co_await settle_held(manifests); !r) co_return r;
  if (auto r = co_await publish_some(std::move(manifests)); !r) co_return r;
  part_over_ = part_over_ || over;
  for (const open_item& item : page) {
    if (!item.gone) continue;
    removals_open_ = true;
    found_gone_.insert(item.wanted.ref);
  }
  co_return result<void>();
}

task<> repository_sync::publish_some(std::vector<open_item*> items) {
  std::size_t next = 0;
  const auto worker = [&]() -> asio::awaitable<void> {
    while (next < items.size() && !must_end()) {
      open_item& item = *items[next++];
      auto open = still_open(item);
      if (!open) broken_ = open.error();
      if (!open || !*open) continue;
      if (auto r = co_await publish_one(item); !r) broken_ = std::move(r).error();
    }
  };
  std::vector<asio::awaitable<void>> workers;
  const std::size_t count = std::min(items.size(), std::max<std::size_t>(world_->settings.items_at_once, 1));
  for (std::size_t i = 0; i < count; ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (broken_) co_return std::unexpected<error>(*broken_);
  co_return result<void>();
}

// Manifests that came with a tag are at the target already: one record each, no request.
task<> repository_sync::settle_held(std::vector<open_item*> items) {
  records held;
  for (open_item* item : items) {
    const auto d = longshore::digest::parse(item->wanted.ref);
    if (!d) continue;
    auto holds = world_->where.holds(repository_, d->text());
    if (!holds) co_return pass(std::move(holds));
    if (!*holds) continue;
    held.push_back(record::published(item->wanted, *d));
    item->settled = true;
    ++progress_->unchanged;
  }
  co_return co_await world_->records.append(std::move(held));
}

task<> repository_sync::publish_one(open_item& item) {
  manifest_claims claims(*world_->claims);
  result<records> outcome;
  if (item.wanted.is_tag) {
    outcome = co_await bring_tag(item, claims);
  } else {
    outcome = co_await bring_manifest(item, claims);
  }
  if (outcome && item.gone) co_return result<void>();  // its turn comes with the removals
  co_return co_await settle(item, std::move(outcome));
}

task<repository_sync::records> repository_sync::bring_tag(open_item& item, manifest_claims& claims) {
  const sync_settings& settings = world_->settings;
  const bool early = may_be_early(item.wanted, item.done, world_->now.now(), settings.recent_us);
  int looks_left = was_tried(item.wanted, item.done) ? 0 : settings.patience_tries;
  std::int64_t wait = settings.patience_first_ms;
  for (int moves = 1;;) {
    auto document = co_await world_->source.get_manifest(repository_, item.wanted.ref);
    if (!document && document.error().code != errc::not_found) {
      co_return pass(std::move(document), "reading tag " + item.wanted.ref + " of the source");
    }
    const auto shown = document ? std::optional(document->digest) : std::nullopt;
    switch (decide_tag(item.wanted, shown, early && moves == 1, looks_left)) {
      case tag_step::publish: {
        auto done = co_await bring_tag_as_shown(item, *std::move(document), moves == moves_followed_max, claims);
        if (done || done.error().code != errc::conflict || moves == moves_followed_max) co_return done;
        ++moves;
        break;
      }
      case tag_step::look_again: {
        if (auto paused = co_await world_->pause.pause(wait); !paused) co_return pass(std::move(paused));
        --looks_left;
        wait *= 2;
        break;
      }
      case tag_step::fail: {
        if (document) {
          auto shown_meanwhile = co_await bring_meanwhile(item, *std::move(document), claims);
          if (!shown_meanwhile) co_return pass(std::move(shown_meanwhile));
        }
        co_return fail(errc::conflict, "the source told of tag " + item.wanted.ref + " at " + item.wanted.digest +
                                           " and shows " + (shown ? shown->text() : "no such tag"));
      }
      case tag_step::remove:
        item.gone = true;
        co_return records();
    }
  }
}

task<repository_sync::records> repository_sync::bring_tag_as_shown(open_item& item, manifest_document shown,
                                                                   bool last_try, manifest_claims& claims) {
  const longshore::digest d = shown.digest;
  auto left_out = verdict_on(item, shown);
  if (!left_out) co_return pass(std::move(left_out));
  if (*left_out) co_return skipped(item, **left_out);
  const bool ours = item.done && item.done->done_size > 0 && item.done->digest == d.text();
  const auto stands = [&] {
    ++progress_->unchanged;
    return records{record::published(item.wanted, d)};
  };
  auto holds = world_->where.holds(repository_, d.text());
  if (!holds) co_return pass(std::move(holds));
  if (ours && *holds) {
    auto there = co_await world_->target.resolve(repository_, item.wanted.ref);
    if (!there) co_return pass(std::move(there), "asking the target for tag " + item.wanted.ref);
    if (compare_tag(d, *there) == difference::none) co_return stands();
  }
  const auto check = last_try ? publication::tag_check::none : publication::tag_check::confirm;
  auto done = co_await publication_.publish(item.wanted, std::move(shown), check, claims);
  if (done) done->push_back(published(item, d));
  if (done) ++progress_->published;
  co_return done;
}

task<repository_sync::records> repository_sync::bring_manifest(open_item& item, manifest_claims& claims) {
  auto d = longshore::digest::parse(item.wanted.ref);
  if (!d) co_return fail(errc::unsupported, "a digest that cannot be verified: " + item.wanted.ref);
  auto document = co_await world_->source.get_manifest(repository_, d->text());
  if (!document && document.error().code == errc::not_found) {
    item.gone = true;
    co_return records();
  }
  if (!document) co_return pass(std::move(document), "reading manifest " + d->text() + " of the source");
  auto left_out = verdict_on(item, *document);
  if (!left_out) co_return pass(std::move(left_out));
  if (*left_out) co_return skipped(item, **left_out);
  auto done = co_await publication_.publish(item.wanted, *std::move(document), publication::tag_check::none, claims);
  if (!done) co_return done;
  done->push_back(published(item, *d));
  ++progress_->published;
  co_return done;
}

// Journals what became of the item. Fails only when that cannot be done.
task<> repository_sync::settle(const open_item& item, result<records> outcome) {
  if (outcome) {
    host_failures_in_a_row_ = host_failures_in_part_ = 0;
    mark_apart(item, *outcome);
    if (auto r = reopen_followers(*outcome); !r) co_return r;
    if (auto r = reopen_freed(item, *outcome); !r) co_return r;
    co_return co_await world_->records.append(*std::move(outcome));
  }
  const error why = std::move(outcome).error();
  if (why.code == errc::stopped) {
    stopping_ = true;
    co_return result<void>();
  }
  const bool of_host = is_about_the_host(why.code);
  host_failures_in_a_row_ = of_host ? host_failures_in_a_row_ + 1 : 0;
  host_failures_in_part_ = of_host ? host_failures_in_part_ + 1 : 0;
  const bool parked = state_after(why, was_missing(item.wanted, item.done)) == item_state::parked;
  ++(parked ? progress_->parked : progress_->failed);
  if (!parked) {
    failed_now_.insert(item.wanted.ref);
    if (tally_.failed++ == 0) tally_.first_failure = item.wanted.ref + ": " + describe(why);
    tally_.retry_after_ms = std::max(tally_.retry_after_ms, why.retry_after_ms);
    const bool enough = ++failures_in_part_ >= world_->settings.failures_max;
    if (enough || host_failures_in_part_ >= host_failures_max) tally_.cut_short = part_over_ = true;
  }
  co_return co_await world_->records.append(
      std::vector{parked ? record::item_parked(item.wanted, why) : record::item_failed(item.wanted, why)});
}

}  // namespace longshore::engine
