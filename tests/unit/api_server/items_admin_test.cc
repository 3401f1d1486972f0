#include "api/items_admin.h"

#include <boost/json.hpp>

#include "engine/journal_records.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

class items_admin_test : public site_test {
 protected:
  void journal(log::event e) {
    e.origin = "here";
    std::promise<void> done;
    ASSERT_TRUE(journal_sequencer_->submit({std::move(e)}, [&](result<log::append_outcome>) { done.set_value(); }));
    done.get_future().get();
  }
  static engine::desired_item tag(const std::string& repository, const std::string& name) {
    return {repository, name, true, false, "sha256:" + std::string(64, 'a'), "", {0}, {}};
  }
  static engine::desired_item manifest(const std::string& repository) {
    const std::string d = "sha256:" + std::string(64, 'b');
    return {repository, d, false, false, d, "", {0}, {}};
  }
  void fill() {
    open();
    for (const char* name : {"a", "team/app", "well"}) append({push_of(name, 1)});
    journal(engine::record::item_parked(tag("a", "v1"), {errc::rejected, "refused"}));
    journal(engine::record::item_parked(manifest("a"), {errc::rejected, "refused, too"}));
    journal(engine::record::item_failed(tag("a", "v2"), {errc::unavailable, "away"}));
    journal(engine::record::item_held_back(tag("team/app", "old"), "too many"));
    journal(engine::record::skip_asked(tag("team/app", "left"), "not this one"));
    journal(engine::record::published(tag("well", "v1"), digest::of("x")));
  }
  json::value ask(const std::string& query = {}) {
    const raw_answer a = connect().ask(get("/v1/items" + query, "admin-token"));
    EXPECT_EQ(a.status, 200) << a.body;
    return json::parse(a.body);
  }
  static std::string names(const json::value& page) {
    std::string all;
    for (const json::value& i : page.at("items").as_array()) {
      all += std::string(i.at("repository").as_string()) + ":" + std::string(i.at("reference").as_string(), 0, 8) + " ";
    }
    return all;
  }
  std::string page_by_page(int limit) {
    std::string together, after;
    for (int page = 0; page < 10; ++page) {
      const json::value p = ask("?limit=" + std::to_string(limit) + "&after=" + after);
      EXPECT_LE(p.at("items").as_array().size(), static_cast<std::size_t>(limit));
      together += names(p);
      if (p.at("next").is_null()) break;
      after = std::string(p.at("next").as_string());
    }
    return together;
  }
};

TEST_F(items_admin_test, what_is_not_at_the_target_is_listed_with_its_reason_and_remedy) {
  fill();
  const json::value all = ask();
  EXPECT_EQ(names(all), "a:v1 a:v2 a:sha256:b team/app:left team/app:old ");
  EXPECT_TRUE(all.at("next").is_null());
  const auto remedy = [&](std::size_t n) { return std::string(all.at("items").at(n).at("remedy").as_string()); };
  EXPECT_NE(remedy(0).find("longshore unpark a:v1"), std::string::npos);
  EXPECT_NE(remedy(1).find("longshore retry a"), std::string::npos);
  EXPECT_EQ(remedy(2), "mend the cause, then: longshore unpark a@sha256:" + std::string(64, 'b'));
  EXPECT_EQ(remedy(3), "longshore unpark team/app:left");
  EXPECT_NE(remedy(4).find("longshore sync --allow-deletes team/app"), std::string::npos);
  EXPECT_EQ(all.at("items").at(0).at("reason"), "refused");
  EXPECT_EQ(all.at("items").at(0).at("state"), "parked");
}

TEST_F(items_admin_test, state_and_pattern_choose_and_pages_of_any_size_add_up) {
  fill();
  EXPECT_EQ(names(ask("?state=parked")), "a:v1 a:sha256:b team/app:old ");
  EXPECT_EQ(names(ask("?state=skipped&repository=team%2F*")), "team/app:left ");
  EXPECT_EQ(names(ask("?repository=well")), "");
  for (const int limit : {1, 2, 4}) {
    EXPECT_EQ(page_by_page(limit), "a:v1 a:v2 a:sha256:b team/app:left team/app:old ") << limit;
  }
}

TEST_F(items_admin_test, what_is_said_of_a_repository_as_a_whole_is_listed_too) {
  left_out_ = [](std::string_view name) -> std::optional<std::string> {
    if (name == "a") return "exclude: a*";
    return std::nullopt;
  };
  fill();
  log::event synced;
  synced.kind = log::event_kind::sync_succeeded;
  synced.repository = "well";
  synced.detail = R"({"synced_size":9})";
  journal(synced);
  journal(engine::record::repository_amiss("well", 1, "v9: the source has no tag v9"));
  const json::value all = ask();
  EXPECT_EQ(names(all), "a: team/app:left team/app:old well: ") << "what a filter leaves out is not tried";
  EXPECT_EQ(all.at("items").at(0).at("reason"), "exclude: a*");
  EXPECT_EQ(all.at("items").at(0).at("state"), "skipped");
  EXPECT_EQ(all.at("items").at(3).at("state"), "failed");
  EXPECT_NE(std::string(all.at("items").at(3).at("reason").as_string()).find("no tag v9"), std::string::npos);
  EXPECT_EQ(names(ask("?state=failed")), "well: ");
  const json::value counts = json::parse(connect().ask(get("/v1/status", "admin-token")).body).at("repositories");
  EXPECT_EQ(counts.at("parked_items"), 1) << "as many as are listed as parked";
  EXPECT_EQ(counts.at("failed_items"), 0);
  EXPECT_EQ(page_by_page(1), names(all));
}

TEST_F(items_admin_test, wrong_bytes_are_named_by_digest_with_the_verification_that_reads_them) {
  fill();
  log::event synced;
  synced.kind = log::event_kind::sync_succeeded;
  synced.repository = "well";
  synced.detail = R"({"synced_size":9})";
  journal(synced);
  journal(engine::record::content_doubted("well", digest::of("damaged")));
  const json::value all = ask("?repository=well");
  ASSERT_EQ(names(all), "well: ");
  const auto& item = all.at("items").at(0);
  EXPECT_NE(std::string(item.at("reason").as_string()).find(digest::of("damaged").text()), std::string::npos);
  EXPECT_NE(std::string(item.at("remedy").as_string()).find("longshore verify well"), std::string::npos);
}

TEST_F(items_admin_test, wrong_bytes_are_named_while_items_fail_and_a_pass_runs) {
  fill();
  journal(engine::record::content_doubted("a", digest::of("damaged")));
  journal(engine::record::sync_started("a"));
  const json::value failed = ask("?state=failed");
  ASSERT_EQ(names(failed), "a: a:v2 ");
  const auto& item = failed.at("items").at(0);
  EXPECT_NE(std::string(item.at("reason").as_string()).find(digest::of("damaged").text()), std::string::npos);
  EXPECT_EQ(std::string(item.at("remedy").as_string()).find("tried again"), std::string::npos);
}

TEST_F(items_admin_test, what_a_verification_left_is_told_beside_what_failed_since) {
  fill();
  journal(engine::record::repository_amiss("a", 1, "tag only-there is at the target alone"));
  journal(engine::record::sync_started("a"));
  journal(engine::record::sync_failed("a", "registry unavailable: target", timestamp{1}, 1));
  const json::value failed = ask("?state=failed&repository=a");
  ASSERT_EQ(names(failed), "a: a:v2 ");
  const std::string why(failed.at("items").at(0).at("reason").as_string());
  EXPECT_NE(why.find("registry unavailable: target"), std::string::npos) << why;
  EXPECT_NE(why.find("tag only-there is at the target alone"), std::string::npos) << why;
}

TEST_F(items_admin_test, a_deletion_that_the_target_cannot_do_is_for_people_to_do_or_to_leave) {
  fill();
  log::event gone = push_of("a", 1);
  gone.kind = log::event_kind::erased;
  gone.action = "delete";
  gone.id = "gone";
  append({gone});
  engine::desired_item item = tag("a", gone.tag);
  item.gone = true;
  journal(engine::record::item_parked(item, {errc::unsupported, "the target deletes no tag alone"}));
  for (const auto& i : ask("?repository=a&state=parked").at("items").as_array()) {
    if (i.at("reference").as_string() != gone.tag) continue;
    EXPECT_NE(std::string(i.at("remedy").as_string()).find("by hand"), std::string::npos) << i.at("remedy");
    return;
  }
  FAIL() << "it is not listed";
}

TEST_F(items_admin_test, what_is_gone_at_the_source_needs_no_skipping) {
  fill();
  const std::string pushed = push_of("a", 1).tag;
  journal(engine::record::item_skipped(tag("a", pushed), "tags_exclude: *", "print"));
  const auto listed = [&] {
    std::string all;
    for (const json::value& i : ask("?repository=a&state=skipped").at("items").as_array()) {
      all += std::string(i.at("reference").as_string()) + " ";
    }
    const auto one = json::parse(connect().ask(get("/v1/repositories/a", "admin-token")).body);
    EXPECT_EQ(one.at("skipped").as_array().size(), all.empty() ? 0u : 1u);
    return all;
  };
  EXPECT_EQ(listed(), pushed + " ");
  log::event gone = push_of("a", 1);
  gone.kind = log::event_kind::erased;
  gone.action = "delete";
  gone.id = "gone";
  append({gone});
  journal(engine::record::item_skipped(tag("a", pushed), "tags_exclude: *", "print"));
  EXPECT_EQ(listed(), "");
  journal(engine::record::published(tag("a", pushed), digest::of("x")));
  journal(engine::record::item_skipped(tag("a", pushed), "tags_exclude: *", "print"));
  EXPECT_EQ(listed(), pushed + " ") << "its deletion is left out: it stands at the target";
}

TEST_F(items_admin_test, a_name_that_the_log_does_not_know_is_no_empty_list) {
  fill();
  EXPECT_EQ(connect().ask(get("/v1/items?repository=tem%2F*", "admin-token")).status, 404);
  EXPECT_EQ(connect().ask(get("/v1/items?repository=wel", "admin-token")).status, 404);
}

TEST_F(items_admin_test, bad_questions_and_other_sites_are_told_what_to_ask) {
  fill();
  EXPECT_EQ(connect().ask(get("/v1/items?state=done", "admin-token")).status, 400);
  EXPECT_EQ(connect().ask(get("/v1/items?limit=0", "admin-token")).status, 400);
  EXPECT_EQ(connect().ask(get("/v1/items", "south-token")).status, 401);
  on_server([&] { return replicating_.reset(), 0; });
  const raw_answer a = connect().ask(get("/v1/items", "admin-token"));
  EXPECT_EQ(a.status, 409);
  EXPECT_NE(a.body.find("secondary"), std::string::npos);
}

}  // namespace
}  // namespace longshore::api
