#include "tools/item_groups.h"

#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

boost::json::value item(const std::string& repository, const std::string& ref, const std::string& reason) {
  return boost::json::object{{"repository", repository},
                             {"reference", ref},
                             {"state", "parked"},
                             {"reason", reason},
                             {"remedy", "then: longshore unpark " + repository + ":" + ref}};
}

TEST(item_groups, one_cause_is_told_once_for_all_that_it_holds_back) {
  item_groups groups;
  std::string text;
  for (const char* tag : {"v1", "v2", "v3"}) text += groups.add(item("team/app", tag, "too many would go"));
  EXPECT_EQ(text, "");
  text = groups.add(item("team/app", "v4", "refused"));
  EXPECT_EQ(text, "team/app:v1, :v2, :v3: parked: too many would go\n    then: longshore unpark team/app\n");
  text = groups.add(item("team/web", "v4", "refused"));
  EXPECT_EQ(text, "team/app:v4: parked: refused\n    then: longshore unpark team/app:v4\n");
  EXPECT_EQ(groups.rest(), "team/web:v4: parked: refused\n    then: longshore unpark team/web:v4\n");
  EXPECT_EQ(groups.rest(), "");
}

}  // namespace
}  // namespace longshore::tools
