#pragma once

// The sites that follow this one: how far each has come, as it says itself.
//
//   PUT /v1/sites/{site}/cursor   {"size": records taken, "summary": {...}}: durable when answered with 200. The token
//                                 is the site's own, or an administrator's. 409 when the cursor would go past the
//                                 log's end, or back behind the "previous" report of the site's same process. A
//                                 report without one may set it back: the site has lost its data and began anew.
//                                 "summary": {"refused": WHY}: the site takes nothing of this log, which does not
//                                 continue its own. WHY speaks of that site as "it", is kept apart from the summary and
//                                 shown as its words. That, and a cursor past the end, is shown until it follows again.
//   DELETE /v1/sites/{site}       200: it is shown no more, until it reports again; 404: none of that name has. With an
//                                 administrator's token.
//
// Positions are kept in the log's cursors ("site/NAME") and survive a restart; summaries (at most 16 KiB each, shown as
// they were given) and the time of the report do not. At most sites_max sites. On the server's executor; the world must
// outlive its sessions.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/bearer.h"
#include "api/blocking_pool.h"
#include "api/router.h"
#include "log/cursors.h"
#include "storage/env/clock.h"

namespace longshore::api {

struct sites_world {
  log::cursors& cursors;
  const log::event_log& log;
  blocking_pool& pool;
  const clock& now;
  const token_book& followers;  // named as their sites
  const token_book& admins;
  std::function<void(const std::string&)> warn = nullptr;  // null: nobody is told
};

struct site_report {
  std::string name;
  std::uint64_t size = 0;
  timestamp reported;            // 0: not since this process started
  std::string summary = "{}";    // a JSON object
  timestamp set_back;            // when it last began anew, since this process started; 0: not
  std::string refused;           // why its history and this log's do not go together; empty: nothing speaks for that
  std::uint64_t compare_at = 0;  // when refused: how many records both had, to compare their roots over
};

// Requests that named a configured follower, with a token that is not its own, since one with the right one came.
struct wrong_tokens {
  std::uint64_t in_a_row = 0;  // with a token that is nobody's: anybody may send these
  timestamp at;                // when the last came
  std::uint64_t of_another = 0;
  timestamp of_another_at = {};
  std::string owner = {};  // whose token the last of these had
};

class sites {
 public:
  static constexpr std::size_t sites_max = 1'024;
  static constexpr std::size_t summary_bytes_max = 16u << 10;
  static constexpr std::size_t refused_bytes_max = 500;  // more is cut, and marked

  // Reads the stored cursors.
  static result<std::unique_ptr<sites>> open(sites_world world);
  void mount(router& to);
  std::vector<site_report> all() const;
  std::vector<std::string> configured() const;  // the names of those that may follow
  // By configured follower; a stranger's name is not among them.
  const std::map<std::string, wrong_tokens, std::less<>>& turned_away() const { return turned_away_; }
  wrong_tokens turned_away(std::string_view configured) const;

 private:
  explicit sites(sites_world world) : world_(world) {}
  std::optional<answer> admit(request& r);
  void note_turned_away(const request& r, const std::string* owner);
  void warn_sometimes(timestamp& last, const std::string& what);
  boost::asio::awaitable<void> put(exchange& x);
  void note_longer(const std::string& name, std::uint64_t size);
  boost::asio::awaitable<void> forget(exchange& x);

  sites_world world_;
  std::map<std::string, site_report, std::less<>> known_;
  std::map<std::string, wrong_tokens, std::less<>> turned_away_;
  timestamp warned_wrong_, warned_of_another_;
};

}  // namespace longshore::api
