#include "tools/registry_limits.h"

#include <algorithm>

#include "tools/clients.h"

namespace longshore::tools {
namespace {

bool has_limits(const registry_settings& r) {
  return r.bytes_per_second > 0 || r.requests_per_second > 0 || !r.schedule.empty();
}

}  // namespace

registry_limits::registry_limits(const boost::asio::any_io_executor& on, const clock& now, const config& c) {
  for (const source_settings& s : c.sources) {
    if (!s.registry) continue;
    all_.push_back({{"source." + s.name}, make_host_limits(on, now, *s.registry)});
  }
  const auto& source = c.source_registry;
  const auto& target = c.target_registry;
  if (source && target && registry_authority(*source) == registry_authority(*target)) {
    // The configuration's check saw to it that the two do not contradict each other.
    api::host_limits_settings s = host_limits_of(has_limits(*target) ? *target : *source);
    s.connections.most = std::max(source->connections_max, target->connections_max);
    all_.push_back({{"source_registry", "target_registry"}, api::host_limits::create(on, now, std::move(s))});
    return;
  }
  if (source) all_.push_back({{"source_registry"}, make_host_limits(on, now, *source)});
  if (target) all_.push_back({{"target_registry"}, make_host_limits(on, now, *target)});
}

std::shared_ptr<api::host_limits> registry_limits::of(const std::string& section) const {
  const auto found = std::ranges::find_if(
      all_, [&](const api::limited_registry& r) { return std::ranges::find(r.sections, section) != r.sections.end(); });
  return found == all_.end() ? nullptr : found->limits;
}

std::vector<api::host_limits_view> registry_limits::views() const {
  std::vector<api::host_limits_view> out;
  for (const auto& r : all_) out.push_back(r.view());
  return out;
}

void registry_limits::stop() {
  for (const auto& r : all_) r.limits->stop();
}

}  // namespace longshore::tools
