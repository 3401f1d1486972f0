#pragma once

// Pauses over a clock that moves when the simulation says so.

#include <map>
#include <optional>

#include "engine/pauses.h"
#include "storage/env/clock.h"

namespace longshore::sim {

class stepped_pauses final : public engine::pauses {
 public:
  explicit stepped_pauses(const clock& now) : now_(&now) {}
  engine::task<> pause(std::int64_t ms) override;
  void stop() override;

  std::optional<timestamp> next_due() const;
  void wake();  // those whose time has come

 private:
  struct sleeper {
    engine::wait_list due;
  };
  const clock* now_;
  std::multimap<std::int64_t, sleeper*> sleepers_;
  bool stopped_ = false;
};

}  // namespace longshore::sim
