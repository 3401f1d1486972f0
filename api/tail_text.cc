#include "api/tail_text.h"

#include "api/log_frames.h"
#include "log/event.h"

namespace longshore::api {

tail_form form_for(std::string_view accept) {
  if (accept.find("application/x-ndjson") != std::string_view::npos) return tail_form::ndjson;
  if (accept.find("text/event-stream") != std::string_view::npos) return tail_form::event_stream;
  return tail_form::frames;
}

std::string_view media_type_of(tail_form form) {
  switch (form) {
    case tail_form::frames:
      return log_media_type;
    case tail_form::ndjson:
      return "application/x-ndjson";
    case tail_form::event_stream:
      return "text/event-stream";
  }
  return log_media_type;
}

std::string heartbeat_of(tail_form form) {
  std::string beat;
  switch (form) {
    case tail_form::frames:
      append_heartbeat_frame(beat);
      break;
    case tail_form::ndjson:
      beat = "\n";
      break;
    case tail_form::event_stream:
      beat = ":\n\n";
      break;
  }
  return beat;
}

result<std::string> text_of(tail_form form, std::string_view frames) {
  log_frame_decoder in;
  in.feed(frames);
  std::string lines;
  for (;;) {
    auto frame = in.next();
    if (!frame) return pass(std::move(frame));
    if (!*frame) return lines;
    auto e = log::decode((*frame)->record);
    if (!e) return pass(std::move(e));
    if (form == tail_form::event_stream) {
      lines.append("id: ").append(std::to_string(e->seq.value)).append("\ndata: ");
      lines.append(log::to_json(*e)).append("\n\n");
    } else {
      lines.append(log::to_json(*e)).append("\n");
    }
  }
}

}  // namespace longshore::api
