#pragma once

// Events that a registry sent with neither an id nor a time: a tag that moves there and back gives the same bytes
// twice, and so does what is deleted, pushed again and deleted again.
//
// The id that parse_notification() makes of the bytes knows a redelivery; it does not know the third of v1 -> a, b, a
// from the first. What is redelivered is an envelope as a whole, and what was recorded last, because a registry sends
// nothing past what it repeats. So an envelope is a redelivery only when all its events that change something are
// known; and then, what an event is about (a tag, else a digest, else the repository) decides: where the newest record
// of it is another one than the bytes of the envelope's last word on it, they are new events, and that record's seq
// becomes part of their ids: the same ids each time that the envelope is repeated. A redelivery that comes after the
// tag has moved on is recorded once more, which costs a look at the source.

#include <vector>

#include "api/notification.h"
#include "engine/desired.h"
#include "log/event_log.h"

namespace longshore::api {

// Reads the log: for a thread that may block.
result<void> tell_apart(notification& n, const log::event_log& log, const engine::desired& wanted);

}  // namespace longshore::api
