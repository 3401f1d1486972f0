#include "engine/replicator.h"

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "engine/failure.h"
#include "engine/journal_records.h"

namespace longshore::engine {

namespace asio = boost::asio;

replicator::replicator(asio::any_io_executor on, const sync_world& world, replicator_options options)
    : world_(&world), options_(std::move(options)), jobs_(on), retries_(on) {}

bool replicator::selects(std::string_view repository) const { return !world_->copying.filter->repository(repository); }

result<void> replicator::start() {
  const timestamp now = world_->now.now();
  result<void> looked;
  auto read = world_->wanted.repositories([&](const desired_repository& wanted) {
    if (!selects(wanted.name)) return true;
    auto done = world_->done.repository(wanted.name);
    if (!done) {
      looked = pass(std::move(done));
      return false;
    }
    if (*done && (*done)->apart + (*done)->parked > 0) look_later(wanted.name, true);
    const bool stale = *done && is_stale(**done, world_->copying.filter->fingerprint());
    if (*done && wanted.items_size <= (*done)->synced_size && !stale) return true;
    if (wanted.items_size == 0) return true;
    entry& e = entries_[wanted.name];
    const bool not_yet = *done && (*done)->state == sync_state::failed && (*done)->retry_at > now;
    if (not_yet) {
      wait_for_retry(wanted.name, e, ((*done)->retry_at.us - now.us) / 1'000 + 1);
    } else {
      enqueue(wanted.name, e);
    }
    return true;
  });
  start_jobs();
  return read ? looked : read;
}

void replicator::changed(const std::string& repository) {
  if (stopping_ || !halted_.empty() || !selects(repository)) return;
  entry& e = entries_[repository];
  switch (e.at) {
    case phase::queued:
      return;
    case phase::running:
      e.again = true;
      return;
    case phase::waiting:
      if (e.host_trouble) return;
      break;
    case phase::idle:
      break;
  }
  enqueue(repository, e);
  start_jobs();
}

void replicator::due(const std::string& repository) {
  if (stopping_ || !halted_.empty() || !selects(repository)) return;
  entry& e = entries_[repository];
  if (e.at == phase::queued) return;
  if (e.at == phase::running) {
    e.again = true;
    return;
  }
  e.host_trouble = false;
  enqueue(repository, e);
  start_jobs();
}

void replicator::enqueue(const std::string& repository, entry& e) {
  ++e.turn;
  if (e.held > 0) {
    e.again = true;
    e.at = phase::idle;
    return;
  }
  e.at = phase::queued;
  e.again = false;
  queue_.push_back(repository);
}

void replicator::start_jobs() {
  while (!stopping_ && halted_.empty() && running_.size() < options_.jobs_max && !queue_.empty()) {
    std::string repository = std::move(queue_.front());
    queue_.pop_front();
    entry& e = entries_.at(repository);
    if (e.held > 0) {
      e.at = phase::idle;
      e.again = true;
      continue;
    }
    e.at = phase::running;
    running_job& job = running_[repository];
    job.started = world_->now.now();
    job.progress.time = &world_->now;
    job.pass = std::make_unique<repository_sync>(
        *world_, repository, job.progress,
        std::exchange(e.look, false) ? repository_sync::look::yes : repository_sync::look::no);
    jobs_.spawn(run_job(std::move(repository)));
  }
}

asio::awaitable<void> replicator::run_job(std::string repository) {
  result<pass_report> outcome = fail(errc::stopped, "cancelled");
  try {
    outcome = co_await running_.at(repository).pass->run();
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) outcome = fail(errc::unavailable, e.what());
  } catch (const std::exception& e) {
    outcome = fail(errc::unavailable, e.what());
  }
  finish(repository, outcome);
}

void replicator::finish(const std::string& repository, const result<pass_report>& outcome) {
  const auto job = running_.find(repository);
  totals_.add(job->second.progress);
  running_.erase(job);
  entry& e = entries_.at(repository);
  e.at = phase::idle;
  if (!stopping_) {
    ++passes_;
    const bool synced = outcome && outcome->synced;
    if (!synced) ++failed_passes_;
    if (outcome) e.errors = 0;
    if (!outcome && is_final(outcome.error().code)) {
      halted_ = outcome.error().text;
    } else if (!outcome) {
      e.host_trouble = true;
      wait_for_retry(repository, e, backoff_ms(world_->settings.backoff, ++e.errors, world_->random, 0));
    } else if (!synced && (outcome->host_trouble || !e.again)) {
      e.host_trouble = outcome->host_trouble;
      wait_for_retry(repository, e, std::max<std::int64_t>((outcome->retry_at.us - world_->now.now().us) / 1'000, 0));
    } else if (e.again) {
      enqueue(repository, e);
    }
  }
  forget_if_idle(repository);
  look_later(repository, !outcome || outcome->held);
  start_jobs();
  pass_ended_.notify_all();
}

// What was settled otherwise than the log says, or held back, is looked at once in a while, as long as there is such a
// thing.
void replicator::look_later(const std::string& repository, bool held) {
  if (stopping_ || !halted_.empty()) return;
  const auto done = world_->done.repository(repository);
  const bool any = done && *done && ((*done)->apart > 0 || (held && (*done)->parked > 0));
  if (!any || !looks_.insert(repository).second) return;
  retries_.spawn(look(repository));
}

asio::awaitable<void> replicator::look(std::string repository) {
  const auto waited = co_await world_->pause.pause(world_->settings.apart_look_ms);
  looks_.erase(repository);
  if (!waited || stopping_ || !halted_.empty() || !selects(repository)) co_return;
  entries_[repository].look = true;
  changed(repository);
}

void replicator::forget_if_idle(const std::string& repository) {
  const auto at = entries_.find(repository);
  if (at != entries_.end() && at->second.at == phase::idle && at->second.held == 0) entries_.erase(at);
}

void replicator::wait_for_retry(const std::string& repository, entry& e, std::int64_t ms) {
  e.at = phase::waiting;
  e.again = false;
  ++e.turn;
  retries_.spawn(retry_later(repository, e.turn, ms));
}

asio::awaitable<void> replicator::retry_later(std::string repository, std::uint64_t turn, std::int64_t ms) {
  const auto waited = co_await world_->pause.pause(ms);
  if (!waited || stopping_) co_return;  // stopping: the next start finds the repository open
  const auto at = entries_.find(repository);
  if (at == entries_.end() || at->second.at != phase::waiting || at->second.turn != turn) co_return;
  enqueue(repository, at->second);
  start_jobs();
}

task<> replicator::resync(std::string repository) {
  auto makes = [&repository]() -> result<std::vector<log::event>> {
    return std::vector{record::resync_asked(repository)};
  };
  co_return co_await reopen(repository, makes);
}

task<> replicator::allow_deletes(std::string repository) {
  auto makes = [&repository]() -> result<std::vector<log::event>> {
    return std::vector{record::deletes_allowed(repository)};
  };
  co_return co_await reopen(repository, makes);
}

task<> replicator::reopen(std::string repository, std::function<result<std::vector<log::event>>()> makes) {
  // A pass that ends after the record would declare synced what is to be done anew.
  ++entries_[repository].held;
  while (running_.contains(repository)) co_await pass_ended_.wait();
  auto records = makes();
  const bool any = records && !records->empty();
  auto written = any       ? co_await world_->records.append_in_parts(*std::move(records))
                 : records ? result<void>()
                           : result<void>(pass(std::move(records)));
  entry& e = entries_.at(repository);
  --e.held;
  // A part of it may be durable though the rest was refused: what is open is worked on.
  const bool opened = any && (written || !is_final(written.error().code));
  const bool run = e.at != phase::queued && (opened || e.again) && !stopping_ && selects(repository);
  if (run && e.held == 0) enqueue(repository, e);
  forget_if_idle(repository);
  start_jobs();
  co_return written;
}

asio::awaitable<void> replicator::idle() {
  while (!running_.empty() || (!queue_.empty() && halted_.empty() && !stopping_)) co_await pass_ended_.wait();
}

asio::awaitable<void> replicator::stop() {
  using namespace asio::experimental::awaitable_operators;
  stopping_ = true;
  for (auto& [repository, job] : running_) job.pass->stop();
  world_->blobs.stop();
  world_->pause.stop();
  if (jobs_.live() > 0) {
    asio::steady_timer deadline(co_await asio::this_coro::executor,
                                std::chrono::milliseconds(options_.stop_deadline_ms));
    co_await (jobs_.join() || deadline.async_wait(asio::use_awaitable));
  }
  jobs_.cancel();
  co_await jobs_.join();
  retries_.cancel();
  co_await retries_.join();
}

replicator_status replicator::status() const {
  replicator_status s;
  for (const auto& [repository, job] : running_) {
    s.running.push_back({repository, job.started, job.progress});
    for (const image_progress& image : job.progress.images) s.bytes_open += image.bytes_open();
  }
  s.bytes_per_second = rate_.per_second();
  s.queued = queue_.size();
  for (const auto& [repository, e] : entries_) s.waiting += e.at == phase::waiting ? 1 : 0;
  s.totals = totals_;
  s.passes = passes_;
  s.failed_passes = failed_passes_;
  s.blobs = world_->blobs.counters();
  s.halted = halted_;
  return s;
}

}  // namespace longshore::engine
