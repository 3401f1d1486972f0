#include "storage/env/result.h"

namespace longshore {

const char* name_of(errc code) {
  switch (code) {
    case errc::invalid:
      return "invalid";
    case errc::not_found:
      return "not_found";
    case errc::corrupt:
      return "corrupt";
    case errc::io_failed:
      return "io_failed";
    case errc::no_space:
      return "no_space";
    case errc::unknown_outcome:
      return "unknown_outcome";
    case errc::busy:
      return "busy";
    case errc::unauthorized:
      return "unauthorized";
    case errc::denied:
      return "denied";
    case errc::unsupported:
      return "unsupported";
    case errc::rejected:
      return "rejected";
    case errc::throttled:
      return "throttled";
    case errc::unavailable:
      return "unavailable";
    case errc::timed_out:
      return "timed_out";
    case errc::conflict:
      return "conflict";
    case errc::too_large:
      return "too_large";
    case errc::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace longshore
