// The binary as scripts see it: exit codes, JSON on standard output, messages on standard error.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "log/event_log.h"
#include "tests/unit/tools/site_fixture.h"

namespace longshore::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct outcome {
  int code = -1;
  std::string out, err;
};

class cli : public site_fixture {
 protected:
  outcome run(const std::string& arguments) {
    const auto out = dir.path() / "stdout", err = dir.path() / "stderr";
    const std::string command = std::string("env -u LONGSHORE_CONFIG ") + SITE_PROGRAM + " " + arguments + " >" +
                                out.string() + " 2>" + err.string() + " </dev/null";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void fill() {
    append({push("team/app", "v1", digest_text('a')), push("team/app", "v2", digest_text('b')),
            push("base", "latest", digest_text('c')), push("team/app", "v1", digest_text('d'))});
  }
  // Changes stored records behind the log's back.
  void tamper(const std::function<void(storage::write_batch&, const log::event_log&)>& change) {
    auto store = open_site_store(site_path(), store_access::write);
    ASSERT_TRUE(store) << store.error().text;
    auto log = log::event_log::open(*store->db, replicated_log);
    ASSERT_TRUE(log) << log.error().text;
    storage::write_batch batch;
    change(batch, **log);
    ASSERT_TRUE(store->db->commit(batch, storage::durability::synced));
  }
  std::string site() const { return site_path().string(); }
};

TEST_F(cli, wrong_usage_is_2_and_help_is_0) {
  EXPECT_EQ(run("").code, 2);
  EXPECT_EQ(run("frobnicate").code, 2);
  EXPECT_EQ(run("log").code, 2);
  EXPECT_EQ(run("log verify").code, 2);
  EXPECT_EQ(run("status --state lost").code, 2);
  EXPECT_EQ(run("log export d --from x").code, 2);
  EXPECT_EQ(run("skip team/app").code, 2);  // without a reason
  EXPECT_EQ(run("unpark").code, 2);
  EXPECT_EQ(run("retry").code, 2);
  EXPECT_EQ(run("limits --source-bytes fast").code, 2);
  EXPECT_EQ(run("limits --target-requests -5").code, 2);
  EXPECT_EQ(run("--help").code, 0);
  EXPECT_EQ(run("--version").code, 0);
}

TEST_F(cli, an_unknown_command_is_named_with_the_nearest_known_one) {
  const outcome resync = run("resync team/app");
  EXPECT_EQ(resync.code, 2);
  EXPECT_EQ(resync.err, "longshore: there is no command 'resync'; did you mean 'sync'? longshore --help lists them\n");
  EXPECT_THAT(run("log xyzzy").err, HasSubstr("there is no command 'xyzzy'; longshore log --help"));
  EXPECT_THAT(run("log").err, Not(HasSubstr("there is no command")));
  EXPECT_THAT(run("skip --help").out, HasSubstr("open items"));
}

TEST_F(cli, an_unknown_option_is_named_with_what_was_meant) {
  const outcome begun = run("status --repos");
  EXPECT_EQ(begun.code, 2);
  EXPECT_EQ(begun.err,
            "longshore: status has no option --repos; did you mean --repositories?; longshore status --help\n");
  EXPECT_THAT(run("copy docker://h/a docker://h/b --tag=v1").err, HasSubstr("did you mean --tags?"));
  EXPECT_THAT(run("log tail --folow").err, HasSubstr("log tail has no option --folow; did you mean --follow?"));
  EXPECT_THAT(run("status --xyzzyxyzzy").err, HasSubstr("status has no option --xyzzyxyzzy; longshore status"));
  EXPECT_THAT(run("log show abc").err, HasSubstr("\"abc\" is no number, which SEQ takes"));
}

TEST_F(cli, what_is_wrong_with_an_image_is_said_once) {
  const std::string said = run("copy docker-archive:d.tar docker://h/b").err;
  EXPECT_EQ(said.find("docker-archive:d.tar"), said.rfind("docker-archive:d.tar")) << said;
  EXPECT_THAT(run("plan docker://longshore-team/app:v2.0 docker://127.0.0.1:1/app").err,
              HasSubstr("is taken for a host"));
}

TEST_F(cli, every_command_has_help_with_an_example_and_its_exit_codes) {
  for (const char* command :
       {"serve", "status", "sync", "skip", "unpark", "retry", "items", "limits", "log tail", "log show", "log verify",
        "log export", "audit state", "rebuild-views", "reconcile", "doctor"}) {
    const outcome help = run(std::string(command) + " --help");
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr(std::string("longshore ") + command)) << command;
    EXPECT_THAT(help.out, HasSubstr("Example:")) << command;
    EXPECT_THAT(help.out, HasSubstr("Exit codes:")) << command;
    EXPECT_THAT(help.out, HasSubstr("--json")) << command;
    for (const char* place : {"REPOSITORY TEXT", "DIR TEXT", "SEQ UINT"}) EXPECT_THAT(help.out, Not(HasSubstr(place)));
  }
}

TEST_F(cli, a_sound_log_verifies) {
  fill();
  const outcome text = run("log verify " + site());
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("4 records sound"));
  const outcome answer = run("log verify --json " + site());
  EXPECT_EQ(answer.code, 0);
  const auto parsed = boost::json::parse(answer.out);
  EXPECT_TRUE(parsed.at("verified").as_bool());
  EXPECT_EQ(parsed.at("logs").at(0).at("sound").as_int64(), 4);
}

TEST_F(cli, two_logs_are_compared_by_the_root_over_the_records_that_both_have) {
  fill();
  std::string root;
  tamper([&](storage::write_batch&, const log::event_log& log) { root = to_hex(log.root_at(2).value()); });
  const outcome text = run("log verify --size 2 " + site());
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("log      the first 2 records, root " + root + "\n"));
  EXPECT_THAT(text.out, HasSubstr("4 records sound"));
  const auto answer = boost::json::parse(run("log verify --json --size 2 " + site()).out);
  EXPECT_EQ(answer.at("logs").at(0).at("at").at("size"), 2);
  EXPECT_EQ(answer.at("logs").at(0).at("at").at("root").as_string(), root);
  EXPECT_FALSE(answer.at("logs").at(1).as_object().contains("at")) << "a journal is one site's alone";
  EXPECT_EQ(run("log verify --size 4 " + site()).code, 0);
  const outcome more = run("log verify --json --size 5 " + site());
  EXPECT_EQ(more.code, 1);
  EXPECT_EQ(boost::json::parse(more.out).at("errors").at(0).at("code").as_string(), "not_found");
  EXPECT_THAT(more.err, HasSubstr("the log has 4"));
  EXPECT_EQ(run("log verify --size -1 " + site()).code, 2);
}

TEST_F(cli, of_a_damaged_log_the_root_before_the_damage_is_known) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) { batch.erase(log.records(), to_key(2)); });
  const outcome before = run("log verify --size 2 " + site());
  EXPECT_EQ(before.code, 1);
  EXPECT_THAT(before.out, HasSubstr("the first 2 records, root "));
  const outcome behind = run("log verify --size 3 " + site());
  EXPECT_EQ(behind.code, 1);
  EXPECT_THAT(behind.out, AllOf(HasSubstr("BAD record 2"), Not(HasSubstr("the first 3"))));
}

TEST_F(cli, a_flipped_bit_is_named) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) {
    std::string record = log.record({2}).value();
    record[record.find("latest")] ^= 1;
    batch.put(log.records(), to_key(2), record);
  });
  const outcome verify = run("log verify " + site());
  EXPECT_EQ(verify.code, 1);
  EXPECT_THAT(verify.out, HasSubstr("BAD record 2"));
}

TEST_F(cli, a_dropped_record_is_named) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) { batch.erase(log.records(), to_key(1)); });
  const outcome verify = run("log verify --json " + site());
  EXPECT_EQ(verify.code, 1);
  EXPECT_EQ(boost::json::parse(verify.out).at("logs").at(0).at("bad").at("seq").as_int64(), 1);
}

TEST_F(cli, swapped_records_are_named_at_the_first) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) {
    const std::string first = log.record({1}).value(), second = log.record({2}).value();
    batch.put(log.records(), to_key(1), second);
    batch.put(log.records(), to_key(2), first);
  });
  const outcome verify = run("log verify " + site());
  EXPECT_EQ(verify.code, 1);
  EXPECT_THAT(verify.out, HasSubstr("BAD record 1"));
}

TEST_F(cli, verifying_nothing_fails_and_creates_nothing) {
  const outcome verify = run("log verify --json " + (dir.path() / "none").string());
  EXPECT_EQ(verify.code, 1);
  EXPECT_EQ(boost::json::parse(verify.out).at("errors").at(0).at("code").as_string(), "not_found");
  EXPECT_THAT(verify.err, HasSubstr("longshore: "));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "none"));
}

TEST_F(cli, the_state_at_a_seq_shows_tags_as_they_were) {
  fill();
  const outcome then = run("audit state " + site() + " --at 2 --repository team/app");
  EXPECT_EQ(then.code, 0) << then.err;
  EXPECT_THAT(then.out, HasSubstr(digest_text('a')));
  EXPECT_THAT(then.out, Not(HasSubstr(digest_text('d'))));
  EXPECT_THAT(then.out, Not(HasSubstr("base")));
  const outcome end = run("audit state --json " + site());
  EXPECT_EQ(end.code, 0) << end.err;
  const auto parsed = boost::json::parse(end.out);
  EXPECT_EQ(parsed.at("size").as_int64(), 4);
  EXPECT_EQ(parsed.at("items").at(0).at("repository").as_string(), "base");
  EXPECT_EQ(run("audit state " + site() + " --at 4").code, 1);
  EXPECT_EQ(run("audit state " + site() + " --at never").code, 2);
  const outcome later = run("audit state " + site() + " --at 2200-01-01T00:00:00Z");
  EXPECT_EQ(later.code, 0);
  EXPECT_THAT(later.err, HasSubstr("before --at: what came after it is not told"));
  EXPECT_EQ(run("audit state " + site() + " --at 2").err, "");
  const outcome unknown = run("audit state " + site() + " --repository taem/app");
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no tag or manifest of taem/app"));
  EXPECT_EQ(run("audit state " + site() + " --repository base --at 1").code, 1) << "it was not known yet";
}

TEST_F(cli, the_state_names_the_manifests_that_are_gone) {
  fill();
  log::event gone = erased("team/app", "");
  gone.digest = digest_text('b');
  append({gone});
  EXPECT_THAT(run("audit state " + site()).out, Not(HasSubstr(digest_text('b'))));
  const outcome deleted = run("audit state --deleted " + site());
  EXPECT_EQ(deleted.code, 0) << deleted.err;
  EXPECT_THAT(deleted.out, HasSubstr(digest_text('b') + " (gone)"));
  EXPECT_THAT(deleted.out, Not(HasSubstr(digest_text('d') + " (gone)"))) << "that tag is there";
}

TEST_F(cli, an_export_is_one_json_record_a_line) {
  fill();
  const outcome exported = run("log export " + site());
  EXPECT_EQ(exported.code, 0) << exported.err;
  std::istringstream lines(exported.out);
  std::int64_t seq = 0;
  for (std::string line; std::getline(lines, line); ++seq) {
    EXPECT_EQ(boost::json::parse(line).at("seq").as_int64(), seq);
  }
  EXPECT_EQ(seq, 4);
  const outcome end = run("log export " + site() + " --from 4");
  EXPECT_EQ(end.code, 0) << "nothing is new";
  EXPECT_THAT(end.out, IsEmpty());
  const outcome beyond = run("log export " + site() + " --from 5");
  EXPECT_EQ(beyond.code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("the log has 4"));
}

TEST_F(cli, an_export_that_meets_damage_is_partly_done) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) { batch.erase(log.records(), to_key(2)); });
  const outcome exported = run("log export " + site());
  EXPECT_EQ(exported.code, 3);
  EXPECT_EQ(std::ranges::count(exported.out, '\n'), 2);
  EXPECT_THAT(exported.err, HasSubstr("2"));
}

TEST_F(cli, a_damaged_log_is_not_said_to_be_mended_by_new_views) {
  fill();
  tamper([](storage::write_batch& batch, const log::event_log& log) { batch.erase(log.records(), to_key(2)); });
  for (const char* command : {"rebuild-views ", "audit state ", "log export ", "log show 2 --dir "}) {
    const outcome done = run(command + site());
    EXPECT_NE(done.code, 0) << command;
    EXPECT_THAT(done.err, HasSubstr("longshore log verify " + site())) << command;
    EXPECT_THAT(done.err, HasSubstr("Restore the directory")) << command;
    EXPECT_THAT(done.err, Not(HasSubstr("rebuild-views"))) << command;
  }
  EXPECT_THAT(run("log verify " + site()).err, Not(HasSubstr("rebuild-views")));
}

TEST_F(cli, a_database_that_cannot_be_opened_is_not_said_to_be_mended_by_new_views) {
  fill();
  for (const auto& file : std::filesystem::directory_iterator(site_path() / "db")) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("MANIFEST")) std::ofstream(file.path(), std::ios::binary) << std::string(512, 'x');
  }
  for (const char* command : {"rebuild-views ", "audit state ", "log verify "}) {
    const outcome done = run(command + site());
    EXPECT_EQ(done.code, 1) << command;
    EXPECT_THAT(done.err, HasSubstr("restore the directory")) << done.err;
    EXPECT_THAT(done.err, Not(HasSubstr("rebuild-views"))) << command;
  }
}

TEST_F(cli, a_directory_is_no_configuration) {
  const outcome served = run("serve --config " + dir.path().string());
  EXPECT_EQ(served.code, 1);
  EXPECT_THAT(served.err, HasSubstr("it is a directory; name a file"));
}

TEST_F(cli, a_state_that_is_somebody_elses_directory_is_left_as_it_is) {
  std::filesystem::create_directories(dir.path() / "cfg");
  dir.write("cfg/letter", "dear");
  const outcome copied =
      run("copy docker://127.0.0.1:1/a docker://127.0.0.1:2/a --state " + (dir.path() / "cfg").string());
  EXPECT_NE(copied.code, 0);
  EXPECT_THAT(copied.err, HasSubstr("other files"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "cfg" / "LOCK"));
}

TEST_F(cli, a_record_is_shown_from_a_stopped_site) {
  fill();
  const outcome shown = run("log show 3 --dir " + site());
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr(digest_text('d')));
  EXPECT_EQ(run("log show 4 --dir " + site()).code, 1);
  const outcome below = run("log show --dir " + site() + " -- -1");
  EXPECT_EQ(below.code, 2);
  EXPECT_THAT(below.err, HasSubstr("-1 is below 0"));
}

TEST_F(cli, a_span_of_records_that_ends_before_it_begins_is_wrong_usage) {
  fill();
  EXPECT_EQ(run("log export " + site() + " --from 3 --to 1").code, 2);
  const outcome none = run("log export " + site() + " --from 3 --to 3");
  EXPECT_EQ(none.code, 0) << none.err;
  EXPECT_EQ(none.out, "");
}

TEST_F(cli, rebuilt_views_are_reported) {
  fill();
  const outcome rebuilt = run("rebuild-views --json " + site());
  EXPECT_EQ(rebuilt.code, 0) << rebuilt.err;
  for (const auto& view : boost::json::parse(rebuilt.out).at("views").as_array()) {
    EXPECT_FALSE(view.at("changed").as_bool());
  }
}

TEST_F(cli, a_configuration_that_is_wrong_fails_with_the_line) {
  const std::string file = dir.write("bad.toml", "[site]\nnane = \"x\"\n").string();
  for (const char* command : {"serve", "status", "doctor", "log tail"}) {
    const outcome failed = run(std::string(command) + " --config " + file);
    EXPECT_EQ(failed.code, 1) << command;
    EXPECT_THAT(failed.out + failed.err, HasSubstr("bad.toml:2")) << command;
  }
}

TEST_F(cli, asking_a_site_that_is_not_running_fails_with_a_remedy) {
  // Nothing listens on the discard port of this machine's loopback.
  const std::string file = dir.write("site.toml",
                                     "[site]\nname = \"a\"\nrole = \"primary\"\ndata_dir = \"d\"\n"
                                     "[listen]\naddress = \"127.0.0.1:9\"\n"
                                     "[admin]\ntoken = \"an-admin-token-of-good-length\"\n")
                               .string();
  const outcome status = run("status --config " + file);
  EXPECT_EQ(status.code, 1);
  EXPECT_THAT(status.out, IsEmpty());
  EXPECT_THAT(status.err, HasSubstr("is the site running?"));
  EXPECT_EQ(run("log tail --config " + file).code, 1);
  EXPECT_EQ(run("sync team/app --config " + file).code, 1);
  EXPECT_EQ(run("sync 'team/*' --config " + file).code, 1);
  EXPECT_EQ(run("retry 'team/*' --config " + file).code, 1);
  const outcome doctor = run("doctor --json --config " + file);
  EXPECT_EQ(doctor.code, 1);
  EXPECT_FALSE(boost::json::parse(doctor.out).at("healthy").as_bool());
}

}  // namespace
}  // namespace longshore::tools
