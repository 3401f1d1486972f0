// Any one file operation fails, or the process dies there: what was is still there, or what was to be, and nothing
// between.

#include "api/local/oci_archive.h"
#include "api/local/oci_layout.h"
#include "faulty_files.h"
#include "local_fixture.h"

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

constexpr int operations_max = 400;

class oci_layout_fault_test : public registry_runner {
 protected:
  void make_old() {
    place.clear();
    files.fails_at = -1;
    auto layout = open(api::system_files());
    ASSERT_TRUE(layout) << layout.error().text;
    ASSERT_TRUE(get(push_image(**layout, "", "v1", "old")));
  }
  result<std::unique_ptr<api::oci_layout>> open(api::file_calls& with) {
    return api::oci_layout::open({.directory = dir, .access = api::layout_access::write, .files = &with});
  }
  // Moves v1 to another image, through files that fail at the operation with this number.
  result<digest> change(int fails_at) {
    files.operations = 0;
    files.fails_at = fails_at;
    auto layout = open(files);
    if (!layout) return pass(std::move(layout));
    return get(push_image(**layout, "", "v1", "new"));
  }
  // What others see; v1 is whole, whichever it is.
  digest seen() {
    auto layout = open(api::system_files());
    EXPECT_TRUE(layout) << (layout ? "" : layout.error().text);
    if (!layout) return digest::of("");
    const auto now = get((*layout)->get_manifest("", "v1"));
    EXPECT_TRUE(now) << (now ? "" : now.error().text);
    if (!now) return digest::of("");
    const std::string layer = now->digest == digest::of(image_text("new")) ? "new" : "old";
    EXPECT_EQ(get(read_blob(**layout, "", digest::of(layer), 0)).value(), layer);
    for (const auto& e : fs::directory_iterator(dir)) {
      EXPECT_FALSE(e.path().filename().string().starts_with(".longshore")) << e.path();
    }
    return now->digest;
  }

  testing::scratch place;
  fs::path dir = place.path() / "layout";
  faulty_files files;
};

TEST_F(oci_layout_fault_test, a_failure_is_told_and_the_next_try_succeeds) {
  bool succeeded = false;
  for (int n = 0; n < operations_max && !succeeded; ++n) {
    make_old();
    const auto done = change(n);
    succeeded = done && files.operations <= n;
    // A removal of what need not be there may fail unnoticed; nothing else may.
    if (!done) EXPECT_EQ(done.error().code, errc::no_space) << n << ": " << done.error().text;
    const digest now = seen();
    EXPECT_TRUE(now == digest::of(image_text("old")) || now == digest::of(image_text("new"))) << n;
    if (done) EXPECT_EQ(now, *done) << n;
    ASSERT_TRUE(change(-1)) << n;
    EXPECT_EQ(seen(), digest::of(image_text("new"))) << n;
  }
  EXPECT_TRUE(succeeded);
}

TEST_F(oci_layout_fault_test, a_death_at_any_moment_leaves_the_old_or_the_new) {
  files.dies = true;
  bool succeeded = false, old_seen = false, new_seen = false;
  for (int n = 0; n < operations_max && !succeeded; ++n) {
    make_old();
    const auto done = change(n);
    succeeded = done.has_value();
    const digest now = seen();
    EXPECT_TRUE(now == digest::of(image_text("old")) || now == digest::of(image_text("new"))) << n;
    if (done) EXPECT_EQ(now, *done);
    old_seen = old_seen || now == digest::of(image_text("old"));
    new_seen = new_seen || now == digest::of(image_text("new"));
  }
  EXPECT_TRUE(succeeded && old_seen && new_seen);
}

TEST_F(oci_layout_fault_test, a_tag_is_listed_only_when_all_below_it_is_there) {
  const std::string index = index_text({image_text("one"), image_text("two")});
  const auto put_both = [&]() -> result<void> {
    auto layout = open(files);
    if (!layout) return pass(std::move(layout));
    for (const char* layer : {"one", "two"}) {
      auto put = get(push_image(**layout, "", digest::of(image_text(layer)).text(), layer));
      if (!put) return pass(std::move(put));
    }
    auto put = get((*layout)->put_manifest("", "all", index_type, index));
    return put ? result<void>() : pass(std::move(put));
  };
  for (const bool dies : {false, true}) {
    files.dies = dies;
    bool succeeded = false;
    for (int n = 0; n < operations_max && !succeeded; ++n) {
      make_old();
      files.operations = 0;
      files.fails_at = n;
      const bool done = put_both().has_value();
      succeeded = done && files.operations <= n;
      auto layout = open(api::system_files());
      ASSERT_TRUE(layout) << n << ": " << layout.error().text;
      EXPECT_TRUE(get((*layout)->get_manifest("", "v1"))) << n;
      const auto all = get((*layout)->resolve("", "all"));
      ASSERT_TRUE(all) << n;
      EXPECT_TRUE(*all || !done) << n;
      for (const char* layer : {"one", "two"}) {
        if (*all) EXPECT_TRUE(get((*layout)->get_manifest("", digest::of(image_text(layer)).text()))) << n;
      }
    }
    EXPECT_TRUE(succeeded);
  }
}

TEST_F(oci_layout_fault_test, a_death_while_a_layout_is_set_up_leaves_what_can_be_set_up) {
  files.dies = true;
  bool succeeded = false;
  for (int n = 0; n < operations_max && !succeeded; ++n) {
    place.clear();
    files.operations = 0;
    files.fails_at = n;
    succeeded = open(files).has_value();
    auto again = open(api::system_files());
    ASSERT_TRUE(again) << n << ": " << again.error().text;
    EXPECT_TRUE(get(push_image(**again, "", "v1", "layer"))) << n;
  }
  EXPECT_TRUE(succeeded);
}

TEST_F(oci_layout_fault_test, an_archive_is_the_old_or_the_new_whatever_fails) {
  const fs::path file = place.path() / "images.tar";
  const auto write = [&](api::file_calls& with, const std::string& layer) -> result<void> {
    auto archive = api::oci_archive::open({.file = file, .access = api::layout_access::write, .files = &with});
    if (!archive) return pass(std::move(archive));
    if (auto r = get(push_image((*archive)->registry(), "", "v1", layer)); !r) return pass(std::move(r));
    return get((*archive)->finish());
  };
  for (const bool dies : {false, true}) {
    place.clear();
    ASSERT_TRUE(write(api::system_files(), "old"));
    const std::string before = read_text(file);
    bool succeeded = false;
    for (int n = 0; n < operations_max && !succeeded; ++n) {
      files.dies = dies;
      files.operations = 0;
      files.fails_at = n;
      const bool done = write(files, "new").has_value();
      succeeded = done && files.operations <= n;
      const std::string after = read_text(file);
      if (!done && after == before) continue;
      auto read = api::oci_archive::open({.file = file});
      ASSERT_TRUE(read) << n << ": " << read.error().text;
      EXPECT_EQ(get((*read)->registry().resolve("", "v1")).value(), digest::of(image_text("new"))) << n;
      write_text(file, before);
    }
    EXPECT_TRUE(succeeded);
  }
}

}  // namespace
}  // namespace longshore::tests
