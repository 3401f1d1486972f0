// Stored records: whatever the bytes, decoding ends in a value or errc::corrupt; a value survives a round trip and
// has a JSON form that parses.

#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>

#include "log/event.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace {

// A record with every field set: no text that one could write by hand leads the fuzzer into a buffer's inside.
std::string whole_record() {
  using namespace longshore::log;
  event e;
  e.kind = event_kind::push;
  e.origin = "main";
  e.id = "320678d8-ca14-430f-8bb6-4ca139cd83f7";
  e.repository = "team/app";
  e.tag = "latest";
  e.digest = "sha256:" + std::string(64, 'a');
  e.media_type = "application/vnd.oci.image.manifest.v1+json";
  e.size = 528;
  e.occurred = {1'700'000'000'000'000};
  e.recorded = {1'700'000'000'000'001};
  e.actor = "pusher";
  e.instance = "a53db899-3b4b-4a62-a067-8dd013beaca4";
  e.action = "push";
  e.detail = R"({"action":"push"})";
  const auto stored = encode(e);
  if (!stored) std::abort();
  return *stored;
}

}  // namespace

// Now and then the input is a whole record, which is then damaged like any other.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
  static const std::string record = whole_record();
  if (seed % 8 == 0 && record.size() <= size_max) {
    size = record.copy(reinterpret_cast<char*>(data), record.size());
  }
  return LLVMFuzzerMutate(data, size, size_max);
}

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
