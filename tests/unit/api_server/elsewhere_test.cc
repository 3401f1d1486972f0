#include "api/elsewhere.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

TEST(elsewhere, what_only_a_primary_does_is_a_conflict_that_says_who_does_it) {
  router routes;
  mount_elsewhere(routes);
  for (const auto& [method, path] :
       {std::pair("POST", "/v1/events/north"), std::pair("POST", "/api/v4/container_registry_event/events"),
        std::pair("POST", "/v1/reconcile"), std::pair("GET", "/v1/reconcile")}) {
    request r;
    r.set_line(method, path);
    answer otherwise;
    const route* found = routes.find(r, otherwise);
    ASSERT_NE(found, nullptr) << path;
    const auto refused = found->admit(r);
    ASSERT_TRUE(refused) << path;
    EXPECT_EQ(refused->status, 409);
    EXPECT_NE(refused->body.find("primary"), std::string::npos);
  }
}

}  // namespace
}  // namespace longshore::api
