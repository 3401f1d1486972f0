#include "tests/sim/profile.h"

namespace longshore::sim {

profile draw_profile(random_source& random) {
  const auto chance = [&](std::uint64_t percent) { return random.below(100) < percent; };
  const auto between = [&](std::uint64_t least, std::uint64_t most) { return least + random.below(most - least + 1); };
  // Absent, rare or frequent.
  const auto rate = [&](std::uint64_t rare, std::uint64_t frequent) -> std::uint64_t {
    const std::uint64_t kind = random.below(10);
    return kind < 4 ? 0 : kind < 8 ? between(1, rare) : between(rare, frequent);
  };
  profile p;
  p.pushes.repositories = between(1, 3);
  p.pushes.tags = between(1, 4);
  p.pushes.layers = between(2, 5);
  p.pushes.deletes = chance(85);
  p.pushes.collects_garbage = chance(30);
  p.pushes.breaks_images = chance(15);
  p.activities = between(3, chance(10) ? 40u : 14u);
  p.world_permille = chance(30) ? between(200, 600) : between(20, 150);
  p.in_order = chance(30);
  p.lost_permille = rate(50, 500);
  p.doubled_permille = rate(100, 600);
  p.source_faults_permille = rate(10, 80);
  p.target_faults_permille = rate(10, 80);
  p.bodies_permille = rate(5, 30);
  p.primary_crashes = chance(30) ? between(1, 3) : 0;
  p.secondary_crashes = chance(45) ? between(1, 4) : 0;
  p.target_deletes_tags = chance(60);
  p.target_deletes_manifests = chance(90);
  p.target_mounts = chance(75);
  p.source_lists_referrers = chance(40);
  p.target_checks_content = chance(80);
  // A target that takes anything shows an image as it is at the source, in pieces too.
  if (!p.target_checks_content) p.pushes.breaks_images = false;
  p.tampers = p.target_checks_content && chance(20) ? between(1, 3) : 0;
  p.reconciles = chance(35) ? between(1, 3) : 0u;
  p.sync.items_at_once = between(1, 4);
  p.sync.items_per_page = chance(50) ? between(1, 4) : 256;
  p.sync.failures_max = chance(20) ? between(20, 40) : 1'000;
  p.copying.blobs_at_once = between(1, 4);
  p.copying.referrers = chance(80);
  p.copying.subjects = chance(85);
  p.copier.transfers_max = between(1, 4);
  p.copier.buffer_bytes = chance(50) ? 4u : 4'096u;
  p.jobs_max = between(1, 3);
  p.looks.requests_per_second = 0;
  p.looks.every_ms = chance(20) ? 3'600'000 : 0;
  p.looks.on_hint = chance(50);
  p.looks.repositories_at_once = between(1, 3);
  p.looks.tags_at_once = between(1, 3);
  p.sync.ceiling.tags_min = chance(40) ? between(1, 4) : p.sync.ceiling.tags_min;
  p.sync.ceiling.share_max = chance(40) ? static_cast<double>(between(1, 4)) / 4 : p.sync.ceiling.share_max;
  p.refusals = chance(20) ? between(1, 2) : 0u;
  p.stuck = chance(20) ? between(1, 2) : 0u;
  return p;
}

std::string describe(const profile& p) {
  const auto text = [](std::string_view name, std::uint64_t n) {
    return " " + std::string(name) + "=" + std::to_string(n);
  };
  return "world:" + text("repositories", p.pushes.repositories) + text("tags", p.pushes.tags) +
         text("activities", p.activities) + text("deletes", p.pushes.deletes) +
         text("garbage", p.pushes.collects_garbage) + text("breaks_images", p.pushes.breaks_images) +
         text("in_order", p.in_order) + text("lost", p.lost_permille) + text("doubled", p.doubled_permille) +
         text("source_faults", p.source_faults_permille) + text("target_faults", p.target_faults_permille) +
         text("bodies", p.bodies_permille) + text("primary_crashes", p.primary_crashes) +
         text("secondary_crashes", p.secondary_crashes) + text("tampers", p.tampers) +
         text("target_deletes_tags", p.target_deletes_tags) +
         text("target_deletes_manifests", p.target_deletes_manifests) + text("mounts", p.target_mounts) +
         text("referrers", p.source_lists_referrers) + text("checks_content", p.target_checks_content) +
         text("items_at_once", p.sync.items_at_once) + text("items_per_page", p.sync.items_per_page) +
         text("failures_max", p.sync.failures_max) + text("jobs_max", p.jobs_max) + text("reconciles", p.reconciles) +
         text("tags_min", p.sync.ceiling.tags_min) +
         text("share_percent", static_cast<std::uint64_t>(p.sync.ceiling.share_max * 100)) +
         text("refusals", p.refusals) + text("stuck", p.stuck) + text("scheduled", p.looks.every_ms > 0) +
         text("on_hint", p.looks.on_hint);
}

}  // namespace longshore::sim
