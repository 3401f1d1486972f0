#include "api/local/oci_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cstdio>

#include "local_fixture.h"

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

struct part {
  std::string name, text;
  unsigned type = AE_IFREG;
  std::string link = {};
  bool is_hard = false;
};

class oci_archive_test : public registry_runner {
 protected:
  static std::vector<part> image_parts(const std::string& prefix = {}) {
    const std::string manifest = image_text("layer");
    const auto blob = [&](const std::string& text) {
      return part{prefix + "blobs/sha256/" + std::string(digest::of(text).hex()), text};
    };
    std::string listed = descriptor_text(image_type, manifest);
    listed.insert(listed.size() - 1, R"(,"annotations":{"org.opencontainers.image.ref.name":"v1"})");
    return {{prefix + "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
            {prefix + "index.json", R"({"schemaVersion":2,"manifests":[)" + listed + "]}"},
            blob(config_text),
            blob("layer"),
            blob(manifest)};
  }
  void make(const std::vector<part>& parts, int (*filter)(archive*) = archive_write_add_filter_none) const {
    archive* a = archive_write_new();
    ASSERT_EQ(filter(a), ARCHIVE_OK);
    archive_write_set_format_gnutar(a);
    ASSERT_EQ(archive_write_open_filename(a, file.c_str()), ARCHIVE_OK);
    for (const part& p : parts) {
      archive_entry* e = archive_entry_new();
      archive_entry_set_pathname(e, p.name.c_str());
      archive_entry_set_filetype(e, p.type);
      archive_entry_set_perm(e, 0755);
      if (!p.link.empty() && p.is_hard) archive_entry_set_hardlink(e, p.link.c_str());
      if (!p.link.empty() && !p.is_hard) archive_entry_set_symlink(e, p.link.c_str());
      archive_entry_set_size(e, p.type == AE_IFREG && p.link.empty() ? static_cast<la_int64_t>(p.text.size()) : 0);
      ASSERT_EQ(archive_write_header(a, e), ARCHIVE_OK) << p.name << ": " << archive_error_string(a);
      if (p.type == AE_IFREG && p.link.empty()) archive_write_data(a, p.text.data(), p.text.size());
      archive_entry_free(e);
    }
    ASSERT_EQ(archive_write_free(a), ARCHIVE_OK);
  }
  result<std::unique_ptr<api::oci_archive>> open(api::layout_access access, api::unpack_limits limits = {}) {
    return api::oci_archive::open(
        {.file = file, .access = access, .temporary = place.path() / "tmp", .limits = limits});
  }
  errc refusal(api::unpack_limits limits = {}) {
    auto opened = open(api::layout_access::read, limits);
    EXPECT_FALSE(opened);
    if (!opened) last_text = opened.error().text;
    EXPECT_TRUE(fs::is_empty(place.path() / "tmp"));
    return opened ? errc::stopped : opened.error().code;
  }
  void expect_readable() {
    auto opened = open(api::layout_access::read);
    ASSERT_TRUE(opened) << opened.error().text;
    auto& registry = (*opened)->registry();
    EXPECT_EQ(get(registry.get_manifest("", "v1")).value().bytes, image_text("layer"));
    EXPECT_EQ(get(read_blob(registry, "", digest::of("layer"), 0)).value(), "layer");
  }
  // What the archive's directory holds, but for the directory of temporary files.
  std::vector<std::string> beside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(place.path())) {
      if (entry.path().filename() != "tmp") names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
  void SetUp() override { fs::create_directories(place.path() / "tmp"); }

  testing::scratch place;
  fs::path file = place.path() / "images.tar";
};

TEST_F(oci_archive_test, what_was_written_is_read_back) {
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    EXPECT_FALSE(fs::exists(file));
    const auto done = get((*opened)->finish());
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ((*opened)->registry().name(), "oci-archive:" + file.string());
  }
  expect_readable();
  EXPECT_EQ(beside(), std::vector<std::string>{"images.tar"});
  EXPECT_TRUE(fs::is_empty(place.path() / "tmp"));
}

TEST_F(oci_archive_test, dropped_without_finish_the_file_is_as_it_was) {
  {
    auto opened = open(api::layout_access::write);
  }
  EXPECT_FALSE(fs::exists(file));
  make(image_parts());
  const std::string before = read_text(file);
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v2", "other")));
  }
  EXPECT_EQ(read_text(file), before);
}

TEST_F(oci_archive_test, an_archive_that_is_there_is_added_to) {
  make(image_parts());
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v2", "other")));
    ASSERT_TRUE(get((*opened)->finish()));
  }
  expect_readable();
  auto opened = open(api::layout_access::read);
  EXPECT_EQ(get((*opened)->registry().list_tags("", std::nullopt))->names, (std::vector<std::string>{"v1", "v2"}));
  EXPECT_EQ(failure((*opened)->finish()), errc::unsupported);
}

TEST_F(oci_archive_test, what_was_fetched_of_no_whole_image_is_not_kept) {
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(get(push_blob((*opened)->registry(), "", "layer", digest::of("layer"))));
    fs::create_directories(file / "in the way");
    const auto done = get((*opened)->finish());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text.find("copy it from"), std::string::npos) << done.error().text;
  }
  EXPECT_EQ(beside(), std::vector<std::string>{"images.tar"});
}

TEST_F(oci_archive_test, what_was_fetched_is_kept_and_named_when_the_archive_cannot_be_written) {
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    fs::create_directories(file / "in the way");
    EXPECT_NE(failure((*opened)->finish()), errc::stopped);
  }
  const std::string mark = "copy it from oci:";
  const std::size_t named = last_text.find(mark);
  ASSERT_NE(named, std::string::npos) << last_text;
  const std::string kept = last_text.substr(named + mark.size(), last_text.find(',', named) - named - mark.size());
  auto layout = api::oci_layout::open({.directory = kept});
  ASSERT_TRUE(layout) << layout.error().text;
  EXPECT_EQ(get((*layout)->get_manifest("", "v1")).value().bytes, image_text("layer"));
}

TEST_F(oci_archive_test, a_second_finish_that_succeeds_leaves_nothing_behind) {
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    fs::create_directories(file / "in the way");
    EXPECT_NE(failure((*opened)->finish()), errc::stopped);
    fs::remove_all(file);
    EXPECT_TRUE(get((*opened)->finish()));
  }
  EXPECT_EQ(beside(), std::vector<std::string>{"images.tar"});
}

TEST_F(oci_archive_test, equal_content_makes_equal_archives) {
  const auto write = [&] {
    auto opened = open(api::layout_access::write);
    EXPECT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    EXPECT_TRUE(get((*opened)->finish()));
    const std::string bytes = read_text(file);
    fs::remove(file);
    return bytes;
  };
  EXPECT_TRUE(write() == write());
}

TEST_F(oci_archive_test, what_a_killed_writer_left_is_not_taken_in) {
  const std::string left = file.string() + ".partial.aBc123/layout/index.json";
  write_text(left, R"({"schemaVersion":2,"manifests":[)" + descriptor_text(image_type, "stale") + "]}");
  write_text(file.string() + ".partial", "half an archive");
  auto opened = open(api::layout_access::write);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_FALSE(get((*opened)->registry().resolve("", digest::of("stale").text())).value());
  EXPECT_EQ(open(api::layout_access::write).error().code, errc::busy);
  ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
  EXPECT_TRUE(get((*opened)->finish()));
  expect_readable();
  EXPECT_TRUE(fs::exists(left)) << "it is not this writer's";
}

TEST_F(oci_archive_test, directories_and_links_of_working_names_keep_what_they_hold) {
  const fs::path elsewhere = place.path() / "elsewhere";
  write_text((elsewhere / "precious").string(), "kept");
  write_text(file.string() + ".partial.d/precious", "kept");
  write_text(file.string() + ".partial.ABCDEF/precious", "kept");
  fs::create_directory_symlink(elsewhere, file.string() + ".partial.GHIJKL");
  const auto before = beside();
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    ASSERT_TRUE(get((*opened)->finish()));
  }
  EXPECT_EQ(read_text(elsewhere / "precious"), "kept");
  EXPECT_EQ(read_text(file.string() + ".partial.d/precious"), "kept");
  EXPECT_EQ(read_text(file.string() + ".partial.ABCDEF/precious"), "kept");
  EXPECT_EQ(beside().size(), before.size() + 1) << "the archive alone is new";
}

// Browsers and other tools name files of theirs so, too.
TEST_F(oci_archive_test, a_file_named_like_a_partial_one_keeps_what_it_holds) {
  const fs::path theirs = file.string() + ".partial";
  write_text(theirs, "somebody's only copy");
  {
    auto opened = open(api::layout_access::write);
    ASSERT_TRUE(opened) << opened.error().text;
    ASSERT_TRUE(get(push_image((*opened)->registry(), "", "v1", "layer")));
    ASSERT_TRUE(get((*opened)->finish()));
  }
  EXPECT_EQ(read_text(theirs), "somebody's only copy");
  EXPECT_EQ(beside(), (std::vector<std::string>{"images.tar", "images.tar.partial"}));
}

TEST_F(oci_archive_test, one_writer_at_a_time_and_the_next_adds_to_what_the_first_wrote) {
  {
    auto first = open(api::layout_access::write);
    ASSERT_TRUE(first) << first.error().text;
    EXPECT_EQ(open(api::layout_access::write).error().code, errc::busy);
    ASSERT_TRUE(get(push_image((*first)->registry(), "", "v1", "layer")));
    ASSERT_TRUE(get((*first)->finish()));
    EXPECT_EQ(open(api::layout_access::write).error().code, errc::busy);
  }
  EXPECT_EQ(beside(), std::vector<std::string>{"images.tar"});
  auto next = open(api::layout_access::write);
  ASSERT_TRUE(next) << next.error().text;
  EXPECT_EQ(get((*next)->registry().list_tags("", std::nullopt))->names, std::vector<std::string>{"v1"});
}

TEST_F(oci_archive_test, compressed_archives_and_leading_dots_are_read) {
  for (int (*filter)(archive*) :
       {archive_write_add_filter_none, archive_write_add_filter_gzip, archive_write_add_filter_zstd}) {
    auto parts = image_parts("./");
    parts.insert(parts.begin(), {{"./", "", AE_IFDIR}, {"./blobs/", "", AE_IFDIR}, {"./blobs/sha256/", "", AE_IFDIR}});
    make(parts, filter);
    expect_readable();
  }
}

TEST_F(oci_archive_test, dockers_own_files_are_passed_over) {
  auto parts = image_parts();
  parts.push_back({"manifest.json", "[]"});
  parts.push_back({"repositories", "{}"});
  make(parts);
  expect_readable();
}

TEST_F(oci_archive_test, whatever_is_no_part_of_a_layout_is_refused) {
  const std::string blob = "blobs/sha256/" + std::string(digest::of("x").hex());
  for (const part& bad : std::vector<part>{{"../escape", "x"},
                                           {"/etc/escape", "x"},
                                           {"blobs/../../escape", "x"},
                                           {"blobs/sha256/../../index.json", "x"},
                                           {"blobs/sha256/abc", "x"},
                                           {"blobs/md5/" + std::string(32, 'a'), "x"},
                                           {"readme.txt", "x"},
                                           {"other/", "", AE_IFDIR},
                                           {blob, "", AE_IFLNK, "/etc/passwd"},
                                           {"blobs", "", AE_IFLNK, "/etc"},
                                           {blob, "", AE_IFREG, "index.json", true},
                                           {blob, "", AE_IFIFO},
                                           {blob, "", AE_IFCHR},
                                           {blob, "", AE_IFDIR}}) {
    auto parts = image_parts();
    parts.insert(parts.begin() + 1, bad);
    make(parts);
    EXPECT_EQ(refusal(), errc::invalid) << bad.name;
    EXPECT_FALSE(fs::exists(place.path() / "escape"));
  }
}

TEST_F(oci_archive_test, a_name_that_comes_twice_is_corrupt) {
  auto parts = image_parts();
  parts.push_back(parts[1]);
  make(parts);
  EXPECT_EQ(refusal(), errc::corrupt);
}

TEST_F(oci_archive_test, limits_hold) {
  make(image_parts(), archive_write_add_filter_gzip);
  EXPECT_EQ(refusal({.bytes_max = 100}), errc::too_large);
  EXPECT_EQ(refusal({.bytes_max = 1'000'000, .entries_max = 4}), errc::too_large);
}

TEST_F(oci_archive_test, a_broken_archive_is_an_error_wherever_it_breaks) {
  make(image_parts(), archive_write_add_filter_gzip);
  const std::string whole = read_text(file);
  for (std::size_t n = 0; n + 20 < whole.size(); n += 7) {
    write_text(file, whole.substr(0, n));
    const errc code = refusal();
    EXPECT_TRUE(code == errc::corrupt || code == errc::invalid) << n << ": " << last_text;
  }
  write_text(file, "this is no archive at all, whatever its name may say");
  EXPECT_EQ(refusal(), errc::corrupt);
  fs::remove(file);
  EXPECT_EQ(refusal(), errc::not_found);
  fs::create_directories(file);
  EXPECT_EQ(refusal(), errc::invalid);
}

TEST_F(oci_archive_test, what_is_passed_over_counts_and_space_is_kept_free) {
  auto parts = image_parts();
  parts.push_back({"manifest.json", std::string(3'000'000, ' ')});
  make(parts, archive_write_add_filter_zstd);
  EXPECT_LT(fs::file_size(file), 10'000u);
  EXPECT_EQ(refusal({.bytes_max = 2'000'000}), errc::too_large);
  EXPECT_EQ(refusal({.free_bytes_min = 1ull << 62}), errc::no_space);
  EXPECT_NE(last_text.find("TMPDIR"), std::string::npos) << last_text;
  expect_readable();
}

class sparse_archive_test : public oci_archive_test {
 protected:
  static std::string header(const std::string& name, char type, std::size_t size) {
    std::string h(512, '\0');
    const auto set = [&h](std::size_t at, const std::string& text) { h.replace(at, text.size(), text); };
    set(0, name);
    for (const std::size_t at : {100u, 108u, 116u}) set(at, "0000644");
    set(124, octal(size, 11));
    set(136, octal(0, 11));
    set(148, std::string(8, ' '));
    h[156] = type;
    set(257, std::string("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : h) sum += static_cast<unsigned char>(c);
    set(148, octal(sum, 6) + '\0');
    return h;
  }
  static std::string octal(std::size_t n, int digits) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%0*zo", digits, n);
    return text.data();
  }
  static std::string padded(std::string s) {
    s.resize((s.size() + 511) / 512 * 512, '\0');
    return s;
  }
  void write_compressed(const std::string& whole) const {
    archive* a = archive_write_new();
    archive_write_add_filter_zstd(a);
    archive_write_set_format_raw(a);
    ASSERT_EQ(archive_write_open_filename(a, file.c_str()), ARCHIVE_OK);
    archive_entry* e = archive_entry_new();
    archive_entry_set_filetype(e, AE_IFREG);
    ASSERT_EQ(archive_write_header(a, e), ARCHIVE_OK);
    archive_write_data(a, whole.data(), whole.size());
    archive_entry_free(e);
    ASSERT_EQ(archive_write_free(a), ARCHIVE_OK);
  }
  static std::size_t peak_mib() {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) >> 10;
    }
    return 0;
  }
};

// Each layer has its own window (128 MiB with zstd --long=27), and what comes out of the inner ones is not counted.
TEST_F(sparse_archive_test, what_is_compressed_more_than_once_is_refused) {
  make(image_parts(), archive_write_add_filter_gzip);
  for (int layer = 0; layer < 3; ++layer) {
    write_compressed(read_text(file));
    EXPECT_EQ(refusal(), errc::invalid) << last_text;
    EXPECT_NE(last_text.find("more than once"), std::string::npos) << last_text;
  }
}

// An empty member of gzip has 20 bytes: a gigabyte of them has nothing in it, and compresses to a megabyte.
TEST_F(sparse_archive_test, what_nothing_comes_out_of_is_ended_by_its_own_size) {
  const std::string empty("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", 20);
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += empty;
  write_compressed(many);
  EXPECT_EQ(refusal(), errc::invalid) << last_text;
  write_text(file, many);
  EXPECT_EQ(refusal({.bytes_max = 1'000'000}), errc::too_large) << last_text;
}

TEST_F(oci_archive_test, one_that_is_stopped_unpacks_nothing_more) {
  make(image_parts());
  std::stop_source stop;
  stop.request_stop();
  auto opened = api::oci_archive::open({.file = file, .temporary = place.path() / "tmp", .stop = stop.get_token()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::stopped);
  EXPECT_TRUE(fs::is_empty(place.path() / "tmp"));
}

// libarchive holds the whole map of a sparse file (GNU 1.0) before it tells of the file.
TEST_F(sparse_archive_test, an_archive_of_a_few_kilobytes_does_not_take_hundreds_of_megabytes) {
  constexpr std::size_t entries = 8'000'000;
  const std::string pax =
      "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n31 GNU.sparse.name=oci-layout\n26 GNU.sparse.realsize=0\n";
  std::string map = std::to_string(entries) + "\n";
  for (std::size_t i = 0; i < entries; ++i) map += "0\n0\n";
  map = padded(std::move(map));
  write_compressed(header("pax", 'x', pax.size()) + padded(pax) + header("oci-layout", '0', map.size()) + map +
                   std::string(1'024, '\0'));
  ASSERT_LT(fs::file_size(file), 10'000u);
  std::ofstream("/proc/self/clear_refs") << "5";
  const std::size_t before = peak_mib();
  EXPECT_EQ(refusal(), errc::too_large) << last_text;
  EXPECT_LT(peak_mib() - before, 100u) << "MiB";
}

}  // namespace
}  // namespace longshore::tests
