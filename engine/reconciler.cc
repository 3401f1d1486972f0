#include "engine/reconciler.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "engine/failure.h"
#include "engine/reconcile_records.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

constexpr std::size_t names_max = 100'000;  // repositories by name; a run over more is over all
constexpr std::size_t ended_kept = 16;

}  // namespace

result<void> reconciler::start() {
  auto known = world_.looked.source(world_.name);
  if (!known) return pass(std::move(known));
  const reconciled_source s = *known ? **known : reconciled_source{};
  loop_.spawn(loop());
  const bool first = !s.last_complete && !s.open;
  if (s.open) last_begun_ = s.open->started;
  if (s.watched) suspect("this site was not stopped in good order");
  if (s.open) {
    interrupted_ = s.open;
    has_begun_ = true;
    enqueue(again(*s.open));
  } else if (world_.settings.every_ms > 0) {
    enqueue(whole(first ? reconcile_mode::digests : reconcile_mode::tags, first ? "backfill" : "start"));
  }
  const bool settles = s.open && s.open->mode == reconcile_mode::digests && s.open->started > s.suspected_since;
  if (!s.watched && !s.suspected.empty() && !settles && world_.settings.on_hint) {
    hint_run_at_ = world_.now.now();
    enqueue(whole_for(s.suspected));
  }
  return {};
}

run_request reconciler::again(const reconcile_record& r) const {
  return {r.run, r.mode, r.mode == reconcile_mode::tags, false, {}, r.why, named_, besides_};
}

run_request reconciler::whole(reconcile_mode mode, std::string why) {
  return {fresh_name(), mode, mode == reconcile_mode::tags, false, {}, std::move(why), {}, {}};
}

run_request reconciler::whole_for(const std::string& doubt) {
  run_request r = whole(reconcile_mode::digests, "events may have been lost: " + doubt);
  r.recent_first = true;
  return r;
}

std::string reconciler::fresh_name() {
  return "r" + std::to_string(world_.now.now().us) + "." + std::to_string(++names_);
}

std::string reconciler::request(reconcile_mode mode, std::vector<std::string> named, std::string why,
                                std::vector<std::string> matched) {
  run_request wanted = whole(mode, std::move(why));
  wanted.rotate = false;
  wanted.named.insert(named.begin(), named.end());
  wanted.besides.insert(matched.begin(), matched.end());
  named.insert(named.end(), std::make_move_iterator(matched.begin()), std::make_move_iterator(matched.end()));
  if (named.size() <= names_max) wanted.repositories = std::move(named);
  enqueue(std::move(wanted));
  return queued_->run;
}

void reconciler::enqueue(run_request wanted) {
  const bool resumes = interrupted_ && wanted.run == interrupted_->run;
  if (queued_ && resumes) return;  // its turn comes after what is queued
  // What an interrupted run has passed is not looked at again by it: what is asked for needs a run of its own. A new
  // run over all makes going on with an old one needless.
  if (queued_ && interrupted_ && queued_->run == interrupted_->run) queued_.reset();
  if (interrupted_ && !resumes && wanted.repositories.empty()) {
    wanted.mode = std::max(wanted.mode, interrupted_->mode);
    wanted.named.merge(named_);
    wanted.besides.merge(besides_);
    interrupted_.reset();
  }
  if (!queued_) {
    queued_ = std::move(wanted);
  } else {
    run_request& q = *queued_;
    q.mode = std::max(q.mode, wanted.mode);
    q.rotate = q.rotate || wanted.rotate;
    q.recent_first = q.recent_first || wanted.recent_first;
    q.why = wanted.why;
    q.named.merge(wanted.named);
    q.besides.merge(wanted.besides);
    if (q.repositories.empty() || wanted.repositories.empty()) {
      q.repositories.clear();
    } else {
      q.repositories.insert(q.repositories.end(), wanted.repositories.begin(), wanted.repositories.end());
      if (q.repositories.size() > names_max) q.repositories.clear();
    }
  }
  for (auto* names : {&queued_->named, &queued_->besides}) {
    while (names->size() > names_max) names->erase(std::prev(names->end()));
  }
  wake_.notify_all();
}

void reconciler::suspect(const std::string& reason) {
  if (stopping_) return;
  doubt_ = reason;
  ++doubts_;
  if (doubted_at_.us == 0) doubted_at_ = world_.now.now();
  if (!std::exchange(noting_, true)) alarms_.spawn(note());
}

asio::awaitable<void> reconciler::note() {
  const std::string reason = doubt_;
  while (!doubt_.empty() && !is_noted()) {
    const std::uint64_t noted = doubts_;
    auto written = co_await write_down(record::source_noted(world_.name, record::noted::suspected, doubt_));
    if (!written) {
      noting_ = false;
      co_return;
    }
    if (noted == doubts_) break;  // else a run that began before the last may have begun after what is written
  }
  doubt_.clear();
  doubted_at_ = {};
  noting_ = false;
  if (stopping_ || !world_.settings.on_hint) co_return;
  // Another run for a hint may just have begun: this one waits for its time, and unites with what comes before.
  const timestamp now = world_.now.now();
  const std::int64_t due_us = hint_run_at_.us == 0 ? now.us : hint_run_at_.us + world_.settings.hint_gap_ms * 1'000;
  run_request wanted = whole_for(reason);
  if (due_us > now.us) {
    if (hint_waits_) co_return;
    hint_waits_ = hint_run{wanted.run, {due_us}};
    const auto waited = co_await world_.pause.pause((due_us - now.us) / 1'000 + 1);
    hint_waits_.reset();
    if (!waited || stopping_) co_return;
    auto known = world_.looked.source(world_.name);
    if (!known || !*known || (*known)->suspected.empty()) co_return;  // a run has settled it meanwhile
  }
  hint_run_at_ = world_.now.now();
  enqueue(std::move(wanted));
}

// What is journaled says the same as another doubt, unless a run that settles it may have begun between them: however
// many doubts come, they cost no more records than there are runs.
bool reconciler::is_noted() const {
  const auto known = world_.looked.source(world_.name);
  return known && *known && !(*known)->suspected.empty() && last_begun_ < (*known)->suspected_since;
}

task<> reconciler::write_down(log::event e) {
  for (std::uint64_t attempt = 1;; ++attempt) {
    auto written = co_await world_.records.append({e});
    if (written || stopping_) co_return written;
    if (is_final(written.error().code)) {
      halt(written.error());
      co_return written;
    }
    auto waited = co_await world_.pause.pause(backoff_ms(world_.settings.backoff, attempt, world_.random, 0));
    if (!waited) co_return waited;
  }
}

void reconciler::halt(const error& why) {
  if (halted_.empty() && world_.on_halt) world_.on_halt(why.text);
  halted_ = why.text;
  wake_.notify_all();
  idle_.notify_all();
}

asio::awaitable<void> reconciler::loop() {
  const auto watched = co_await write_down(record::source_noted(world_.name, record::noted::watched, {}));
  while (watched && !stopping_ && halted_.empty()) {
    if (queued_) {
      co_await run_next();
    } else {
      idle_.notify_all();
      co_await wake_.wait();
    }
  }
  idle_.notify_all();
}

asio::awaitable<void> reconciler::run_next() {
  ++turn_;  // what was waited for is void
  next_at_ = {};
  run_request wanted = *std::exchange(queued_, std::nullopt);
  const bool resumes = interrupted_ && has_begun_ && interrupted_->run == wanted.run;
  running_ = std::make_unique<reconcile_run>(world_, std::move(wanted), resumes ? interrupted_ : std::nullopt);
  last_begun_ = std::max(last_begun_, running_->record().started);
  result<run_end> outcome = fail(errc::stopped, "cancelled");
  try {
    outcome = co_await running_->run();
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;
    outcome = fail(errc::unavailable, e.what());
  }
  after(outcome);
  running_.reset();
}

void reconciler::after(const result<run_end>& outcome) {
  if (stopping_) return;
  const reconcile_record& r = running_->record();
  if (!outcome && is_final(outcome.error().code)) return halt(outcome.error());
  const bool broken = !outcome || *outcome == run_end::broken_off;
  // Tried again and again, one run would crowd out how the others ended.
  std::erase_if(ended_, [&](const reconcile_record& before) { return before.run == r.run; });
  ended_.push_back(r);
  if (!outcome) {
    ended_.back().broken_off = r.whole;
    ended_.back().reason = describe(outcome.error());
    ended_.back().ended = world_.now.now();
  }
  if (ended_.size() > ended_kept) ended_.pop_front();
  if (broken && r.whole) {
    interrupted_ = ended_.back();
    has_begun_ = running_->has_begun();
    named_ = running_->request().named;
    besides_ = running_->request().besides;
    ++broken_runs_;
  } else if (r.whole) {
    broken_runs_ = 0;
    interrupted_.reset();
    named_.clear();
    besides_.clear();
  }
  if (interrupted_) {
    const auto attempt = std::max<std::uint64_t>(broken_runs_, 1);
    wait_for(backoff_ms(world_.settings.backoff, attempt, world_.random, 0), again(*interrupted_));
  } else {
    schedule(r.whole);
  }
}

void reconciler::schedule(bool anew) {
  const std::int64_t every = world_.settings.every_ms;
  if (every <= 0) return;
  const std::int64_t now_us = world_.now.now().us;
  if (anew || whole_due_.us == 0) {
    // A tenth earlier at most: many sites of one registry do not come all at once, and nothing comes late.
    const auto early = static_cast<std::int64_t>(world_.random.below(static_cast<std::uint64_t>(every) / 10 + 1));
    whole_due_ = {now_us + (every - early) * 1'000};
  }
  const std::int64_t ms = std::clamp<std::int64_t>((whole_due_.us - now_us) / 1'000, 0, every);
  wait_for(ms, whole(reconcile_mode::tags, "schedule"));
}

void reconciler::wait_for(std::int64_t ms, run_request wanted) {
  next_at_ = {world_.now.now().us + ms * 1'000};
  alarms_.spawn(alarm(++turn_, ms, std::move(wanted)));
}

asio::awaitable<void> reconciler::alarm(std::uint64_t turn, std::int64_t ms, run_request wanted) {
  const auto waited = co_await world_.pause.pause(ms);
  if (!waited || stopping_ || turn != turn_) co_return;
  enqueue(std::move(wanted));
}

asio::awaitable<void> reconciler::idle() {
  while ((running_ || queued_) && halted_.empty() && !stopping_) co_await idle_.wait();
}

asio::awaitable<void> reconciler::stop() {
  using namespace asio::experimental::awaitable_operators;
  stopping_ = true;
  world_.pause.stop();
  wake_.notify_all();
  if (loop_.live() > 0) {
    asio::steady_timer deadline(co_await asio::this_coro::executor,
                                std::chrono::milliseconds(world_.settings.stop_deadline_ms));
    co_await (loop_.join() || deadline.async_wait(asio::use_awaitable));
  }
  loop_.cancel();
  co_await loop_.join();
  alarms_.cancel();
  co_await alarms_.join();
  running_.reset();
  if (!halted_.empty()) co_return;
  std::vector<log::event> last;
  if (!doubt_.empty()) last.push_back(record::source_noted(world_.name, record::noted::suspected, doubt_));
  last.push_back(record::source_noted(world_.name, record::noted::released, {}));
  auto told = co_await world_.records.append(std::move(last));
  if (!told) halted_ = told.error().text;
}

result<reconciler_status> reconciler::status() const {
  auto known = world_.looked.source(world_.name);
  if (!known) return pass(std::move(known));
  reconciler_status s;
  s.source = world_.name;
  s.registry = world_.source.name();
  if (running_) s.running = running_->progress();
  if (queued_) s.queued = queued_->run;
  s.next_at = next_at_;
  if (hint_waits_ && !queued_) {
    s.queued = hint_waits_->name;
    if (s.next_at.us == 0 || hint_waits_->due < s.next_at) s.next_at = hint_waits_->due;
  }
  if (*known) s.reconciled = **std::move(known);
  // Where the log takes nothing, the journal does not say so either.
  if (interrupted_ && interrupted_->broken_off) s.reconciled.last_whole = interrupted_;
  if (!doubt_.empty() && s.reconciled.suspected.empty()) {
    s.reconciled.suspected = doubt_;
    s.reconciled.suspected_since = doubted_at_;
  }
  s.ended = ended_;
  s.halted = halted_;
  return s;
}

}  // namespace longshore::engine
