#pragma once

// What a failure means for the work it stopped. Pure.

#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::engine {

enum class remedy : std::uint8_t {
  retry,  // the same attempt may succeed later, without anybody's help or after an operator's
  park    // it cannot: shown with its reason, and left until asked or superseded
};

// Of a failure while reading from the source or writing to the target. not_found and corrupt may be a moment's
// state (content being deleted, a broken transfer): they are parked only when tried before.
remedy remedy_for(errc code, bool tried_before);

// The registry, the network or this site is the trouble, not the one item: the next item would fail alike.
bool is_about_the_host(errc code);

// It may pass by itself, and does not concern one repository or item alone.
bool is_passing(errc code);
// This site is the trouble: its stores, or that it stops.
bool is_final(errc code);
// The registry does not take this kind of request, or not for this; another way may be open.
bool is_refused(errc code);

// What operators call it: "source content missing", "registry unavailable", ...
std::string_view reason_name(errc code);
// "registry unavailable: <text>"
std::string describe(const error& e);

}  // namespace longshore::engine
