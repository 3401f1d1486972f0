#pragma once

// What speaks for the target having lost content behind our back, and which verification that asks for. Pure.
//
// A sign is content that a pass believed to be there and that is not: it has its repository verified, since a registry
// that collects its garbage leaves such signs, too. A loss is what a verification found missing. Losses in several
// repositories, or a loss where there was a sign, have all repositories verified. A single loss was mended, and is
// forgotten after a while. Nothing is verified for this twice within `again_us`, or more than `tries_max` times because
// it could not be looked at whole. What a verification of all finds, and what is missed while that is mended, is
// that run's own business; a sign in another repository, which it may have been through with, stands after it.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/event.h"

namespace longshore::engine {

class loss_signs {
 public:
  static constexpr std::int64_t again_us = 3'600'000'000;
  static constexpr int tries_max = 3;

  // Records that the journal was given together; most say nothing here.
  void note(const std::vector<log::event>& submitted, timestamp now);
  // All of it seems to be gone.
  void note_all_gone(std::string why, timestamp now);

  // What is to be verified now: one repository, or all (""). Forgets what is old.
  std::optional<std::string> due(timestamp now);
  void began(const std::string& repository, timestamp now);
  // It has looked at everything; otherwise the signs stand, and it is due again in its time.
  void ended(const std::string& repository, bool looked_at_all, timestamp now);

  // Empty: nothing speaks for a loss.
  const std::string& reason() const { return reason_; }
  timestamp since() const { return since_; }

 private:
  using names = std::set<std::string, std::less<>>;
  bool asks_for_all() const;
  bool may_begin(const std::string& repository, timestamp now) const;
  void note_sign(const std::string& repository, timestamp now);
  void note_meanwhile(const std::string& repository, bool is_sign);
  void note_loss(const log::event& e, timestamp now);
  void suspect(std::string why, timestamp now);

  void forget_old(timestamp now);
  void calm_down();
  void end(const std::string& repository, bool looked_at_all);
  void take_up_meanwhile(timestamp now);

  names signs_;                                                // repositories
  names meanwhile_, mended_;                                   // likewise, while all are verified
  std::map<std::string, std::int64_t, std::less<>> losses_;    // and when
  std::map<std::string, int, std::less<>> not_looked_at_all_;  // times in a row
  bool all_gone_ = false, verifying_all_ = false;
  std::map<std::string, std::int64_t, std::less<>> begun_at_us_;
  std::string reason_;
  timestamp since_;
};

}  // namespace longshore::engine
