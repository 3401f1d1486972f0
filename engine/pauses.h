#pragma once

// Waiting for time to pass, as a seam: retry, patience and back-off go through it, so that tests own time.
//
// pause() resumes after at least ms milliseconds, or at once with errc::stopped when a stop was asked or is.
// One executor. Must outlive its pausers.

#include <cstdint>

#include "engine/registry.h"
#include "engine/wait_list.h"

namespace longshore::engine {

class pauses {
 public:
  virtual ~pauses() = default;
  virtual task<> pause(std::int64_t ms) = 0;
  // Ends every pause, and every later one, with errc::stopped.
  virtual void stop() = 0;
};

// Real time.
class timer_pauses final : public pauses {
 public:
  task<> pause(std::int64_t ms) override;
  void stop() override;

 private:
  std::list<boost::asio::steady_timer*> running_;
  bool stopped_ = false;
};

}  // namespace longshore::engine
