// longshore reconcile: has a running primary look at its sources' registries, and shows what came of it.

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "api/url.h"
#include "tools/json_text.h"
#include "tools/online.h"
#include "tools/reconcile_text.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds ask_every{250};
constexpr const char* target = "/v1/reconcile";

struct reconcile_options {
  online_options online;
  std::vector<std::string> repositories;
  std::string source;
  bool digests = false, wait = false, status = false;
};

json::object object_of(const std::string& body) {
  boost::system::error_code ec;
  const json::value parsed = json::parse(body, ec);
  return ec || !parsed.is_object() ? json::object() : parsed.as_object();
}

// The objects of an array member of an answer; none when it has none.
std::optional<json::array> objects_in(const json::object& answer, const char* member) {
  const json::value* all = answer.if_contains(member);
  if (all == nullptr || !all->is_array()) return std::nullopt;
  json::array found;
  for (const json::value& one : all->as_array()) {
    if (one.is_object()) found.push_back(one);
  }
  return found;
}

struct started_run {
  std::string source, run;
  std::optional<json::value> ended;
};

class waiter {
 public:
  // said: what the site answered when it began them.
  waiter(const invocation& call, const online_site& site, std::vector<started_run> runs, json::object said)
      : call_(&call),
        site_(&site),
        runs_(std::move(runs)),
        said_(std::move(said)),
        terminal_(::isatty(STDERR_FILENO) == 1) {}

  int wait() {
    boost::asio::io_context loop(1);
    for (;;) {
      const auto answer = site_->client->ask(site_->question("GET", target));
      if (!answer || !answer->ok()) return clear(), print_answer(*call_, answer, site_->url + target);
      const auto sources = objects_in(object_of(answer->body), "sources");
      if (!sources)
        return clear(), failed(*call_, {errc::corrupt, site_->url + target + " did not answer with sources"});
      bool all = true;
      for (started_run& r : runs_) all = is_over(r, *sources) && all;
      if (!halted_.empty()) return clear(), failed(*call_, {errc::unavailable, halted_});
      if (all) return clear(), told();
      boost::asio::steady_timer pause(loop, ask_every);
      pause.wait();
    }
  }

 private:
  bool is_over(started_run& r, const json::array& sources) {
    for (const json::value& s : sources) {
      if (r.ended || text_at(s, "/source") != r.source) continue;
      if (const auto problem = text_at(s, "/error"); !problem.empty()) halted_ = r.source + ": " + problem;
      const json::value* running = s.as_object().if_contains("running");
      const bool runs = running != nullptr && running->is_object();
      if (runs) show(r.source, *running);
      if (text_at(s, "/queued") == r.run || (runs && text_at(*running, "/run") == r.run)) return false;
      const json::value* ended = s.as_object().if_contains("ended");
      if (ended != nullptr && ended->is_array()) {
        for (const json::value& one : ended->as_array()) {
          if (one.is_object() && text_at(one, "/run") == r.run) r.ended = one;
        }
      }
      if (!r.ended) halted_ = r.source + ": the run " + r.run + " is not known any more; was the site restarted?";
    }
    if (!r.ended && halted_.empty()) halted_ = r.source + " is no source of the site any more";
    return r.ended.has_value();
  }

  void show(const std::string& source, const json::value& running) {
    if (!terminal_) return;
    std::string line = source + ": " + with_commas(number_at(running, "/repositories_done")) + " of " +
                       with_commas(number_at(running, "/repositories")) + " repositories, " +
                       with_commas(number_at(running, "/tags")) + " tags, " +
                       with_commas(number_at(running, "/requests")) + " requests, " +
                       with_commas(number_at(running, "/findings")) + " found";
    if (const json::value* left = running.as_object().if_contains("remaining_seconds");
        left != nullptr && left->is_double()) {
      line += ", " + with_commas(static_cast<std::uint64_t>(left->get_double())) + " s left";
    }
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    shown_ = true;
  }
  void clear() const {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }

  int told() const {
    std::size_t complete = 0;
    json::array all;
    for (const started_run& r : runs_) {
      const json::value& e = *r.ended;
      if (flag_at(e, "/complete")) ++complete;
      if (!call_->json) {
        std::printf("%s: %s, %s, %s, %s, %s found%s%s\n", r.source.c_str(),
                    flag_at(e, "/complete") ? "complete" : "not complete",
                    counted(number_at(e, "/repositories_done"), "repository", "repositories").c_str(),
                    counted(number_at(e, "/tags"), "tag").c_str(),
                    counted(number_at(e, "/requests"), "request").c_str(),
                    with_commas(number_at(e, "/findings")).c_str(), text_at(e, "/reason").empty() ? "" : ": ",
                    text_at(e, "/reason").c_str());
      }
      json::object one = e.as_object();
      one["source"] = r.source;
      all.push_back(std::move(one));
    }
    if (call_->json) {
      json::object whole = said_;
      whole["runs"] = std::move(all);
      std::printf("%s\n", json::serialize(whole).c_str());
    }
    return complete == runs_.size() ? exit_done : exit_partly_done;
  }

  const invocation* call_;
  const online_site* site_;
  std::vector<started_run> runs_;
  json::object said_;
  std::string halted_;
  bool terminal_, shown_ = false;
};

// Names what the log does not know; true: all patterns match something there.
bool tell_unknown(const json::object& answer) {
  const auto tell = [&](const char* member, const char* what) {
    const json::value* names = answer.if_contains(member);
    if (names == nullptr || !names->is_array()) return true;
    for (const json::value& name : names->as_array()) {
      if (name.is_string()) std::fprintf(stderr, "%s: %s\n", name.get_string().c_str(), what);
    }
    return names->as_array().empty();
  };
  tell("not_in_log", "the log does not know it; it is looked for at the source. Is the name right?");
  return tell("unmatched", "matches no repository that the log knows");
}

// Once all was looked at, what the source has is in the log. How many of the names asked for are not.
std::size_t tell_nowhere(const online_site& site, const json::object& answer) {
  const json::value* names = answer.if_contains("not_in_log");
  if (names == nullptr || !names->is_array()) return 0;
  std::size_t nowhere = 0;
  for (const json::value& name : names->as_array()) {
    if (!name.is_string()) continue;
    const std::string text(name.get_string());
    const auto known = site.client->ask(site.question("GET", "/v1/repositories/" + api::escape_path(text)));
    if (!known || known->status != 404) continue;
    ++nowhere;
    std::fprintf(stderr, "longshore: neither the log nor the source knows %s; is the name right?\n", text.c_str());
  }
  return nowhere;
}

int reconcile(const invocation& call, const reconcile_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  if (options.status) {
    const auto answer = site->client->ask(site->question("GET", target));
    const auto sources = answer && answer->ok() ? objects_in(object_of(answer->body), "sources") : std::nullopt;
    if (call.json || !sources) return print_answer(call, answer, site->url + target);
    std::printf("%s", reconcile_text(*sources).c_str());
    return exit_done;
  }
  json::object asked{{"mode", options.digests ? "digests" : "tags"}};
  if (!options.source.empty()) asked["source"] = options.source;
  if (!options.repositories.empty()) {
    asked["repositories"] = json::array(options.repositories.begin(), options.repositories.end());
  }
  site_question q = site->question("POST", target);
  q.content_type = "application/json";
  q.body = json::serialize(asked);
  const auto answer = site->client->ask(std::move(q));
  if (!answer || !answer->ok()) return print_answer(call, answer, site->url + target);
  const json::object said = object_of(answer->body);
  const auto begun = objects_in(said, "runs");
  if (!begun || begun->empty()) return failed(call, {errc::corrupt, site->url + target + " did not name its runs"});
  const bool all_known = tell_unknown(said);
  if (!options.wait) {
    if (call.json) {
      std::printf("%s\n", answer->body.c_str());
    } else {
      for (const json::value& r : *begun) {
        std::printf("%s: run %s asked for; longshore reconcile --status shows how it goes\n",
                    text_at(r, "/source").c_str(), text_at(r, "/run").c_str());
      }
    }
    return all_known ? exit_done : exit_partly_done;
  }
  std::vector<started_run> runs;
  for (const json::value& r : *begun) runs.push_back({text_at(r, "/source"), text_at(r, "/run"), std::nullopt});
  const int waited = waiter(call, *site, std::move(runs), said).wait();
  if (waited != exit_done) return waited;
  const std::size_t nowhere = tell_nowhere(*site, said);
  if (nowhere > 0 && nowhere == options.repositories.size()) return exit_failed;
  return nowhere > 0 || !all_known ? exit_partly_done : exit_done;
}

}  // namespace

void add_reconcile_command(CLI::App& app, invocation& call) {
  CLI::App* command =
      add_command(app, call, "reconcile", "Look at the sources' registries for what their notifications missed",
                  "longshore reconcile --digests --wait team/app", needs::config);
  auto options = std::make_shared<reconcile_options>();
  add_online_options(*command, options->online);
  CLI::Option* status =
      command->add_flag("--status", options->status, "Show what runs and how the last runs ended, and begin nothing");
  command
      ->add_option("REPOSITORY", options->repositories,
                   "Names, or globs over those that the log knows: team/*, **; default: all")
      ->excludes(status);
  command->add_option("--source", options->source, "The [[source]] whose registry to look at; default: all")
      ->excludes(status);
  command->add_flag("--digests", options->digests, "Ask for every tag's digest too, which finds moved tags")
      ->excludes(status);
  command->add_flag("--wait", options->wait, "Wait for the end; exit 3 when it was not complete")->excludes(status);
  command->callback([&call, options] { call.run = [&call, options] { return reconcile(call, *options); }; });
}

}  // namespace longshore::tools
