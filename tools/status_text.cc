#include "tools/status_text.h"

#include <vector>

#include "api/spoken.h"
#include "tools/command.h"
#include "tools/copy_report.h"
#include "tools/explained_rows.h"
#include "tools/json_text.h"

namespace longshore::tools {
namespace {

namespace json = boost::json;
using api::second_of;
using api::time_of;

const json::value* at(const json::value& v, const std::string& pointer) {
  boost::system::error_code ec;
  return v.find_pointer(pointer, ec);
}

bool has(const json::value& v, const std::string& pointer) {
  const json::value* found = at(v, pointer);
  return found != nullptr && !found->is_null();
}

class verdict {
 public:
  verdict(const json::value& status, const json::value& verify) : status_(&status), verify_(&verify) {}

  std::string text() {
    const bool follows = has(*status_, "/follower");
    if (follows) lag();
    if (has(*status_, "/replication")) repositories();
    if (verify_->is_object()) verified();
    sources();
    sites();
    std::string out =
        text_at(*status_, "/site") + ", " + text_at(*status_, "/role") + ": " + state_in(*status_) + "\n" + lines_;
    std::string name = "to do";
    if (const json::value* all = at(*status_, "/verdict/to_do"); all != nullptr && all->is_array()) {
      for (const json::value& one : all->get_array()) {
        if (one.is_string()) append(out, std::exchange(name, ""), visible(one.get_string()));
      }
    }
    if (!name.empty()) append(out, name, "nothing");
    return out;
  }

 private:
  static void append(std::string& to, std::string name, const std::string& what) {
    name.resize(14, ' ');
    to += name + what + "\n";
  }
  void line(std::string name, const std::string& what) { append(lines_, std::move(name), what); }

  // The log is counted from the oldest open item on, however little of it is open.
  void lag() {
    std::string shown = has(*status_, "/lag/events") ? counted(number_at(*status_, "/lag/events"), "event")
                                                     : "an unknown number of events";
    shown += " not settled";
    const auto seconds = number_at(*status_, "/lag/seconds");
    const std::string ago = seconds > 0 ? time_of(seconds) + " ago" : "";
    if (const std::string oldest = text_at(*status_, "/lag/oldest_open_item/repository"); !oldest.empty()) {
      const std::string ref = text_at(*status_, "/lag/oldest_open_item/ref");
      const json::value* more = at(*status_, "/lag/more_open_items");
      shown = std::string(more != nullptr && more->is_bool() && more->get_bool() ? "at least " : "") +
              counted(number_at(*status_, "/lag/open_items"), "item") + " open, the oldest " + oldest +
              (ref.empty() ? "" : (ref.find(':') == std::string::npos ? ":" : "@") + ref) + " at seq " +
              with_commas(number_at(*status_, "/lag/oldest_open_item/seq")) + " of " +
              with_commas(number_at(*status_, "/log/size")) + (ago.empty() ? "" : ", " + ago) + "; " + shown;
    } else if (!ago.empty()) {
      shown += ", the oldest " + ago;
    }
    line("lag", shown + "; " + text_at(*status_, "/follower/state"));
  }

  void repositories() {
    const auto n = [&](const char* name) { return number_at(*status_, std::string("/repositories/") + name); };
    line("repositories",
         counted(n("total"), "repository", "repositories") + ": " + with_commas(n("synced")) + " synced, " +
             with_commas(n("started") + n("pending")) + " to come, " + with_commas(n("failed")) + " failed, " +
             with_commas(n("skipped")) + " skipped; items: " + with_commas(n("failed_items")) + " failed, " +
             with_commas(n("parked_items")) + " parked, " + with_commas(n("skipped_items")) + " skipped");
    if (const json::value* running = at(*status_, "/replication/running");
        running != nullptr && running->is_array() && !running->get_array().empty()) {
      std::string shown = counted(running->get_array().size(), "repository", "repositories") + " at work, " +
                          with_unit(number_at(*status_, "/replication/bytes_open")) + " to go, " +
                          with_unit(number_at(*status_, "/replication/bytes_per_second")) + "/s";
      if (has(*status_, "/replication/seconds_left")) {
        shown += ", " + time_of(number_at(*status_, "/replication/seconds_left")) + " left";
      }
      line("copying", shown);
    }
  }

  void verified() {
    by_itself();
    if (number_at(*verify_, "/run") == 0) return;
    const auto n = [&](const char* name) { return number_at(*verify_, std::string("/repositories/") + name); };
    const json::value* running = at(*verify_, "/running");
    if (running != nullptr && running->is_bool() && running->get_bool()) {
      return line("verified",
                  "running: " + with_commas(n("done")) + " of " + counted(n("total"), "repository", "repositories"));
    }
    const std::uint64_t mismatches = number_at(*verify_, "/mismatches_found");
    line("verified", second_of(text_at(*verify_, "/finished")) + ": " + with_commas(n("clean")) + " of " +
                         counted(n("total"), "repository", "repositories") + " equal, " +
                         counted(mismatches, "mismatch", "mismatches") +
                         (mismatches > 0 && is_mended() ? ", mended since" : "") +
                         (n("unknown") > 0 ? ", " + with_commas(n("unknown")) + " not compared" : ""));
  }

  void by_itself() {
    const std::uint64_t looked_at = number_at(*verify_, "/scheduled/repositories/done");
    const std::uint64_t every = number_at(*verify_, "/every_seconds");
    if (looked_at == 0 && number_at(*verify_, "/run") > 0) return;
    const std::string how = every > 0 ? "each repository is by itself once in " + time_of(every)
                                      : std::string("none is by itself (verify_every = 0): longshore verify");
    if (looked_at == 0) return line("verified", before() + "; " + how);
    const std::uint64_t mismatches = number_at(*verify_, "/scheduled/mismatches_found");
    line("verified", "by itself since the start: " + with_commas(number_at(*verify_, "/scheduled/repositories/clean")) +
                         " of " + counted(looked_at, "look", "looks") + " found all equal, " +
                         counted(mismatches, "mismatch", "mismatches") +
                         (mismatches > 0 && is_mended() ? ", mended since" : ""));
  }

  // What is known of it from before the start.
  std::string before() const {
    const std::string oldest = text_at(*status_, "/repositories/oldest_verified_at");
    if (oldest.empty()) return "nobody asked since the start";
    return counted(number_at(*status_, "/repositories/verified"), "repository", "repositories") +
           " found equal at some time, longest ago at " + second_of(oldest) + "; nobody asked since the start";
  }

  // What a verification found stands in the repositories' states until it is found gone.
  bool is_mended() const {
    const auto n = [&](const char* name) { return number_at(*status_, std::string("/repositories/") + name); };
    return n("started") + n("pending") + n("failed") + n("failed_items") + n("parked_items") +
               n("skipped_with_wrong_bytes") ==
           0;
  }

  void sources() {
    const json::value* all = at(*status_, "/sources");
    if (all == nullptr || !all->is_array()) return;
    for (const json::value& s : all->get_array()) {
      const std::string name = text_at(s, "/name");
      std::string shown = has(s, "/seconds_since_event")
                              ? "newest event " + time_of(number_at(s, "/seconds_since_event")) + " ago"
                              : "no event yet";
      const json::value* looked = at(s, "/reconciled");
      if (looked != nullptr && looked->is_bool() && looked->get_bool()) {
        const std::string ended = text_at(s, "/last_complete_reconcile/ended");
        shown += ended.empty() ? ", no complete reconcile yet"
                               : ", last complete reconcile " + second_of(ended) + " (" +
                                     with_commas(number_at(s, "/last_complete_reconcile/findings")) + " found)";
      }
      line("source", name + ": " + shown);
    }
  }

  void sites() {
    const json::value* all = at(*status_, "/sites");
    if (all == nullptr || !all->is_array()) return;
    for (const json::value& s : all->get_array()) {
      line("follower",
           text_at(s, "/name") + ": " +
               (text_at(s, "/refused").empty() ? counted(number_at(s, "/lag_events"), "event") + " behind, "
                                               : std::string("cannot follow, its history is not this log's, ")) +
               (has(s, "/seconds_since_report") ? "heard of " + time_of(number_at(s, "/seconds_since_report")) + " ago"
                                                : "not heard of since the start"));
    }
  }

  const json::value* status_;
  const json::value* verify_;
  std::string lines_;
};

std::string state_of(const json::value& r) {
  std::string state = text_at(r, "/state");
  std::string open;
  for (const char* kind : {"failed", "parked"}) {
    const auto n = number_at(r, std::string("/") + kind + "_items");
    if (n > 0) open += (open.empty() ? "" : ", ") + with_commas(n) + " " + kind;
  }
  if (const auto n = number_at(r, "/wrong_bytes"); n > 0) {
    open += (open.empty() ? "" : ", ") + with_commas(n) + " with wrong bytes";
  }
  return open.empty() ? state : state + " (" + open + ")";
}

std::string seq_of(const json::value& r, const char* name) {
  return has(r, name) ? with_commas(number_at(r, name)) : std::string("-");
}

}  // namespace

std::string state_in(const json::value& status) {
  const std::string state = text_at(status, "/verdict/state");
  return state.empty() ? "unknown" : state;
}

std::string verdict_text(const json::value& status, const json::value& verify) {
  return verdict(status, verify).text();
}

std::string repositories_text(const json::array& repositories) {
  if (repositories.empty()) return "none\n";
  if (!has(repositories.front(), "/state")) return to_text(repositories);  // of a primary
  std::vector<explained_row> rows{
      {{"NAME", "STATE", "SYNCED_SEQ", "NEWEST_SEQ", "SKIPPED", "LAST_SYNCED", "RETRY_AT"}, {}}};
  for (const json::value& r : repositories) {
    explained_row e;
    e.cells = {text_at(r, "/name"),
               state_of(r),
               seq_of(r, "/synced_seq"),
               seq_of(r, "/newest_seq"),
               with_commas(number_at(r, "/skipped_items")),
               second_of(text_at(r, "/last_synced_at")),
               second_of(text_at(r, "/retry_at"))};
    e.why = text_at(r, "/skipped_by").empty() ? "" : "left out by " + text_at(r, "/skipped_by");
    if (const std::string failure = text_at(r, "/last_sync_failure"); !failure.empty()) e.why = failure;
    if (const auto n = number_at(r, "/retry_count"); n > 1) e.why += " (" + with_commas(n) + " times in a row)";
    rows.push_back(std::move(e));
  }
  return table_of(rows);
}

}  // namespace longshore::tools
