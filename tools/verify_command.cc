// longshore verify: has a running secondary compare what its registry holds with the source, and tells what is amiss.

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/json_text.h"
#include "tools/online.h"
#include "tools/verify_text.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

struct verify_options {
  online_options online;
  std::vector<std::string> repositories;
  bool deep = false, check_only = false, no_wait = false, status = false;
};

bool is_running(const json::value& v) { return flag_at(v, "/running"); }

// Tags that differ and are not judged: a pass has yet to bring them, or a person to decide.
std::uint64_t not_judged(const json::value& run) {
  return number_at(run, "/unsettled_tags") + number_at(run, "/parked_tags");
}

// 0 all of it was compared and found equal; 1 something is amiss, or nothing could be compared; 3 some could not be, or
// is not judged.
int verdict_of(const json::value& run) {
  if (number_at(run, "/mismatches_found") > 0) return exit_failed;
  const std::uint64_t clean = number_at(run, "/repositories/clean");
  const bool all = clean == number_at(run, "/repositories/total") && not_judged(run) == 0;
  if (all && text_at(run, "/error").empty()) return exit_done;
  const bool any = number_at(run, "/repositories/done") > number_at(run, "/repositories/unknown");
  return any ? exit_partly_done : exit_failed;
}

// Lists that grow while the run goes: each entry is printed once.
class teller {
 public:
  explicit teller(bool as_json) : json_(as_json) {}

  void tell(const json::value& run) {
    boost::system::error_code ec;
    const json::value* mismatches = run.find_pointer("/mismatches", ec);
    if (mismatches != nullptr && mismatches->is_array()) tell_new(mismatches->get_array(), mismatches_);
    const json::value* unknown = run.find_pointer("/unknown", ec);
    if (unknown != nullptr && unknown->is_array()) tell_new(unknown->get_array(), unknown_);
    const json::value* left_out = run.find_pointer("/left_out", ec);
    if (left_out != nullptr && left_out->is_array()) tell_new(left_out->get_array(), left_out_);
  }

  void sum_up(const json::value& run) const {
    if (json_) {
      json::object whole = run.as_object();
      whole.erase("mismatches");
      whole.erase("unknown");
      whole.erase("left_out");
      std::printf("%s\n", json::serialize(whole).c_str());
      return;
    }
    const auto n = [&](const char* at) { return with_commas(number_at(run, at)); };
    tell_cut("mismatches", number_at(run, "/mismatches_found"), mismatches_);
    tell_cut("repositories that could not be compared", number_at(run, "/repositories/unknown"), unknown_);
    tell_cut("tags that were not judged", not_judged(run) + number_at(run, "/skipped_tags"), left_out_);
    std::printf("%s", outcome_text(run).c_str());
    if (not_judged(run) > 0) {
      std::printf("not equal and not judged: %s still being synced, %s parked; longshore items says why each waits\n",
                  counted(number_at(run, "/unsettled_tags"), "tag").c_str(), n("/parked_tags").c_str());
    }
    // A registry that has other bytes under a digest keeps them, and what the source lacks it alone can bring.
    const std::uint64_t strange = number_at(run, "/not_in_log"), stubborn = number_at(run, "/kept_by_target");
    const std::uint64_t lacking = number_at(run, "/not_at_source");
    if (number_at(run, "/mismatches_found") > strange + stubborn + lacking) {
      std::printf("%s\n", flag_at(run, "/repair")
                              ? "what was found is being mended; longshore status shows how it goes"
                              : "nothing was mended; without --check-only it is, and the repositories "
                                "show as failed until then");
    }
    if (stubborn > 0) {
      std::printf("%s of these %s wrong bytes at the target, which keeps them: see what each says, then verify again\n",
                  with_commas(stubborn).c_str(), stubborn == 1 ? "has" : "have");
    }
    if (lacking > 0) {
      std::printf(
          "%s of these the source has no more, though the log says so; nothing is deleted for that: longshore "
          "reconcile "
          "at the primary looks whether it was deleted or lost there\n",
          with_commas(lacking).c_str());
    }
    if (strange > 0) {
      std::printf("%s of these %s not in the log and not mended from here: see what each says\n",
                  with_commas(strange).c_str(), strange == 1 ? "is" : "are");
    }
    if (number_at(run, "/skipped_tags") > 0) {
      std::printf("left out on purpose and not compared: %s\n",
                  counted(number_at(run, "/skipped_tags"), "tag").c_str());
    }
    if (const std::string why = text_at(run, "/error"); !why.empty()) std::printf("ended early: %s\n", why.c_str());
  }

 private:
  // Lists are bounded, counts are not.
  static void tell_cut(const char* of_what, std::uint64_t all, std::size_t told) {
    if (all > told) std::printf("and %s more %s\n", with_commas(all - told).c_str(), of_what);
  }
  void tell_new(const json::array& all, std::size_t& told) const {
    for (; told < all.size(); ++told) {
      const json::value& one = all[told];
      if (json_) {
        std::printf("%s\n", json::serialize(one).c_str());
      } else if (const std::string kind = text_at(one, "/kind"); !kind.empty()) {
        std::printf("%s:%s: %s: %s\n", text_at(one, "/repository").c_str(), text_at(one, "/tag").c_str(), kind.c_str(),
                    text_at(one, "/reason").c_str());
      } else if (const std::string why = text_at(one, "/not_judged"); !why.empty()) {
        std::printf("%s:%s: not judged: %s\n", text_at(one, "/repository").c_str(), text_at(one, "/reference").c_str(),
                    why.c_str());
      } else {
        std::printf("%s: unknown: %s\n", text_at(one, "/repository").c_str(), text_at(one, "/reason").c_str());
      }
    }
    std::fflush(stdout);
  }
  bool json_;
  std::size_t mismatches_ = 0, unknown_ = 0, left_out_ = 0;
};

result<json::value> ask(online_site& site, site_question q) {
  const std::string doing = site.url + q.target;
  auto answer = site.client->ask(std::move(q));
  if (!answer) return pass(std::move(answer), doing);
  if (!answer->ok()) return std::unexpected(refusal(*answer, doing));
  boost::system::error_code ec;
  json::value body = json::parse(answer->body, ec);
  if (ec || !body.is_object()) return fail(errc::corrupt, doing + " did not answer with a JSON object");
  return body;
}

// The run that goes on, or went on last, as far as it is.
int show_last(const invocation& call, online_site& site) {
  auto run = ask(site, site.question("GET", "/v1/verify"));
  if (!run) return failed(call, run.error());
  if (number_at(*run, "/run") == 0) {
    if (!call.json) std::printf("%s", not_compared_text(*run).c_str());
    return failed(call, {errc::not_found, "no verification was asked for since the site was started"});
  }
  if (!call.json) {
    std::printf("run %s, %s%s, begun %s\n", with_commas(number_at(*run, "/run")).c_str(),
                flag_at(*run, "/deep") ? "deep" : "not deep", flag_at(*run, "/repair") ? "" : ", check only",
                text_at(*run, "/started").c_str());
  }
  teller tells(call.json);
  tells.tell(*run);
  if (!is_running(*run)) {
    tells.sum_up(*run);
    if (!call.json) std::printf("%s", not_compared_text(*run).c_str());
    return verdict_of(*run);
  }
  if (call.json) {
    tells.sum_up(*run);
  } else {
    std::printf("%srunning: %s of %s\n", not_compared_text(*run).c_str(),
                with_commas(number_at(*run, "/repositories/done")).c_str(),
                counted(number_at(*run, "/repositories/total"), "repository", "repositories").c_str());
  }
  return exit_partly_done;
}

int verify(const invocation& call, const verify_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  if (options.status) return show_last(call, *site);
  json::object asked{{"deep", options.deep}, {"repair", !options.check_only}};
  if (!options.repositories.empty()) {
    asked.emplace("repositories", json::array(options.repositories.begin(), options.repositories.end()));
  }
  site_question q = site->question("POST", "/v1/verify");
  q.content_type = "application/json";
  q.body = json::serialize(asked);
  auto begun = ask(*site, std::move(q));
  if (!begun) return failed(call, begun.error());
  const std::uint64_t number = number_at(*begun, "/run");
  if (options.no_wait) {
    if (call.json)
      std::printf("%s\n", json::serialize(*begun).c_str());
    else
      std::printf("run %s has begun over %s; longshore verify --status shows how it goes\n",
                  with_commas(number).c_str(),
                  counted(number_at(*begun, "/repositories"), "repository", "repositories").c_str());
    return exit_done;
  }
  teller tells(call.json);
  progress_line progress("verifying", "repositories");
  for (;;) {
    auto run = ask(*site, site->question("GET", "/v1/verify?wait=1"));
    if (!run) return failed(call, run.error());
    if (number_at(*run, "/run") != number) {
      return failed(call,
                    {errc::conflict, "the site was restarted, or another verification took its place; ask again"});
    }
    progress.clear();
    tells.tell(*run);
    progress(number_at(*run, "/repositories/done"), number_at(*run, "/repositories/total"));
    if (is_running(*run)) continue;
    progress.clear();
    tells.sum_up(*run);
    return verdict_of(*run);
  }
}

}  // namespace

void add_verify_command(CLI::App& app, invocation& call) {
  CLI::App* command =
      add_command(app, call, "verify", "Compare what the target registry holds with the source, image by image",
                  "longshore verify 'team/*' --deep", needs::config);
  auto chosen = std::make_shared<verify_options>();
  add_online_options(*command, chosen->online);
  CLI::Option* status = command->add_flag("--status", chosen->status,
                                          "Show the run that goes on, or the last, and begin nothing; 3: it runs");
  command->add_option("REPOSITORY", chosen->repositories, "Repositories, or globs over their names; default: all")
      ->excludes(status);
  command->add_flag("--deep", chosen->deep, "Read every blob of the target and hash it")->excludes(status);
  command->add_flag("--check-only", chosen->check_only, "Tell what is amiss, and mend nothing")->excludes(status);
  command->add_flag("--no-wait", chosen->no_wait, "Begin, and return at once")->excludes(status);
  command->callback([&call, chosen] { call.run = [&call, chosen] { return verify(call, *chosen); }; });
}

}  // namespace longshore::tools
