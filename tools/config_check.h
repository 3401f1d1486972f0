#pragma once

// What the settings must be together: required ones, ranges, combinations that cannot be meant.
//
// check() returns the first thing that is wrong, naming the place it was set at (or the key that is missing)
// and the remedy; what merely deserves attention is appended to c.warnings. Pure: touches neither network nor
// disk.

#include <map>
#include <string>

#include "engine/replication_filter.h"
#include "tools/config.h"

namespace longshore::tools {

// Where each given key was set: "source[0].token" -> "longshore.toml:12".
using key_places = std::map<std::string, std::string>;

// The [replication] filters as the engine takes them; check() has made sure that they can be understood.
engine::filter_rules filter_rules_of(const replication_settings& r);

result<void> check(config& c, const key_places& places);

}  // namespace longshore::tools
