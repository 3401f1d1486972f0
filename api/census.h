#pragma once

// What monitoring is told of repositories, counted once for all who ask within a few seconds.
//
// A count reads both views whole, and nobody needs a token to ask for one: however many ask, one runs at a time, on a
// thread of its own, and who comes meanwhile waits for it. So no scraper is in the way of what must become durable.
// Runs on the server's executor. The world must outlive it, and it the server's sessions.

#include <optional>

#include "api/admin.h"
#include "engine/replication_lag.h"

namespace longshore::api {

struct census_figures {
  repository_counts counts;
  std::optional<engine::open_work> oldest;  // on a site that follows another
};

class census {
 public:
  explicit census(const admin_world& world) : world_(world) {}
  boost::asio::awaitable<result<census_figures>> figures();

 private:
  result<census_figures> count(bool follows) const;
  bool fresh() const;

  const admin_world& world_;
  std::optional<result<census_figures>> last_;
  timestamp counted_at_;
  bool counting_ = false;
  engine::wait_list counted_;
  blocking_pool thread_{1};  // last: what it runs refers to the others
};

}  // namespace longshore::api
