#pragma once

// What verifying one repository found: a value, of which engine/verifier.h says when it is what.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/actual.h"
#include "engine/comparison.h"
#include "engine/desired.h"

namespace longshore::engine {

struct verify_verdict {
  enum class state : std::uint8_t { clean, unjudged, mismatched, unknown } is = state::unknown;
  std::uint64_t tags = 0, untagged = 0, unsettled = 0, parked = 0, skipped = 0;
  std::uint64_t changing = 0;            // of the unsettled: they changed while they were looked at
  std::string checksum;                  // of the target's tags; empty unless they were all seen
  std::vector<tag_mismatch> mismatches;  // the first in tag order; content that several tags share is named for each
  std::uint64_t found = 0;               // mismatches in all
  std::uint64_t unclaimed = 0;           // of these: of tags that the log does not speak of
  std::uint64_t ahead = 0;               // of those: the source has the tag, and its event may be on its way
  std::uint64_t kept_by_target = 0;      // of found: wrong bytes, which a registry keeps under their digest
  std::uint64_t not_at_source = 0;       // of found: tags that the log speaks of and only the target has
  std::string unclaimed_reason;          // of the first of those that only the target has
  std::uint64_t unanswered = 0;          // items that a registry did not answer for: makes it unknown
  std::uint64_t unserved = 0;            // of these: the target did not, while it answered for others
  std::string unanswered_reason, unserved_reason;  // of the first of them
  std::string reason;                              // why it is unknown
  bool away = false;  // likewise: a registry that answers nothing, and not this repository alone

  // What differs and is not judged: still open, parked, or left out on purpose.
  struct left_out_item {
    std::string ref, why;
  };
  std::vector<left_out_item> left_out;  // the first unjudged_max of unsettled, parked and skipped

  // An item that is to be open again, as it was when it was judged.
  struct finding {
    desired_item wanted;
    std::optional<actual_item> done;
    difference kind = difference::none;
    std::string reason;
    std::vector<longshore::digest> lost;  // what the location index may not be believed about
  };
  std::vector<finding> findings;
};
// How much stays amiss once the findings are open again, or though nobody opens them; and the first of it. A tag that
// only the source has is none of it: the state tells what the log asks for.
struct left_amiss {
  std::uint64_t found = 0;
  std::string reason;
};
left_amiss left_by(const verify_verdict& verdict, bool repair);
std::string_view name_of(verify_verdict::state s);

}  // namespace longshore::engine
