#pragma once

// Pages of the log for people and other tools: frames turned into lines. Pure.

#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::api {

enum class tail_form : std::uint8_t { frames, ndjson, event_stream };

// By the Accept header; frames unless one of the others is named.
tail_form form_for(std::string_view accept);
std::string_view media_type_of(tail_form form);
// What says, in this form, that nothing happened.
std::string heartbeat_of(tail_form form);

// frames: record frames and nothing else, as log_frames.h writes them. ndjson: one event a line. event_stream: the
// WHATWG's server-sent events, id: the seq, data: the same JSON.
result<std::string> text_of(tail_form form, std::string_view frames);

}  // namespace longshore::api
