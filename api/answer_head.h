#pragma once

// The bytes before an answer's body: status line and headers. RFC 9112 section 4; pure but for the Date header.

#include <string>

#include "api/answer.h"

namespace longshore::api {

enum class body_framing : std::uint8_t { length, chunked, until_close };

struct head_choices {
  body_framing framing = body_framing::length;
  bool keep_alive = true;
  int version = 11;  // of the request: 10 is told about keep-alive
};

// Replaces `to`. Header values with control characters are left out: they could break out of their line.
void render_head(std::string& to, const answer& a, head_choices how);

}  // namespace longshore::api
