#pragma once

// One world of two registries, a network that loses, doubles and reorders, a primary and a secondary, played step by
// step from a seed; the same seed plays the same world on every machine.
//
// run() plays the troubled part, then lets everything come to rest, reconciles, and compares (checks.h); it stops at
// the first breach of promise. What happens is written to trace, when there is one.

#include <cstdio>
#include <optional>
#include <string>

#include "tests/sim/checks.h"
#include "tests/sim/sites.h"

namespace longshore::sim {

struct outcome {
  std::optional<std::string> breach;
  std::uint64_t steps = 0, events = 0, crashes = 0, faults = 0, operations = 0, held_back = 0;
};

// Far above what any world needs: one that takes more runs in a circle.
inline constexpr std::uint64_t steps_max = 400'000;

class simulation {
 public:
  simulation(std::uint64_t seed, defect broken, std::FILE* trace);
  outcome run();

 private:
  struct notification {
    log::event e;
    bool in_hand = false;  // of the primary, and not answered yet
  };

  bool chance(std::uint64_t permille) { return random_.below(1'000) < permille; }
  void note(const std::string& what);
  std::function<void(const log::event&)> teller(const std::string& site);
  void breach(std::string what) { book_.breach(std::move(what)); }
  bool failed() const { return !book_.breaches().empty(); }
  void set_up_registries();
  std::optional<memory_registry::fault> fault_for(const memory_registry::call& call, std::uint64_t permille);
  std::optional<memory_registry::fault> lasting_fault(const memory_registry::call& call, lasting& faults,
                                                      std::uint64_t& left, const error& what);

  // The troubled part.
  void play();
  void move_world();
  void deliver();
  void lose_one();
  void advance();
  void crash_primary();
  void crash_secondary();
  void tamper();
  void ask_for_a_reconcile();
  std::optional<timestamp> next_due();
  void pass_time(timestamp to);

  // The calm after it (simulation_calm.cc).
  void reconcile(engine::reconcile_mode mode);
  std::string look_at_all(engine::reconcile_mode mode);
  bool shows_a_tag() const;
  std::vector<std::string> emptied_repositories();
  void allow_what_is_held_back();
  void check(const finding& found);
  void check_mirror(engine::reconcile_mode by, bool allowed, bool verified = false);
  void check_all();
  void verify();
  void mend_by_verifying(bool deep);
  bool mend_tampered();
  std::optional<digest> a_blob_in_use();
  void check_doubts();
  bool is_any_doubted();
  std::optional<std::string> believer_in(const digest& bad);
  void delete_somewhere(const digest& blob);
  void come_to_rest(bool patiently);  // patiently: until it does; else for some hours
  bool step_calmly();

  std::uint64_t seed_;
  seeded_random random_;
  const profile drawn_;
  profile profile_;  // what is left of it
  defect defect_;
  std::FILE* trace_;
  manual_clock clock_{{1'700'000'000'000'000}};
  watched_source source_;
  watched_target target_;
  ledger book_;
  primary_site primary_;
  std::vector<notification> network_;
  std::set<std::string> acknowledged_;
  pusher pusher_;
  secondary_site secondary_;
  std::int64_t late_us_ = 0;  // since the registry was last done with everything it began
  bool troubled_ = true;
  lasting refused_, stuck_;  // what the target never takes; what the source does not give until it is mended
  outcome out_;
};

}  // namespace longshore::sim
