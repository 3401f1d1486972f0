#pragma once

// Items as people read them: those of a repository that follow each other and share state, reason and remedy stand
// together, since one cause often holds back many; digests in reasons may differ, and are left out where they do.
//
// Pure. add() returns the text of a group that has ended with this item's coming, rest() that of the last one; both may
// be empty.

#include <boost/json.hpp>
#include <string>
#include <vector>

namespace longshore::tools {

class item_groups {
 public:
  std::string add(const boost::json::value& item);
  std::string rest();

 private:
  struct cause {
    std::string repository, state, reason, remedy;  // without digests, and without the item's name
    bool operator==(const cause&) const = default;
  };
  cause cause_;
  std::string reason_;  // of the first, as it is
  bool differ_ = false;
  std::vector<std::string> names_;
};

}  // namespace longshore::tools
