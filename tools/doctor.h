#pragma once

// The checks behind `longshore doctor`: each looks at one thing that must work, and says what to do where it does
// not.
//
// run_checks() goes through all that apply to the site's role, in the order in which a failure explains the later
// ones, and calls told after each. It changes nothing but this: a probe file, removed again, in the data
// directory; a push to a secondary's target of what is no manifest; and one event of action "doctor" per source in a
// primary's log. Blocks; one caller.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tools/config.h"
#include "tools/site_client.h"

namespace longshore::tools {

enum class verdict : std::uint8_t { good, attention, bad };
std::string_view name_of(verdict v);

struct checked {
  std::string what;
  verdict found = verdict::good;
  std::string text;    // what was seen
  std::string remedy;  // empty when nothing is to be done
};
using on_checked = std::function<void(const checked&)>;

void check_data_dir(const config& c, const on_checked& told);
// What a registry's catalog lists; none where it could not be asked for, or goes on beyond what doctor reads.
using catalog = std::optional<std::set<std::string>>;
// section: of the configuration, for the remedy.
catalog check_registry(const std::string& what, const std::string& section, const registry_settings& r,
                       const on_checked& told);
// repository: where the push is tried; a registry that makes none by itself needs one that it has.
inline constexpr std::string_view probe_repository = "longshore/doctor";
void check_pushing(const registry_settings& target, const std::string& repository, const on_checked& told);
void check_primary(const config& c, const on_checked& told);
struct seen_registries {
  std::map<std::string, catalog> sources;  // of a primary, by their names
  catalog target;                          // of a secondary
};
// The running site: alive, ready, takes the admin token; then what belongs to its role, and whether the registries
// still list what the site knows.
void check_site(const config& c, const std::string& url, const std::string& ca_file, const on_checked& told,
                const seen_registries& seen = {});

struct doctor_settings {
  std::string url, ca_file;  // of the running site
  std::string push_to{probe_repository};
};
void run_checks(const config& c, const doctor_settings& settings, const on_checked& told);

}  // namespace longshore::tools
