#pragma once

// The site's journal as the engine's coroutines use it: append and await durability.
//
// append() resumes the caller on its own executor after the events are durable and folded into the views of the
// journal. Fails as log/sequencer.h says.

#include <vector>

#include "engine/registry.h"
#include "log/appender.h"
#include "log/event.h"

namespace longshore::engine {

class journal {
 public:
  explicit journal(log::appender& to, std::string site) : to_(&to), site_(std::move(site)) {}
  task<> append(std::vector<log::event> events);
  // Of any number, in order, some durable before the others: for records that each stand for themselves.
  task<> append_in_parts(std::vector<log::event> events);
  const std::string& site() const { return site_; }

 private:
  log::appender* to_;
  std::string site_;
};

// The same for any log: submits, resumes on the caller's executor with the outcome.
task<log::append_outcome> append(log::appender& to, std::vector<log::event> events);
// Likewise for stored bytes that continue a copied log; fails as sequencer::submit_copy says.
task<log::append_outcome> append_copy(log::appender& to, event_seq first, std::vector<std::string> records,
                                      hash256 root);

}  // namespace longshore::engine
