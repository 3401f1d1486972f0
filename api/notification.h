#pragma once

// A registry's notification, as it was posted, made into events of the log.
//
// Distribution's notifications/event.go, v2 and v3, whatever Content-Type it came with: {"events":[Event,...]}. v3
// sends empty fields where v2 sends none: an empty field is an absent one. An unknown action is kept with its word; a
// null is an absence. An event without id gets "sha256:<hex>" of its own JSON bytes; where several of an envelope are
// equal, the second has "#2" after it, and so on: the same body gives the same ids. detail is the event's own JSON, as
// sent; an event whose record would not fit with it is given without, and said so. Total and pure. What cannot be an
// event is refused with the reason, event by event; errc::invalid when the whole body is not an envelope (broken JSON,
// other shapes, deeper or more events than the limits).

#include <string>
#include <string_view>
#include <vector>

#include "log/event.h"

namespace longshore::api {

inline constexpr std::size_t notification_events_max = 10'000;
inline constexpr std::size_t notification_depth_max = 32;
// The action of what `longshore doctor` sends the way of a notification: recorded like one, and no word of the
// registry.
inline constexpr std::string_view probe_action = "doctor";

struct notification {
  std::vector<log::event> events;    // understood, in order
  std::vector<std::size_t> unnamed;  // of these, those that came with neither id nor time (unnamed_events.h)
  std::size_t refused = 0;           // events that were not
  std::size_t without_detail = 0;    // understood, but too large to be recorded with their JSON
  std::string reason;                // of the first refused, or the first without detail
  bool whole() const { return refused == 0 && without_detail == 0; }
  bool is_probe() const;  // nothing but probes
};

// origin: the configured name of the source.
result<notification> parse_notification(std::string_view body, std::string_view origin);

}  // namespace longshore::api
