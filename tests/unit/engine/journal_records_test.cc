#include "engine/journal_records.h"

#include <gtest/gtest.h>

namespace longshore::engine {
namespace {

const desired_item tag_item{"team/app", "v1", true, false, {}, {}, {7}, {}};
const desired_item manifest_item{"team/app", digest::of("m").text(), false, false, {}, {}, {8}, {}};

TEST(journal_records_test, an_item_is_named_by_tag_or_by_digest) {
  const auto by_tag = record::published(tag_item, digest::of("x"));
  EXPECT_EQ(by_tag.kind, log::event_kind::published);
  EXPECT_EQ(by_tag.tag, "v1");
  EXPECT_EQ(by_tag.digest, digest::of("x").text());
  EXPECT_EQ(by_tag.detail, "{\"seq\":7}");
  const auto by_digest = record::removed(manifest_item);
  EXPECT_EQ(by_digest.tag, "");
  EXPECT_EQ(by_digest.digest, manifest_item.ref);
  EXPECT_EQ(by_digest.detail, "{\"seq\":8}");
}

TEST(journal_records_test, a_failure_carries_seq_reason_and_code) {
  const auto e = record::item_parked(tag_item, {errc::rejected, "MANIFEST_INVALID"});
  EXPECT_EQ(e.kind, log::event_kind::item_parked);
  EXPECT_EQ(e.detail, "{\"seq\":7,\"reason\":\"MANIFEST_INVALID\",\"code\":\"rejected\"}");
}

TEST(journal_records_test, whatever_a_registry_says_the_record_can_be_stored) {
  const std::string huge(200'000, 'x');
  for (const std::string& text :
       {huge, std::string("\xff\xfe\x80 \xc3"), std::string("\xed\xa0\x80"), std::string("ü\n")}) {
    const auto e = record::item_failed(tag_item, {errc::unavailable, text});
    EXPECT_TRUE(log::encode(e)) << text.substr(0, 10);
    EXPECT_LT(e.detail.size(), 7 * record::failure_text_bytes_max);
  }
  EXPECT_NE(record::item_failed(tag_item, {errc::invalid, "\xff!"}).detail.find("?!"), std::string::npos);
  EXPECT_NE(record::item_failed(tag_item, {errc::invalid, "ü"}).detail.find("ü"), std::string::npos);
}

}  // namespace
}  // namespace longshore::engine
