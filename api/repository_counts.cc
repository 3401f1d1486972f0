#include "api/repository_counts.h"

namespace longshore::api {

result<void> each_repository(const engine::desired& wanted, const engine::actual& done,
                             const std::function<bool(const engine::repository_state&)>& visit) {
  std::optional<error> failed;
  auto walked = wanted.repositories([&](const engine::desired_repository& r) {
    auto known = done.repository(r.name);
    if (!known) {
      failed = known.error();
      return false;
    }
    return visit(engine::state_of(r, *known));
  });
  if (failed) return std::unexpected(*failed);
  return walked;
}

result<repository_counts> count_repositories(const engine::desired& wanted, const engine::actual& done) {
  repository_counts counts;
  auto walked = each_repository(wanted, done, [&](const engine::repository_state& r) {
    ++counts.by_state[static_cast<std::size_t>(r.state)];
    counts.parked += r.parked;
    counts.failed += r.failed;
    counts.mismatches += r.mismatches;
    if (r.verified_at.us != 0) {
      ++counts.verified;
      if (counts.oldest_verified.us == 0 || r.verified_at < counts.oldest_verified) {
        counts.oldest_verified = r.verified_at;
      }
    }
    return true;
  });
  if (!walked) return pass(std::move(walked));
  return counts;
}

}  // namespace longshore::api
