#include "tests/sim/stepped_pauses.h"

namespace longshore::sim {

engine::task<> stepped_pauses::pause(std::int64_t ms) {
  if (stopped_) co_return fail(errc::stopped, "stopping");
  sleeper self;
  struct place {
    std::multimap<std::int64_t, sleeper*>* in;
    std::multimap<std::int64_t, sleeper*>::iterator at;
    ~place() { in->erase(at); }
  } const held{&sleepers_, sleepers_.emplace(now_->now().us + ms * 1'000, &self)};
  while (!stopped_ && now_->now().us < held.at->first) co_await self.due.wait();
  if (stopped_) co_return fail(errc::stopped, "stopping");
  co_return result<void>();
}

void stepped_pauses::stop() {
  stopped_ = true;
  for (auto& [due, s] : sleepers_) s->due.notify_all();
}

std::optional<timestamp> stepped_pauses::next_due() const {
  for (const auto& [due, s] : sleepers_) {
    if (s->due.size() > 0) return timestamp{due};
  }
  return std::nullopt;
}

void stepped_pauses::wake() {
  for (auto& [due, s] : sleepers_) {
    if (due > now_->now().us) break;
    s->due.notify_all();
  }
}

}  // namespace longshore::sim
