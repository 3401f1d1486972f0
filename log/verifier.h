#pragma once

// Re-reads a whole log that nobody writes, believing nothing: density of seq, record format, stored seq against
// key, recorded time never decreasing, dedup and time index against records, every stored Merkle hash, and the
// root. Names the first bad record.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "log/event_log.h"

namespace longshore::log {

struct finding {
  event_seq seq;     // the first bad record
  std::string what;  // what is wrong with it
};

struct verification {
  std::uint64_t size = 0;          // records found sound, from 0
  hash256 root{};                  // over those
  std::optional<hash256> root_at;  // over the first of them, as many as were asked for; none: fewer are sound
  std::optional<finding> bad;
};

// progress(records so far) is called now and then. A result error means the log could not be read at all. first: over
// how many records a root is wanted, too: two logs with the same have the same first records.
result<verification> verify(storage::database& db, std::string_view log_name,
                            const std::function<void(std::uint64_t)>& progress = {},
                            std::optional<std::uint64_t> first = std::nullopt);

}  // namespace longshore::log
