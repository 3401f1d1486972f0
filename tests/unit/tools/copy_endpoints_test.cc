// The places of a copy.

#include "tools/copy_endpoints.h"

#include "storage/env/clock.h"
#include "tests/unit/local/local_fixture.h"
#include "tests/unit/tools/scratch_dir.h"

namespace longshore::tools {
namespace {

namespace fs = std::filesystem;

class copy_endpoints_test : public tests::registry_runner {};

TEST_F(copy_endpoints_test, a_target_that_cannot_be_finished_does_not_take_the_others_along) {
  scratch_dir dir;
  longshore::system_clock clock;
  const auto first = dir.path() / "a.tar", second = dir.path() / "b.tar";
  copy_endpoints places(io.get_executor(), clock, {}, {});
  for (const auto& file : {first, second}) {
    api::image_reference at;
    at.transport = api::image_transport::oci_archive;
    at.location = file.string();
    ASSERT_TRUE(places.target(at));
  }
  fs::create_directories(first / "in the way");
  const auto unfinished = get(places.finish());
  ASSERT_EQ(unfinished.size(), 1u);
  EXPECT_EQ(unfinished[0].target->name(), "oci-archive:" + first.string());
  EXPECT_TRUE(fs::exists(second));
}

}  // namespace
}  // namespace longshore::tools
