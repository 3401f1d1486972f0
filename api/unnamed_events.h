#pragma once

// Events that a registry sent with neither an id nor a time: a tag that moves there and back gives the same bytes
// twice.
//
// The id that parse_notification() makes of the bytes knows a redelivery; it does not know the third of v1 -> a, b, a
// from the first. What is redelivered is what was recorded last, because a registry sends nothing past what it repeats:
// so, where the newest record of a tag is another one than these bytes, they are a new event, and the
// newest record's seq becomes part of the id: the same id each time that this event is repeated. A redelivery that
// comes after the tag has moved on is recorded once more, which costs a look at the source.

#include <vector>

#include "api/notification.h"
#include "engine/desired.h"
#include "log/event_log.h"

namespace longshore::api {

// Reads the log: for a thread that may block.
result<void> tell_apart(notification& n, const log::event_log& log, const engine::desired& wanted);

}  // namespace longshore::api
