#pragma once

// An appender that lets somebody hear what is handed to another one.
//
// told is called with the events of each submission, on the submitter's thread, before it is handed on: what is refused
// afterwards was heard, too. Both must outlive it.

#include <functional>

#include "log/appender.h"

namespace longshore::log {

class overheard final : public appender {
 public:
  using on_events = std::function<void(const std::vector<event>&)>;
  overheard(appender& to, on_events told) : to_(&to), told_(std::move(told)) {}
  result<void> submit(std::vector<event> events, on_appended done) override;
  result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                           on_appended done) override;

 private:
  appender* to_;
  on_events told_;
};

}  // namespace longshore::log
