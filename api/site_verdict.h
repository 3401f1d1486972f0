#pragma once

// How a site is, in one word, and what its operator has to do. Pure: what the site knows of itself goes in.
//
// well: it does all that it is there for, or is on the way to it. attention: it goes on, and not all arrives or is
// known, or a person has to decide. failing: something goes on no more. It judges by what stands now, not by what some
// run once found: what that left amiss stands in the repositories' states.

#include <span>
#include <string>
#include <vector>

#include "api/ingest.h"
#include "api/repository_counts.h"
#include "api/site_facts.h"
#include "api/sites.h"

namespace longshore::api {

struct judged_site {
  const site_facts& facts;
  const repository_counts& counts;
  const ingest_stats* heard = nullptr;     // none: this site takes no notifications
  std::span<const site_report> followers;  // those that have reported to this site
  const std::map<std::string, wrong_tokens, std::less<>>* turned_away = nullptr;
  std::uint64_t quarantined = 0;          // all that ever were
  timestamp quarantined_at;               // when the newest was
  std::span<const std::string> warnings;  // told as they are
  timestamp now;
};

enum class site_state : std::uint8_t { well, attention, failing };
std::string_view name_of(site_state s);

struct site_verdict {
  site_state state = site_state::well;
  std::vector<std::string> to_do;  // what fails first; empty when well
};

site_verdict verdict_of(const judged_site& site);

}  // namespace longshore::api
