#pragma once

// Keys and small values of a log's families, as FORMAT.md gives their grammar. Pure.
//
// Every key is built here and nowhere else, so that what the writer stores is what readers and the verifier look
// for. Only origins and ids of any length come from outside: dedup_key() is at most dedup_key_bytes_max long.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/seq.h"
#include "storage/digest.h"
#include "storage/env/clock.h"

namespace longshore::log {

inline constexpr std::size_t dedup_key_bytes_max = 256;
inline constexpr std::string_view identity_key = "identity";
inline constexpr std::string_view tail_key = "tail";
inline constexpr std::string_view cursor_prefix = "cursor/";
inline constexpr std::string_view applied_prefix = "applied/";

std::string dedup_key(std::string_view origin, std::string_view id);
std::string time_key(timestamp recorded, event_seq seq);
std::string merkle_key(std::uint8_t level, std::uint64_t index);
std::string applied_key(std::string_view view_name);

inline std::string_view bytes_of(const hash256& h) { return {reinterpret_cast<const char*>(h.data()), h.size()}; }
// None unless bytes are 32.
std::optional<hash256> to_hash(std::string_view bytes);
// None unless value is exactly eight bytes.
std::optional<std::uint64_t> to_number(std::string_view value);

// What a commit leaves about the log's end: its size and Merkle root.
struct tail {
  std::uint64_t size = 0;
  hash256 root{};
};
std::string to_value(const tail& t);
std::optional<tail> to_tail(std::string_view value);

// How many records a view has folded, into which form of its rows.
struct folded {
  std::uint64_t size = 0;
  std::uint64_t format = 1;
};
std::string to_value(const folded& f);
std::optional<folded> to_folded(std::string_view value);

}  // namespace longshore::log
