#include "engine/target_survey.h"
#include "tests/unit/engine/copy_run_fixture.h"

// What hangs below a tag: an index's platforms, and what refers to an image.

namespace longshore::engine {
namespace {

using namespace testing;

class copy_run_below_test : public copy_run_world {
 protected:
  copy_figures copy_again(std::vector<copy_route> routes = {{"a", {}}}) {
    target_.forget_calls();
    source_.forget_calls();
    return copy_afresh(std::move(routes));
  }
};

TEST_F(copy_run_below_test, a_referrer_that_the_target_refuses_is_a_failure_of_its_own_and_its_image_is_copied) {
  source_.does.lists_referrers = true;
  const digest image = add_oci_image(source_, "a", {"one"});
  source_.set_tag("a", "v1", image);
  source_.set_tag("a", "also", image);
  const digest referrer =
      add_oci_image(source_, "a", {"sbom"}, ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "put_manifest" || c.ref != referrer.text()) return std::nullopt;
    return memory_registry::fault{{errc::rejected, "no attachments here", 0}};
  };
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.copied, 2u);
  EXPECT_EQ(f.failed, 1u) << "once, though two tags have it";
  EXPECT_EQ(f.items, 3u);
  EXPECT_TRUE(target_.tag("a", "v1"));
  const auto failed = std::ranges::find(outcomes_, copy_end::failed, &copy_outcome::end);
  ASSERT_NE(failed, outcomes_.end());
  EXPECT_EQ(failed->item.repository, "a");
  EXPECT_EQ(failed->item.ref.target, referrer.text());
  EXPECT_EQ(failed->why->code, errc::rejected);
  EXPECT_NE(failed->why->text.find("no attachments here"), std::string::npos);
}

}  // namespace
}  // namespace longshore::engine
