// Bodies that registries post: every event of an envelope is understood, refused or kept without its JSON, and what
// was understood can be recorded.

#include "api/notification.h"

#include <cstdint>
#include <cstdlib>

#include "api/event_slices.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view slice : api::event_slices(body)) {
    if (slice.data() < body.data() || slice.data() + slice.size() > body.data() + body.size()) std::abort();
  }
  const auto n = api::parse_notification(body, "main");
  if (!n) return 0;
  if (n->whole() != n->reason.empty()) std::abort();
  for (log::event e : n->events) {
    if (e.id.empty() || e.origin != "main") std::abort();
    e.seq = {1};
    e.recorded = {1};
    const auto record = log::encode(e);
    if (!record || log::decode(*record).value() != e) std::abort();
  }
  return 0;
}
