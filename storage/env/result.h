#pragma once

// How Longshore says that the world did not do what was asked.
//
// Three kinds of failure, three mechanisms: our own bug aborts (ensure.h); the world's failures come back as
// result<T>; a stop is a cancellation. A code exists only where some caller acts on it; the text is for people
// and says what to do about it.

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace longshore {

enum class errc : std::uint8_t {
  invalid,          // the caller's input cannot be used; repeating it changes nothing
  not_found,        // it is known not to exist
  corrupt,          // stored or transferred bytes are not what they must be
  io_failed,        // disk said no
  no_space,         // disk is (nearly) full
  unknown_outcome,  // a write may or may not have happened; only recovery can tell
  busy,             // a bounded queue is full; try again
  unauthorized,     // 401: credentials missing, expired or refused
  denied,           // 403: known to the peer and not allowed
  unsupported,      // the peer cannot do this at all (405, feature absent)
  rejected,         // the peer refuses this request for good (other 4xx)
  throttled,        // 429; retry_after_ms may be set
  unavailable,      // 5xx or a refused connection; try again
  timed_out,        // no progress within the stall time
  conflict,         // not a continuation of what is held
  too_large,        // over a limit
  stopped           // shutting down
};

// Short lower-case name of a code, for logs and JSON ("not_found").
const char* name_of(errc code);

struct error {
  errc code;
  std::string text;
  std::int64_t retry_after_ms = 0;  // > 0: the peer asked for this pause
  std::int64_t waited_us = 0;       // for the peer's answer; turns and pauses of our own are not in it
};

template <class T = void>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(errc code, std::string text, std::int64_t retry_after_ms = 0) {
  return std::unexpected<error>(error{code, std::move(text), retry_after_ms});
}

// Passes on the failure of another result, whatever its value type.
template <class T>
std::unexpected<error> pass(result<T>&& failed) {
  return std::unexpected<error>(std::move(failed).error());
}
// The same, saying what was being done: "while copying blob x: <text>".
template <class T>
std::unexpected<error> pass(result<T>&& failed, const std::string& doing) {
  error e = std::move(failed).error();
  e.text = doing + ": " + e.text;
  return std::unexpected<error>(std::move(e));
}

}  // namespace longshore
