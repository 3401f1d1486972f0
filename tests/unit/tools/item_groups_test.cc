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

TEST(item_groups, a_cause_that_names_a_digest_of_each_is_one_cause) {
  const auto lacks = [](const std::string& hex) { return "blob sha256:" + hex + " is not at the source"; };
  item_groups groups;
  std::string text = groups.add(item("a", "v1", lacks("0a1b")));
  text += groups.add(item("a", "v2", lacks("0a1b")));
  EXPECT_EQ(text, "");
  EXPECT_EQ(groups.rest(), "a:v1, :v2: parked: " + lacks("0a1b") + "\n    then: longshore unpark a\n");
  text = groups.add(item("a", "v1", lacks("0a1b")));
  text += groups.add(item("a", "v2", lacks("ff")));
  EXPECT_EQ(text, "");
  EXPECT_EQ(groups.add(item("a", "v3", "sha256: no digest")),
            "a:v1, :v2: parked: blob sha256:... is not at the source (--json has each digest)\n"
            "    then: longshore unpark a\n");
  EXPECT_EQ(groups.rest(), "a:v3: parked: sha256: no digest\n    then: longshore unpark a:v3\n");
}

}  // namespace
}  // namespace longshore::tools
