#pragma once

// What speaks for the target having lost content behind our back, and which verification that asks for. Pure.
//
// A sign is content that a pass believed to be there and that is not: it has its repository verified, since a registry
// that collects its garbage leaves such signs, too. A loss is what a verification found missing. Losses in several
// repositories, or a loss where there was a sign, have all repositories verified. A single loss was mended, and is
// forgotten after a while. Nothing is verified for this twice within `again_us`, or more than `tries_max` times because
// it could not be looked at whole.
// What a verification that mends has compared ends the signs that came before it began, whoever asked for it; one of
// all also ends losses, and where it found them nothing is a sign for `again_us`, since that is being mended. What it
// could not compare stays suspected.

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
  static constexpr std::size_t names_max = 1'000;  // as many signs ask for all

  using names = std::set<std::string, std::less<>>;
  enum class moment : std::uint64_t {};
  struct looked {
    std::vector<std::string> globs;  // empty: all repositories
    moment since{};                  // when it began
    names not_compared;
  };

  // Records that the journal was given together; most say nothing here.
  void note(const std::vector<log::event>& submitted, timestamp now);
  // All of it seems to be gone.
  void note_all_gone(std::string why) {
    all_gone_ = std::move(why);
    all_gone_at_ = ++order_;
  }

  // What is to be verified now: one repository, or all (""). Forgets what is old.
  std::optional<std::string> due(timestamp now);
  void began(const std::string& repository, timestamp now);
  moment now() const { return moment{order_}; }
  void ended(const looked& run, timestamp now);
  // What began() was told of could not be looked at.
  void failed(const std::string& repository);

  // Empty: nothing is to be verified for this.
  std::string reason() const;

 private:
  bool asks_for_all() const;
  bool may_begin(const std::string& repository, timestamp now) const;
  void note_loss(const log::event& e, timestamp now);
  void forget_old(timestamp now);
  bool is_given_up(const std::string& repository);
  void ended_all(const looked& run, timestamp now);

  std::map<std::string, std::uint64_t, std::less<>> signs_;        // repositories, and when in order_
  std::map<std::string, timestamp, std::less<>> mended_, losses_;  // and when
  std::map<std::string, int, std::less<>> not_looked_at_;          // times in a row, of signs_ and ""
  std::map<std::string, timestamp, std::less<>> begun_at_;
  std::uint64_t order_ = 0, all_gone_at_ = 0;
  std::string all_gone_;  // why
};

}  // namespace longshore::engine
