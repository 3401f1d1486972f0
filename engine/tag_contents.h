#pragma once

// What each tag of a repository holds: its manifest, and those below it when it is an index.
//
// read_tag_contents() lists all tags and reads the manifests of each: the whole of it, or a failure, since what is
// deleted by digest is judged by it. A tag that vanishes meanwhile is left out. More than `most` tags are
// errc::too_large. The registry must outlive the call.

#include <set>
#include <string>
#include <vector>

#include "engine/closure.h"
#include "engine/registry.h"

namespace longshore::engine {

struct tag_content {
  std::string tag;
  longshore::digest digest;
  std::set<longshore::digest> includes;  // manifests below it, when it is an index
  bool needs(const longshore::digest& d) const { return digest == d || includes.contains(d); }
};

task<std::vector<tag_content>> read_tag_contents(registry& of, std::string repository, std::size_t most,
                                                 closure_limits limits);

}  // namespace longshore::engine
