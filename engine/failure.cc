#include "engine/failure.h"

namespace longshore::engine {

remedy remedy_for(errc code, bool tried_before) {
  switch (code) {
    case errc::invalid:
    case errc::unsupported:
    case errc::rejected:
    case errc::too_large:
      return remedy::park;
    case errc::not_found:
      return tried_before ? remedy::park : remedy::retry;
    // Credentials and rights are repaired by people, and then everything must go on by itself. Corrupt transfers
    // are tried again too: only the source could say for good that its content is broken, and it never does.
    case errc::corrupt:
    case errc::io_failed:
    case errc::no_space:
    case errc::unknown_outcome:
    case errc::busy:
    case errc::unauthorized:
    case errc::denied:
    case errc::throttled:
    case errc::unavailable:
    case errc::timed_out:
    case errc::conflict:
    case errc::stopped:
      return remedy::retry;
  }
  return remedy::retry;
}

bool is_about_the_host(errc code) {
  switch (code) {
    case errc::io_failed:
    case errc::no_space:
    case errc::unknown_outcome:
    case errc::busy:
    case errc::unauthorized:
    case errc::throttled:
    case errc::unavailable:
    case errc::timed_out:
    case errc::stopped:
      return true;
    default:
      return false;
  }
}

bool is_passing(errc code) {
  return code == errc::unavailable || code == errc::timed_out || code == errc::throttled || code == errc::busy;
}

bool is_final(errc code) {
  return code == errc::stopped || code == errc::unknown_outcome || code == errc::corrupt || code == errc::io_failed;
}

bool is_refused(errc code) { return code == errc::unsupported || code == errc::rejected || code == errc::invalid; }

std::string_view reason_name(errc code) {
  switch (code) {
    case errc::invalid:
      return "malformed content";
    case errc::not_found:
      return "source content missing";
    case errc::corrupt:
      return "content does not match its digest";
    case errc::io_failed:
      return "disk error at this site";
    case errc::no_space:
      return "disk full";
    case errc::unknown_outcome:
      return "journal not writable";
    case errc::busy:
      return "this site is overloaded";
    case errc::unauthorized:
      return "credentials refused";
    case errc::denied:
      return "access denied";
    case errc::unsupported:
      return "not supported";
    case errc::rejected:
      return "registry rejected the content";
    case errc::throttled:
      return "rate limited";
    case errc::unavailable:
      return "registry unavailable";
    case errc::timed_out:
      return "no progress";
    case errc::conflict:
      return "changed meanwhile";
    case errc::too_large:
      return "over a limit";
    case errc::stopped:
      return "stopped";
  }
  return "failed";
}

std::string describe(const error& e) { return std::string(reason_name(e.code)) + ": " + e.text; }

}  // namespace longshore::engine
