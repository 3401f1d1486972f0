#pragma once

// Notices when the target has lost what this site brought to it - a registry that was replaced, emptied or set back -
// and has verified what that concerns, at once instead of when its turn comes.
//
// Hears what passes and verifications journal (note()), and asks the target once an hour, and after a start, for a few
// tags that stand there: when it has none of them, all of it may be gone; not while all is being mended. Verifications
// are begun when no other runs, and none has ended within `quiet_us`: who asked for one has the time to read what came
// of it, and to ask for the next. One executor; call stop() and let it finish before destroying, and before the
// verification is stopped. World and verification, whose listener it is, must outlive it.

#include <string>
#include <vector>

#include "engine/loss_signs.h"
#include "engine/tasks.h"
#include "engine/verification.h"

namespace longshore::engine {

class target_watch {
 public:
  static constexpr std::int64_t quiet_us = 5'000'000;

  target_watch(boost::asio::any_io_executor on, const sync_world& world, verification& verifies)
      : world_(&world), verifies_(&verifies), group_(std::move(on)) {}

  void start();
  void note(const std::vector<log::event>& submitted) { signs_.note(submitted, world_->now.now()); }
  // For operators; empty: nothing speaks for a loss.
  std::string suspicion() const;
  boost::asio::awaitable<void> stop();

 private:
  struct standing_tag {
    std::string repository, tag;
  };
  boost::asio::awaitable<void> watch();
  result<std::vector<standing_tag>> sample() const;
  result<std::optional<standing_tag>> some_tag_of(const std::string& repository) const;
  boost::asio::awaitable<void> look_at_some();
  bool all_is_being_mended() const;
  void verify_what_is_due();
  void heed(const verify_run& run);

  const sync_world* world_;
  verification* verifies_;
  task_group group_;
  loss_signs signs_;
  timestamp looked_at_;
  std::optional<std::string> verifying_;  // what signs_ asked for; empty: all
  std::uint64_t run_ = 0;                 // its number
  loss_signs::moment began_{};            // when the newest run did, whoever asked for it
};

}  // namespace longshore::engine
