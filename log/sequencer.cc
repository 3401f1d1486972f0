#include "log/sequencer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "log/append_batch.h"
#include "log/projection.h"
#include "storage/env/ensure.h"

namespace longshore::log {

namespace {

std::unexpected<error> stopped(const std::string& why) {
  return fail(errc::stopped, "the log takes no more events: " + why);
}

}  // namespace

struct sequencer::rep {
  event_log& log;
  append_batch batch;
  sequencer_options options;
  std::vector<sequencer::on_commit> subscribers;

  // The hand-over from any thread to the sequencer's: a bounded queue.
  std::mutex mutex;
  std::condition_variable work;
  std::deque<submission> queue;
  std::size_t queued_events = 0, queued_bytes = 0;
  bool stopping = false;
  bool begun = false;                // something was submitted
  std::optional<error> no_space;     // the last answer of space_check, when it was no
  std::optional<std::string> fatal;  // why nothing is appended any more
  std::atomic<bool> has_failed{false};
  std::once_flag joined;
  std::thread thread;

  rep(event_log& l, std::vector<view*> views, const clock& now, sequencer_options o)
      : log(l), batch(l, std::move(views), now, o.broken), options(std::move(o)) {}

  result<void> enqueue(submission s);
  result<void> has_space();
  std::vector<submission> take();
  void run();
  std::span<submission> append(std::span<submission> taken);
  void fail_stop(const error& why);
};

// Asked again for each submission while the answer is no, so that freed space is noticed.
result<void> sequencer::rep::has_space() {
  if (!no_space || !options.space_check) return {};
  if (auto now = options.space_check(); !now) {
    no_space = now.error();
    return std::unexpected(*no_space);
  }
  no_space.reset();
  return {};
}

result<void> sequencer::rep::enqueue(submission s) {
  const std::size_t events = s.event_count();
  const std::size_t bytes = s.size_bytes();
  if (events > options.queue_events_max || bytes > options.queue_bytes_max) {
    return fail(errc::too_large, "a submission of " + std::to_string(events) + " events and " + std::to_string(bytes) +
                                     " bytes can never be queued; send fewer at once");
  }
  {
    const std::lock_guard hold(mutex);
    if (fatal) return stopped(*fatal + "; restart to recover");
    if (stopping) return stopped("it is shutting down");
    if (auto space = has_space(); !space) return space;
    if (queued_events + events > options.queue_events_max || queued_bytes + bytes > options.queue_bytes_max) {
      return fail(errc::busy, "the log's queue is full; try again shortly");
    }
    begun = true;
    queued_events += events;
    queued_bytes += bytes;
    queue.push_back(std::move(s));
  }
  work.notify_one();
  return {};
}

// Waits for work; empty when stopping and nothing is left.
std::vector<submission> sequencer::rep::take() {
  std::vector<submission> taken;
  std::unique_lock hold(mutex);
  work.wait(hold, [this] { return stopping || !queue.empty(); });
  std::size_t events = 0, bytes = 0;
  while (!queue.empty()) {
    const std::size_t more_events = queue.front().event_count();
    const std::size_t more_bytes = queue.front().size_bytes();
    const bool fits = events + more_events <= options.batch_events_max && bytes + more_bytes <= options.batch_bytes_max;
    if (!taken.empty() && !fits) break;
    events += more_events;
    bytes += more_bytes;
    taken.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  queued_events -= events;
  queued_bytes -= bytes;
  return taken;
}

void sequencer::rep::run() {
  for (;;) {
    std::vector<submission> taken = take();
    if (taken.empty()) return;
    std::span<submission> rest(taken);
    while (!rest.empty() && !has_failed.load(std::memory_order_relaxed)) rest = append(rest);
    for (submission& s : rest) s.done(stopped(*fatal + "; restart to recover"));
  }
}

// One commit; what it had no room for is returned.
std::span<submission> sequencer::rep::append(std::span<submission> taken) {
  if (options.space_check) {
    if (auto space = options.space_check(); !space) {
      {
        const std::lock_guard hold(mutex);
        no_space = space.error();
      }
      for (submission& s : taken) s.done(std::unexpected(space.error()));
      return {};
    }
  }
  const bool told_early = options.broken.acknowledge_before_sync;
  auto staged = batch.stage(taken, !subscribers.empty(), options.batch_changes_max);
  if (!staged) {
    fail_stop(staged.error());
    for (submission& s : taken) s.done(std::unexpected(staged.error()));
    return {};
  }
  const std::span<submission> rest = taken.subspan(*staged);
  taken = taken.first(*staged);
  if (told_early) {
    for (submission& s : taken) s.done(std::move(s.outcome));
  }
  if (auto done = batch.commit(); !done) {
    const error unknown{errc::unknown_outcome, done.error().text};
    fail_stop(unknown);
    if (told_early) return rest;
    for (submission& s : taken) s.done(s.outcome ? std::unexpected(unknown) : std::move(s.outcome));
    return rest;
  }
  if (const committed made = batch.take_committed(); made.records && !made.records->empty()) {
    for (const auto& told : subscribers) told(made);
  }
  if (told_early) return rest;
  for (submission& s : taken) s.done(std::move(s.outcome));
  return rest;
}

void sequencer::rep::fail_stop(const error& why) {
  {
    const std::lock_guard hold(mutex);
    fatal = why.text;
    has_failed.store(true, std::memory_order_release);
  }
  if (options.on_failed) options.on_failed(why);
}

sequencer::sequencer(std::unique_ptr<rep> rep) : rep_(std::move(rep)) {}
sequencer::~sequencer() { stop(); }

result<std::unique_ptr<sequencer>> sequencer::start(event_log& log, std::vector<view*> views, const clock& now,
                                                    sequencer_options options) {
  for (view* v : views) {
    auto done = catch_up(log, *v, log.durable_size());
    if (!done) return pass(std::move(done), "bringing the view " + std::string(v->name()) + " up to date");
  }
  auto parts = std::make_unique<rep>(log, std::move(views), now, std::move(options));
  if (parts->options.space_check) {
    if (auto space = parts->options.space_check(); !space) parts->no_space = space.error();
  }
  parts->thread = std::thread([r = parts.get()] { r->run(); });
  return std::unique_ptr<sequencer>(new sequencer(std::move(parts)));
}

result<void> sequencer::submit(std::vector<event> events, on_appended done) {
  ensure(!events.empty() && done != nullptr, "a submission has events and someone to tell");
  submission s;
  s.events = std::move(events);
  s.done = std::move(done);
  return rep_->enqueue(std::move(s));
}

result<void> sequencer::submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                                    on_appended done) {
  ensure(!records.empty() && done != nullptr, "a submission has records and someone to tell");
  submission s;
  s.copy = copied_records{first, std::move(records), expected_root};
  s.done = std::move(done);
  return rep_->enqueue(std::move(s));
}

void sequencer::subscribe(on_commit told) {
  const std::lock_guard hold(rep_->mutex);
  ensure(!rep_->begun, "subscribers come before the first submission");
  rep_->subscribers.push_back(std::move(told));
}

bool sequencer::failed() const { return rep_->has_failed.load(std::memory_order_acquire); }

std::size_t sequencer::queued() const {
  const std::lock_guard hold(rep_->mutex);
  return rep_->queued_events;
}

void sequencer::stop() {
  {
    const std::lock_guard hold(rep_->mutex);
    rep_->stopping = true;
  }
  rep_->work.notify_one();
  ensure(std::this_thread::get_id() != rep_->thread.get_id(), "a completion does not stop its own sequencer");
  std::call_once(rep_->joined, [this] { rep_->thread.join(); });
}

}  // namespace longshore::log
