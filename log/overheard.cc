#include "log/overheard.h"

namespace longshore::log {

result<void> overheard::submit(std::vector<event> events, on_appended done) {
  told_(events);
  return to_->submit(std::move(events), std::move(done));
}

result<void> overheard::submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                                    on_appended done) {
  return to_->submit_copy(first, std::move(records), expected_root, std::move(done));
}

}  // namespace longshore::log
