#include "log/event.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

namespace longshore::log {
namespace {

event full_event() {
  event e;
  e.seq = {41};
  e.recorded = {1'700'000'000'000'001};
  e.kind = event_kind::mount;
  e.origin = "gitlab";
  e.id = "320678d8-ca14-430f-8bb6-4ca139cd83f7";
  e.occurred = {1'700'000'000'000'000};
  e.repository = "team/app";
  e.tag = "v1.2.3";
  e.digest = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0";
  e.media_type = "application/vnd.oci.image.manifest.v1+json";
  e.size = 123'456'789'012;
  e.from_repository = "team/base";
  e.actor = "alice";
  e.request_id = "6df24a34-0959-4923-81ca-14f09767db19";
  e.request_addr = "192.0.2.7:51243";
  e.request_host = "registry.example.com";
  e.request_method = "PUT";
  e.request_useragent = "skopeo/1.9.3";
  e.instance = "a53db899-3b4b-4a62-a067-8dd013beaca4";
  e.action = "mount";
  e.detail = R"({"action":"mount"})";
  return e;
}

std::vector<std::string event::*> texts() {
  return {&event::origin,
          &event::id,
          &event::repository,
          &event::tag,
          &event::digest,
          &event::media_type,
          &event::from_repository,
          &event::actor,
          &event::request_id,
          &event::request_addr,
          &event::request_host,
          &event::request_method,
          &event::request_useragent,
          &event::instance,
          &event::action,
          &event::detail};
}

void expect_round_trip(const event& e) {
  const auto record = encode(e);
  ASSERT_TRUE(record) << record.error().text;
  EXPECT_LE(record->size(), record_bytes_max);
  const auto back = decode(*record);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, e);
  EXPECT_EQ(seq_of(*record), e.seq);
}

TEST(event, every_field_comes_back) { expect_round_trip(full_event()); }

TEST(event, an_empty_event_comes_back) { expect_round_trip({}); }

TEST(event, each_text_alone_holds_any_bytes) {
  std::string any;
  for (int c = 0; c < 256; ++c) any.push_back(static_cast<char>(c));
  for (const auto field : texts()) {
    event e;
    e.*field = any;
    expect_round_trip(e);
    e.*field = std::string(1, '\0');
    expect_round_trip(e);
  }
}

TEST(event, numbers_at_their_ends_come_back) {
  event e;
  e.seq = {std::numeric_limits<std::uint64_t>::max()};
  e.recorded = {std::numeric_limits<std::int64_t>::max()};
  e.occurred = {std::numeric_limits<std::int64_t>::min()};
  e.size = std::numeric_limits<std::uint64_t>::max();
  e.kind = static_cast<event_kind>(65'535);
  expect_round_trip(e);
}

TEST(event, the_largest_that_fits_is_stored_and_one_more_byte_is_too_large) {
  event e = full_event();
  std::size_t fits = 0;
  for (std::size_t size = 64'000; size < 66'000; ++size) {
    e.detail.assign(size, 'd');
    const auto record = encode(e);
    if (record) {
      EXPECT_EQ(fits, size == 64'000 ? 0 : size - 1) << "a smaller one did not fit";
      fits = size;
    } else {
      EXPECT_EQ(record.error().code, errc::too_large);
    }
  }
  ASSERT_GT(fits, 64'000u);
  e.detail.assign(fits, 'd');
  expect_round_trip(e);
}

TEST(event, far_too_large_is_refused_without_building_it) {
  event e;
  e.detail.assign(100u << 20, 'd');
  EXPECT_EQ(encode(e).error().code, errc::too_large);
}

TEST(event, the_same_event_has_the_same_bytes) {
  EXPECT_EQ(encode(full_event()).value(), encode(full_event()).value());
}

TEST(event, a_view_shows_what_decoding_does_wherever_the_bytes_stand) {
  const event e = full_event();
  const std::string record = encode(e).value();
  for (std::size_t shift = 0; shift < 9; ++shift) {
    const std::string moved = std::string(shift, 'x') + record;
    const std::string_view at = std::string_view(moved).substr(shift);
    const auto v = view_of(at);
    ASSERT_TRUE(v);
    EXPECT_EQ(v->seq, e.seq);
    EXPECT_EQ(v->recorded, e.recorded);
    EXPECT_EQ(v->kind, e.kind);
    EXPECT_EQ(v->origin, e.origin);
    EXPECT_EQ(v->id, e.id);
    EXPECT_EQ(v->repository, e.repository);
    EXPECT_EQ(v->tag, e.tag);
    EXPECT_EQ(v->digest, e.digest);
    EXPECT_EQ(v->media_type, e.media_type);
    EXPECT_EQ(v->from_repository, e.from_repository);
    EXPECT_EQ(v->detail, e.detail);
    EXPECT_EQ(v->occurred, e.occurred);
    EXPECT_EQ(v->size, e.size);
    EXPECT_GE(v->repository.data(), at.data()) << "it points into the record itself";
    EXPECT_LE(v->repository.data() + v->repository.size(), at.data() + at.size());
    EXPECT_EQ(decode(at).value(), e);
    EXPECT_EQ(seq_of(at), e.seq);
  }
}

TEST(event, what_is_no_record_is_refused) {
  EXPECT_EQ(decode({}).error().code, errc::corrupt);
  EXPECT_EQ(decode("garbage").error().code, errc::corrupt);
  EXPECT_EQ(decode(std::string(1'000, '\0')).error().code, errc::corrupt);
  EXPECT_EQ(decode(std::string(70'000, 'x')).error().code, errc::corrupt);
  std::string other = encode(full_event()).value();
  std::memcpy(other.data() + 4, "LSE2", 4);
  EXPECT_EQ(decode(other).error().code, errc::corrupt) << "another format's identifier";
}

TEST(event, a_record_cut_anywhere_is_refused_or_still_whole) {
  const std::string record = encode(full_event()).value();
  for (std::size_t size = 0; size < record.size(); ++size) {
    // A copy of its own, so that the address sanitizer sees a read beyond it.
    const std::vector<char> cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string_view bytes(cut.data(), cut.size());
    const auto e = decode(bytes);
    EXPECT_EQ(e.has_value(), view_of(bytes).has_value());
    static_cast<void>(seq_of(bytes));
  }
}

TEST(event, changed_bytes_never_crash_and_what_decodes_encodes) {
  std::mt19937 random(17);
  const std::string record = encode(full_event()).value();
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bent = record;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t c = 0; c < changes; ++c) bent[random() % bent.size()] = static_cast<char>(random());
    static_cast<void>(seq_of(bent));
    const auto e = decode(bent);
    ASSERT_EQ(e.has_value(), view_of(bent).has_value());
    if (!e) {
      ++refused;
      continue;
    }
    ASSERT_FALSE(to_json(*e).empty());
    if (const auto again = encode(*e)) {
      ASSERT_EQ(decode(*again).value(), *e);
    }
  }
  EXPECT_GT(refused, 1'000) << "or nothing is verified at all";
}

TEST(event, kinds_have_words) {
  EXPECT_EQ(name_of(event_kind::push), "push");
  EXPECT_EQ(name_of(event_kind::erased), "delete");
  EXPECT_EQ(name_of(event_kind::item_parked), "item_parked");
  EXPECT_EQ(name_of(static_cast<event_kind>(999)), "unknown");
}

}  // namespace
}  // namespace longshore::log
