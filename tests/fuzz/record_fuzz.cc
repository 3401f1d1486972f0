// Stored records: whatever the bytes, decoding ends in a value or errc::corrupt; a value survives a round trip and
// has a JSON form that parses.

#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>

#include "log/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore;
  const std::string_view record(reinterpret_cast<const char*>(data), size);
  const auto e = log::decode(record);
  const auto seen = log::view_of(record);
  if (e.has_value() != seen.has_value()) std::abort();
  if (!e) return 0;
  if (seen->repository != e->repository || seen->detail != e->detail) std::abort();
  boost::system::error_code ec;
  const auto json = boost::json::parse(log::to_json(*e), ec);
  if (ec) std::abort();
  const auto again = log::encode(*e);
  if (again && log::decode(*again).value() != *e) std::abort();
  return 0;
}
