#include "engine/heard.h"

#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

class heard_test : public view_test<heard> {
 protected:
  log::event from(const std::string& source, const std::string& instance) {
    log::event e = said(log::event_kind::push, "team/app", "v1", digest_of("x"));
    e.origin = source;
    e.instance = instance;
    return fold(std::move(e));
  }
  std::vector<heard_source> all() const {
    std::vector<heard_source> found;
    EXPECT_TRUE(view_->sources([&](const heard_source& s) {
      found.push_back(s);
      return true;
    }));
    return found;
  }
};

TEST_F(heard_test, each_source_is_remembered_however_much_the_others_say) {
  const log::event quiet = from("east", "i1");
  for (int i = 0; i < 5'000; ++i) from("north", "n1");
  ASSERT_EQ(all().size(), 2u);
  EXPECT_EQ(all()[0], (heard_source{"east", quiet.seq, quiet.recorded, {"i1"}}));
  EXPECT_EQ(all()[1].seq.value, 5'000u);
}

TEST_F(heard_test, instances_stand_in_the_order_in_which_they_last_spoke_and_the_oldest_go) {
  for (const char* instance : {"a", "b", "a"}) from("east", instance);
  EXPECT_EQ(all()[0].instances, (std::vector<std::string>{"b", "a"}));
  for (int i = 0; i < 20; ++i) from("east", "i" + std::to_string(i));
  EXPECT_EQ(all()[0].instances.size(), 16u);
  EXPECT_EQ(all()[0].instances.front(), "i4");
  EXPECT_EQ(all()[0].instances.back(), "i19");
}

TEST_F(heard_test, what_no_registry_process_said_is_not_heard_of_one) {
  from("east", "");
  from("", "i1");
  EXPECT_TRUE(all().empty());
}

}  // namespace
}  // namespace longshore::engine
