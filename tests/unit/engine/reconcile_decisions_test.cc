#include "engine/reconcile_decisions.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/env/random.h"

namespace longshore::engine {
namespace {

digest d(const std::string& what) { return digest::of(what); }

known_tag live(const std::string& what, std::uint64_t seq = 0) { return {d(what).text(), false, {seq}}; }
known_tag gone(std::uint64_t seq = 0) { return {{}, true, {seq}}; }

std::vector<std::string> asked_in(const known_tags& known, const listed_tags& listed, reconcile_mode mode,
                                  const std::vector<std::string>& immutable = {}) {
  std::vector<std::string> names;
  for (const tag_question& q : questions_about(known, listed, mode, immutable)) names.push_back(q.tag);
  return names;
}
using names = std::vector<std::string>;

TEST(reconcile_questions, in_mode_tags_only_new_and_vanished_tags_cost_a_question) {
  const known_tags known{{"old", live("a")}, {"vanished", live("b")}, {"dead", gone()}, {"back", gone()}};
  EXPECT_EQ(asked_in(known, {"old", "new", "back"}, reconcile_mode::tags), (names{"back", "new", "vanished"}));
  EXPECT_EQ(asked_in(known, {"old"}, reconcile_mode::tags), (names{"vanished"}));
  EXPECT_EQ(asked_in({}, {}, reconcile_mode::tags), names{});
}

TEST(reconcile_questions, in_mode_digests_every_tag_is_asked_about_but_the_immutable_ones) {
  const known_tags known{{"v1", live("a")}, {"v2", live("b")}, {"latest", live("c")}, {"dead", gone()}};
  EXPECT_EQ(asked_in(known, {"v1", "latest"}, reconcile_mode::digests), (names{"latest", "v1", "v2"}));
  EXPECT_EQ(asked_in(known, {"v1", "latest", "v3"}, reconcile_mode::digests, {"v*"}), (names{"latest", "v2", "v3"}))
      << "an immutable tag that is new, or that vanished, is asked about";
}

TEST(reconcile_questions, a_question_carries_the_known_digest_where_there_is_one) {
  const known_tags known{{"a", live("x")}, {"b", gone()}, {"c", {"md5:0", false, {1}}}};
  const auto questions = questions_about(known, {"a", "b", "c"}, reconcile_mode::digests, {});
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_EQ(questions[0].known, d("x"));
  EXPECT_EQ(questions[1].known, std::nullopt);
  EXPECT_EQ(questions[2].known, std::nullopt);
}

TEST(reconcile_questions, names_that_are_no_tags_are_passed_over) {
  EXPECT_EQ(asked_in({}, {"", "..", "a/b", "sha256:0", std::string("a\0b", 3), "fine"}, reconcile_mode::digests),
            (names{"fine"}));
}

// Everything that can meet: what the log says, whether the listing has it, what the source answered.
struct meeting {
  const char* what;
  std::optional<known_tag> known;
  bool listed;
  std::optional<std::optional<digest>> answer;
  std::vector<finding> found;
};

TEST(reconcile_findings, every_meeting_of_log_listing_and_answer) {
  const auto at = [](const std::string& what) { return std::optional<std::optional<digest>>(d(what)); };
  const std::optional<std::optional<digest>> absent{std::optional<digest>()};
  const finding moved{"t", d("b").text()}, vanished{"t", ""};
  constexpr std::uint64_t looked_from = 10;
  const meeting all[] = {
      {"new", std::nullopt, true, at("b"), {moved}},
      {"new, and gone again", std::nullopt, true, absent, {}},
      {"new, no answer", std::nullopt, true, std::nullopt, {}},
      {"same", live("b"), true, at("b"), {}},
      {"moved", live("a"), true, at("b"), {moved}},
      {"moved, not in the listing", live("a"), false, at("b"), {moved}},
      {"the listing lags", live("b"), false, at("b"), {}},
      {"vanished", live("a"), false, absent, {vanished}},
      {"listed, but not to be had", live("a"), true, absent, {}},
      {"not listed, no answer", live("a"), false, std::nullopt, {}},
      {"listed, no answer", live("a"), true, std::nullopt, {}},
      {"came back", gone(), true, at("b"), {moved}},
      {"gone, as known", gone(), false, absent, {}},
      {"gone, never asked", gone(), false, std::nullopt, {}},
      {"an event came: moved", live("a", 10), true, at("b"), {}},
      {"an event came: vanished", live("a", 11), false, absent, {}},
      {"an event came: deleted", gone(10), true, at("b"), {}},
      {"an event just before", live("a", 9), true, at("b"), {moved}},
  };
  for (const meeting& m : all) {
    known_tags known;
    if (m.known) known.emplace("t", *m.known);
    listed_tags listed;
    if (m.listed) listed.insert("t");
    tag_answers answers;
    if (m.answer) answers.emplace("t", *m.answer);
    EXPECT_EQ(findings(known, listed, answers, looked_from), m.found) << m.what;
  }
}

// A source and a log that differ at random; answers go missing at random. What is found must be true, and when nothing
// went missing, applying it must make the log's tags the source's.
TEST(reconcile_findings, are_true_and_suffice) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    seeded_random random(seed);
    std::map<std::string, std::string> source;
    known_tags known;
    for (int i = 0; i < 12; ++i) {
      const std::string tag = "t" + std::to_string(i);
      if (random.below(3) > 0) source[tag] = "c" + std::to_string(random.below(3));
      const auto says = random.below(4);
      if (says == 0) known[tag] = gone(random.below(5));
      if (says > 1) known[tag] = live("c" + std::to_string(random.below(3)), random.below(5));
    }
    listed_tags listed;
    for (const auto& [tag, content] : source) listed.insert(tag);
    const bool lossy = random.below(2) == 0;
    tag_answers answers;
    for (const tag_question& q : questions_about(known, listed, reconcile_mode::digests, {})) {
      if (lossy && random.below(3) == 0) continue;
      const auto at = source.find(q.tag);
      answers[q.tag] = at == source.end() ? std::nullopt : std::optional(d(at->second));
    }
    std::map<std::string, std::string> log;
    for (const auto& [tag, says] : known) {
      if (!says.gone) log[tag] = says.digest;
    }
    for (const finding& f : findings(known, listed, answers, 5)) {
      const auto at = source.find(f.tag);
      ASSERT_EQ(f.digest, at == source.end() ? std::string() : d(at->second).text()) << "seed " << seed;
      if (f.digest.empty()) {
        log.erase(f.tag);
      } else {
        log[f.tag] = f.digest;
      }
    }
    if (lossy) continue;
    std::map<std::string, std::string> shown;
    for (const auto& [tag, content] : source) shown[tag] = d(content).text();
    ASSERT_EQ(log, shown) << "seed " << seed;
  }
}

TEST(digest_checks, the_share_of_a_run_is_taken_oldest_first) {
  constexpr std::int64_t hour = 3'600'000, day = 24 * hour;
  std::vector<checked_repository> all;
  const timestamp now{1'000 * day * 1'000};
  for (int i = 0; i < 48; ++i) all.push_back({"r" + std::to_string(i), {now.us - (i * 20 + 1) * 60'000'000LL}});
  const auto due = due_for_digests(all, now, hour, day);
  EXPECT_EQ(due.size(), 2u);
  EXPECT_TRUE(due.contains("r47") && due.contains("r46"));
  EXPECT_TRUE(due_for_digests({}, now, hour, day).empty());
  EXPECT_TRUE(due_for_digests(all, now, hour, 0).empty()) << "switched off";
  EXPECT_EQ(due_for_digests(all, now, day, day).size(), 48u);
  all.push_back({"never", {}});
  all.push_back({"never2", {}});
  all.push_back({"never3", {}});
  EXPECT_EQ(due_for_digests(all, now, hour, day).size(), 3u) << "those that are overdue are all taken";
}

TEST(digest_checks, run_after_run_each_repository_has_its_turn_in_time) {
  constexpr std::int64_t every = 3'600'000, check_every = 10 * every;
  seeded_random random(3);
  std::map<std::string, timestamp> checked;
  timestamp now{1'000'000'000'000};
  for (int i = 0; i < 101; ++i) checked["r" + std::to_string(i)] = now;
  std::size_t most = 0;
  for (int run = 0; run < 200; ++run) {
    now.us += (every - static_cast<std::int64_t>(random.below(every / 10))) * 1'000;
    std::vector<checked_repository> all;
    for (const auto& [name, at] : checked) all.push_back({name, at});
    const auto due = due_for_digests(all, now, every, check_every);
    most = std::max(most, due.size());
    for (const auto& name : due) checked[name] = now;
    for (const auto& [name, at] : checked) ASSERT_LT(now.us - at.us, check_every * 1'000) << name;
  }
  EXPECT_EQ(most, 11u) << "and the work is spread";
}

TEST(remaining, is_told_by_the_pace_so_far) {
  EXPECT_EQ(remaining_ms({1'000'000}, {3'000'000}, 4, 10), 3'000);
  EXPECT_EQ(remaining_ms({1'000'000}, {3'000'000}, 10, 10), 0);
  EXPECT_EQ(remaining_ms({1'000'000}, {3'000'000}, 0, 10), std::nullopt);
  EXPECT_EQ(remaining_ms({3'000'000}, {1'000'000}, 4, 10), std::nullopt);
}

}  // namespace
}  // namespace longshore::engine
