#include "engine/reconcile_run.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/failure.h"
#include "engine/reconcile_records.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

constexpr std::size_t failures_in_a_row_max = 10;
constexpr std::uint64_t requests_per_position = 200;  // so much work at most is done again after a kill
constexpr std::size_t records_per_position = 100;
constexpr std::size_t rows_between_yields = 200;

}  // namespace

reconcile_run::reconcile_run(const reconcile_world& world, run_request request,
                             const std::optional<reconcile_record>& resumed)
    : world_(&world),
      request_(std::move(request)),
      pace_(world.pause, world.now, world.settings.requests_per_second),
      resumed_(resumed.has_value()),
      has_begun_(resumed_) {
  if (resumed) record_ = *resumed;
  record_.run = request_.run;
  record_.mode = request_.mode;
  record_.why = request_.why;
  record_.whole = request_.repositories.empty();
  record_.reason.clear();
  record_.catalog_refused.clear();
  record_.broken_off = false;
  record_.ended = {};
  if (!resumed) record_.started = world.now.now();
}

task<run_end> reconcile_run::run() {
  if (!resumed_) {
    auto begun = co_await world_->records.append({record::reconcile_started(world_->name, record_)});
    if (!begun) co_return pass(std::move(begun));
    has_begun_ = true;
  }
  auto planned = co_await plan();
  if (!planned) co_return pass(std::move(planned));
  if (!broken_) {
    todo_ = *std::move(planned);
    done_.assign(todo_.size(), false);
    done_before_ = record_.counts.done;
    if (auto counted = co_await count_known(); !counted) co_return pass(std::move(counted));
    record_.counts.repositories = done_before_ + todo_.size();
    looking_since_ = world_->now.now();
    if (request_.rotate && record_.mode == reconcile_mode::tags) {
      if (auto chosen = co_await choose_digest_checks(); !chosen) co_return pass(std::move(chosen));
    }
    heard_ = done_before_ > 0 || names_from_ == "the catalog";
    co_await look_in_turn();
  }
  co_return co_await end();
}

asio::awaitable<void> reconcile_run::look_at_all(std::vector<std::size_t> which) {
  turns_ = std::move(which);
  next_ = 0;
  std::vector<asio::awaitable<void>> workers;
  const std::size_t at_once = std::max<std::size_t>(world_->settings.repositories_at_once, 1);
  for (std::size_t i = 0; i < std::min(turns_.size(), at_once); ++i) workers.push_back(work());
  co_await run_all(std::move(workers));
}

// First what the catalog lacks: when a source has lost its data, nothing is concluded from the rest of it either.
asio::awaitable<void> reconcile_run::look_in_turn() {
  std::vector<std::size_t> first, rest;
  for (std::size_t i = 0; i < todo_.size(); ++i) (unlisted_.contains(todo_[i]) ? first : rest).push_back(i);
  co_await look_at_all(std::move(first));
  if (!must_end()) co_await look_at_all(std::move(rest));
  last_try_ = true;
  if (!must_end()) co_await look_at_all(std::exchange(failed_, {}));
  if (!must_end() && has_vanished_too_much()) distrust();
  if (must_end() || vanished_.empty()) co_return;
  auto gone = co_await gone_for_good(std::exchange(vanished_, {}));
  if (!gone) {
    unusable_ = std::move(gone).error();
    co_return;
  }
  believe_ = true;
  co_await look_at_all(*std::move(gone));
}

task<run_end> reconcile_run::end() {
  if (unusable_) {
    // The journal may be what cannot be written; then the position before this one counts.
    auto left = co_await journal_position();
    if (!left && unusable_->code == errc::stopped) co_return pass(std::move(left));
    co_return std::unexpected<error>(*unusable_);
  }
  record_.ended = world_->now.now();
  if (broken_) {
    record_.broken_off = record_.whole;
    record_.reason = describe(*broken_);
    auto left = co_await journal_position();
    if (!left) co_return pass(std::move(left));
    co_return run_end::broken_off;
  }
  const std::string& refused = record_.catalog_refused;
  record_.complete = record_.counts.failed == 0 && distrusted_.empty() && refused.empty();
  record_.reason = distrusted_.empty() ? first_failure_ : distrusted_;
  if (record_.reason.empty() && !refused.empty()) {
    record_.reason = "the source refuses its catalog (" + refused +
                     "): only the repositories that the log knows were looked at; allow it, or list all of them in "
                     "reconcile.repositories";
  }
  if (!record_.complete && record_.reason.empty()) record_.reason = "repositories failed before this run was taken up";
  to_journal_.push_back(record::reconcile_ended(world_->name, record_));
  auto written = co_await world_->records.append(std::exchange(to_journal_, {}));
  if (!written) co_return pass(std::move(written));
  co_return run_end::ended;
}

task<> reconcile_run::count_known() {
  for (std::size_t i = 0; i < todo_.size(); ++i) {
    if (believes(todo_[i])) continue;
    auto known = is_known(todo_[i]);
    if (!known) co_return pass(std::move(known));
    auto ours = is_of_this_source(todo_[i]);
    if (!ours) co_return pass(std::move(ours));
    if (*known && *ours) ++known_;
    if (i % rows_between_yields == 0) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
  co_return result<void>();
}

task<> reconcile_run::choose_digest_checks() {
  std::vector<checked_repository> all;
  all.reserve(todo_.size());
  for (const std::string& name : todo_) {
    auto row = world_->looked.repository(world_->name, name);
    if (!row) co_return pass(std::move(row));
    all.push_back({name, *row ? (*row)->digests_at : timestamp{}});
    if (all.size() % rows_between_yields == 0) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
  }
  const reconcile_settings& s = world_->settings;
  digest_checks_ = due_for_digests(std::move(all), world_->now.now(), s.every_ms, s.digest_check_every_ms);
  co_return result<void>();
}

asio::awaitable<void> reconcile_run::work() {
  while (next_ < turns_.size() && !must_end()) {
    auto looked = co_await look_at(turns_[next_++]);
    if (looked) continue;
    auto& where = is_final(looked.error().code) ? unusable_ : broken_;
    if (!where) where = std::move(looked).error();
  }
}

task<> reconcile_run::look_at(std::size_t i) {
  const reconcile_mode mode = digest_checks_.contains(todo_[i]) ? reconcile_mode::digests : record_.mode;
  repository_look look(*world_, pace_, record_.run, todo_[i], mode,
                       believes(todo_[i]) ? if_vanished::record : if_vanished::report);
  auto report = co_await look.run();
  if (!report) co_return pass(std::move(report));
  co_return co_await note(i, *report, mode);
}

task<> reconcile_run::note(std::size_t i, const look_report& report, reconcile_mode mode) {
  reconcile_counts& c = record_.counts;
  any_tag_ = any_tag_ || report.tags > 0;
  c.requests += report.requests;
  c.found += report.found;
  since_journaled_ += report.requests;
  if (report.failed) {
    note_failure(i, *report.failed);
    co_return result<void>();
  }
  if (report.vanished) {
    auto ours = is_of_this_source(todo_[i]);
    if (!ours) co_return pass(std::move(ours));
    auto moved = has_moved(todo_[i]);
    if (!moved) co_return pass(std::move(moved));
    auto noted = is_on_record(todo_[i]);
    if (!noted) co_return pass(std::move(noted));
    if (*moved && *noted) leave(todo_[i]);
    if (*ours && !*moved) note_vanished(i);
    if (!*ours || *moved) note_not_here(i);
    co_return result<void>();
  }
  failures_in_a_row_ = 0;
  heard_ = true;
  c.tags += report.tags;
  auto on_record = is_on_record(todo_[i]);
  if (!on_record) co_return pass(std::move(on_record));
  auto back = report.tags > 0 ? is_back(todo_[i]) : result<bool>(false);
  if (!back) co_return pass(std::move(back));
  if (!world_->settings.sole && report.tags == 0 && unlisted_.contains(todo_[i])) {
    leave(todo_[i]);
  } else if (mode == reconcile_mode::digests || report.found > 0 || !*on_record || *back) {
    to_journal_.push_back(record::repository_reconciled(world_->name, record_.run, todo_[i], mode, report.tags,
                                                        report.requests, report.found));
  }
  ++c.done;
  done_[i] = true;
  advance();
  if (since_journaled_ < requests_per_position && to_journal_.size() < records_per_position) co_return result<void>();
  co_return co_await journal_position();
}

void reconcile_run::advance() {
  while (mark_ < todo_.size() && done_[mark_]) ++mark_;
  if (mark_ > recent_) record_.through = todo_[mark_ - 1];
}

void reconcile_run::note_failure(std::size_t i, const error& why) {
  ++failures_in_a_row_;
  const bool away = is_passing(why.code) || !heard_;
  if (failures_in_a_row_ >= failures_in_a_row_max && away && !broken_) {
    broken_ = error{why.code, "too many repositories failed in a row, the last: " + why.text, why.retry_after_ms};
  }
  if (!last_try_) {
    failed_.push_back(i);
    return;
  }
  // What is left behind by a run that breaks off is not counted: it is looked at when the run is taken up.
  if (broken_) return;
  if (first_failure_.empty()) first_failure_ = todo_[i] + ": " + describe(why);
  ++record_.counts.failed;
  ++record_.counts.done;
  done_[i] = true;
  advance();
}

task<> reconcile_run::journal_position() {
  if (journaling_) co_return result<void>();
  journaling_ = true;
  since_journaled_ = 0;
  std::vector<log::event> events = std::exchange(to_journal_, {});
  if (record_.whole) events.push_back(record::reconcile_position(world_->name, record_));
  auto written = co_await world_->records.append(std::move(events));
  journaling_ = false;
  co_return written;
}

run_progress reconcile_run::progress() const {
  run_progress p;
  p.record = record_;
  p.names_from = names_from_;
  const reconcile_counts& c = record_.counts;
  p.remaining_ms =
      remaining_ms(looking_since_, world_->now.now(), c.done - done_before_, c.repositories - done_before_);
  return p;
}

}  // namespace longshore::engine
