#include "engine/location_index.h"

namespace longshore::engine {

result<bool> journaled_locations::holds(std::string_view repository, std::string_view digest) const {
  return view_->holds(repository, digest);
}

result<std::optional<std::string>> journaled_locations::any_holder(std::string_view digest) const {
  return view_->any_holder(digest);
}

task<> journaled_locations::record(std::vector<log::event> facts) {
  co_return co_await records_->append(std::move(facts));
}

result<bool> transient_locations::holds(std::string_view repository, std::string_view digest) const {
  const auto at = by_digest_.find(digest);
  return at != by_digest_.end() && at->second.contains(std::string(repository));
}

result<std::optional<std::string>> transient_locations::any_holder(std::string_view digest) const {
  const auto at = by_digest_.find(digest);
  if (at == by_digest_.end()) return std::optional<std::string>();
  return std::optional(*at->second.begin());
}

task<> transient_locations::record(std::vector<log::event> facts) {
  for (const log::event& e : facts) {
    if (e.kind == log::event_kind::located) {
      by_digest_[e.digest].insert(e.repository);
    } else if (e.kind == log::event_kind::lost) {
      const auto at = by_digest_.find(e.digest);
      if (at == by_digest_.end()) continue;
      at->second.erase(e.repository);
      if (at->second.empty()) by_digest_.erase(at);
    }
  }
  co_return result<void>();
}

}  // namespace longshore::engine
