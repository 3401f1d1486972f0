#include "tests/sim/stepped_appender.h"

#include <limits>

#include "log/projection.h"
#include "storage/env/ensure.h"

namespace longshore::sim {
namespace {

// Before the batch is made: it begins with the position that the views have.
std::vector<log::view*> up_to_date(log::event_log& to, std::vector<log::view*> views) {
  for (log::view* v : views) {
    const auto done = log::catch_up(to, *v, to.durable_size());
    ensure(done.has_value(), "a view could not be brought up to date");
  }
  return views;
}

}  // namespace

stepped_appender::stepped_appender(log::event_log& to, std::vector<log::view*> views, const clock& now,
                                   log::defects broken)
    : batch_(to, up_to_date(to, std::move(views)), now, broken) {}

result<void> stepped_appender::submit(std::vector<log::event> events, log::on_appended done) {
  log::submission s;
  s.events = std::move(events);
  s.done = std::move(done);
  queue_.push_back(std::move(s));
  return {};
}

result<void> stepped_appender::submit_copy(event_seq first, std::vector<std::string> records,
                                           const hash256& expected_root, log::on_appended done) {
  log::submission s;
  s.copy = log::copied_records{first, std::move(records), expected_root};
  s.done = std::move(done);
  queue_.push_back(std::move(s));
  return {};
}

void stepped_appender::commit_some(random_source& random) {
  std::vector<log::submission> taken;
  for (std::uint64_t n = 1 + random.below(queue_.size()); n > 0; --n) {
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  const auto staged = batch_.stage(taken, false, std::numeric_limits<std::size_t>::max());
  ensure(staged.has_value(), "a batch could not be staged");
  const auto committed = batch_.commit();
  ensure(committed.has_value(), "a batch could not be committed");
  for (const log::submission& s : taken) {
    for (const log::event& e : s.events) {
      if (tell) tell(e);
    }
  }
  for (log::submission& s : taken) answers_.push_back({std::move(s.done), std::move(s.outcome)});
}

void stepped_appender::answer_one() {
  answer a = std::move(answers_.front());
  answers_.pop_front();
  a.done(std::move(a.outcome));
}

void stepped_appender::forget() {
  queue_.clear();
  answers_.clear();
}

}  // namespace longshore::sim
