#pragma once

// What monitoring reads:
//
//   GET /metrics   Prometheus text (its exposition format 0.0.4); README.md lists the names
//   GET /healthz   200: the process answers
//   GET /readyz    200 when the site can do its work, else 503 with what is missing
//
// No token is asked: no answer holds more than counts, and names of sources and sites. Numbers are gathered when asked
// for; those of repositories may be a few seconds old (census.h). The world must outlive the server's sessions.

#include <functional>
#include <string>

#include "api/admin.h"
#include "api/census.h"

namespace longshore::api {

struct metrics_world {
  const admin_world& shown;  // the same facts as an administrator sees
  const log::sequencer& to;
  std::function<result<void>()> ready;  // null: always
};

class metrics {
 public:
  explicit metrics(metrics_world world) : world_(std::move(world)), census_(world_.shown) {}
  void mount(router& to);

 private:
  boost::asio::awaitable<void> scrape(exchange& x);
  boost::asio::awaitable<void> readiness(exchange& x);
  metrics_world world_;
  census census_;
};

}  // namespace longshore::api
