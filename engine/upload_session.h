#pragma once

// How an upload is taken up again: what the registry gave for it, opaque to everybody else.

#include <string>

namespace longshore::engine {

struct upload_session {
  std::string location;
  std::string cookies;   // that keep to one of several servers
  std::string registry;  // that gave it: no other goes on with it; empty: not known, so none does
  bool operator==(const upload_session&) const = default;
};

}  // namespace longshore::engine
