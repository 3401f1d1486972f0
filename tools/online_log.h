#pragma once

// The log of a running site, read an answer at a time.
//
// Blocks the calling thread. Fails with the site's address and what it said: when nothing answers, and when it refuses.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "tools/online.h"

namespace longshore::tools {

struct record_span {
  std::uint64_t first = 0, end = 0;
};
// Which records of a log of this size are meant: its newest, or those after a seq, at most `lines` of them.
// errc::not_found after what is not there yet.
result<record_span> tail_span(std::uint64_t size, std::optional<std::uint64_t> lines,
                              std::optional<std::uint64_t> after);

// The record, and the line of JSON that it came in. Returns false for: enough.
using on_record = std::function<bool(const boost::json::object& record, std::string_view line)>;

// Calls each for the records from the seq `next` on, in order, and moves `next` past them, until the answer ends or
// each has enough. It stays where it is when there are none. wait_s: how long the site may wait for the first.
result<void> read_log(const online_site& site, std::uint64_t& next, int wait_s, const on_record& each);

}  // namespace longshore::tools
