#include "api/repository_counts.h"

namespace longshore::api {
namespace {

void add_trouble(repository_counts& to, const engine::repository_state& r) {
  const auto note = [&r](repository_counts::kind& of) {
    if (of.repositories++ == 0) of.first = r.name;
  };
  ++to.troubled;
  if (r.doubted > 0) note(to.doubted);
  if (r.amiss > 0 && r.doubted == 0) note(to.differing);
  if (!engine::is_failing(r)) return;
  if (to.failing.repositories == 0) to.failure = r.pass_failure;
  note(to.failing);
}

}  // namespace

result<void> each_repository(const engine::desired& wanted, const engine::actual& done,
                             const repository_filter& left_out,
                             const std::function<bool(const engine::repository_state&)>& visit) {
  std::optional<error> failed;
  auto walked = wanted.repositories([&](const engine::desired_repository& r) {
    auto known = done.repository(r.name);
    if (!known) {
      failed = known.error();
      return false;
    }
    auto rule = left_out ? left_out(r.name) : std::nullopt;
    auto state = engine::state_of(r, *known);
    return visit(rule ? engine::skipped_by(std::move(state), *std::move(rule)) : state);
  });
  if (failed) return std::unexpected(*failed);
  return walked;
}

result<repository_counts> count_repositories(const engine::desired& wanted, const engine::actual& done,
                                             const repository_filter& left_out) {
  repository_counts counts;
  auto walked = each_repository(wanted, done, left_out, [&](const engine::repository_state& r) {
    ++counts.by_state[static_cast<std::size_t>(r.state)];
    counts.parked += r.parked;
    counts.failed += r.failed;
    counts.skipped += r.skipped;
    counts.sparse += r.sparse;
    counts.mismatches += r.mismatches;
    if (engine::is_troubled(r)) add_trouble(counts, r);
    if (r.state == engine::sync_state::skipped && r.doubted > 0) ++counts.skipped_doubted;
    if (r.verified_at.us != 0 && r.state != engine::sync_state::skipped) {
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
