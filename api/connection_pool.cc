#include "api/connection_pool.h"

#include <algorithm>
#include <boost/asio.hpp>

#include "api/host_limits.h"
#include "storage/env/ensure.h"

namespace longshore::api {

namespace asio = boost::asio;
using monotonic = std::chrono::steady_clock;

// A caller in the queue. Lives in its coroutine; the queue holds it by shared_ptr until granted or abandoned.
struct connection_pool::waiter {
  waiter(const asio::any_io_executor& e, traffic l) : bell(e), lane(l) {
    bell.expires_at(monotonic::time_point::max());
  }
  asio::steady_timer bell;
  traffic lane;
  bool granted = false;
};

struct connection_pool::host {
  std::size_t small = 0, stream = 0;
  struct parked {
    std::unique_ptr<connection> c;
    monotonic::time_point since;
  };
  std::vector<parked> idle;
  std::deque<std::shared_ptr<waiter>> waiters;
  bool unused() const { return small + stream == 0 && idle.empty() && waiters.empty(); }
};

connection_lease::connection_lease(std::shared_ptr<connection_pool> pool, pool_key key, traffic lane,
                                   std::unique_ptr<connection> c)
    : pool_(std::move(pool)), key_(std::move(key)), lane_(lane), connection_(std::move(c)) {}

connection_lease::connection_lease(connection_lease&& other) noexcept
    : pool_(std::move(other.pool_)),
      key_(std::move(other.key_)),
      lane_(other.lane_),
      connection_(std::move(other.connection_)) {
  other.pool_.reset();
}

connection_lease& connection_lease::operator=(connection_lease&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::move(other.pool_);
    other.pool_.reset();
    key_ = std::move(other.key_);
    lane_ = other.lane_;
    connection_ = std::move(other.connection_);
  }
  return *this;
}

void connection_lease::keep() {
  if (!pool_) return;
  const auto pool = std::move(pool_);
  pool_.reset();
  pool->give_back(key_, lane_, std::move(connection_));
}

void connection_lease::release() {
  connection_.reset();
  keep();
}

connection_pool::connection_pool(asio::any_io_executor executor, pool_limits limits,
                                 std::shared_ptr<host_limits> governor)
    : executor_(std::move(executor)), limits_(limits), governor_(std::move(governor)) {
  ensure(limits_.per_host > limits_.kept_for_small, "a pool must leave a connection to streams");
}
connection_pool::~connection_pool() = default;

std::size_t connection_pool::limit() const {
  return governor_ ? std::min(limits_.per_host, governor_->connections_allowed()) : limits_.per_host;
}

bool connection_pool::may_take(const host& h, traffic lane) const {
  const std::size_t most = limit();
  if (h.small + h.stream >= most) return false;
  return lane == traffic::small || h.stream < most - std::min(limits_.kept_for_small, most - 1);
}

void connection_pool::take(host& h, traffic lane) {
  ++(lane == traffic::small ? h.small : h.stream);
  if (governor_ && !may_take(h, traffic::stream)) governor_->pressed();
}

std::unique_ptr<connection> connection_pool::idle_connection(host& h) {
  while (!h.idle.empty()) {
    auto c = std::move(h.idle.back().c);
    h.idle.pop_back();
    if (!c->idle_is_stale()) return c;
  }
  return nullptr;
}

void connection_pool::prune() {
  const auto oldest = monotonic::now() - limits_.idle_max;
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    std::erase_if(it->second->idle, [oldest](const host::parked& p) { return p.since < oldest; });
    it = it->second->unused() ? hosts_.erase(it) : std::next(it);
  }
  if (hosts_.size() < limits_.hosts_max) return;
  std::erase_if(hosts_,
                [](const auto& h) { return h.second->small + h.second->stream == 0 && h.second->waiters.empty(); });
}

result<connection_pool::host*> connection_pool::host_of(const pool_key& key) {
  prune();
  auto& slot = hosts_[key];
  if (!slot) {
    if (hosts_.size() > limits_.hosts_max) {
      hosts_.erase(key);
      return fail(errc::busy, "connections to " + std::to_string(limits_.hosts_max) + " hosts are in use at once");
    }
    slot = std::make_unique<host>();
  }
  return slot.get();
}

result<connection_lease> connection_pool::resume(const pool_key& key, traffic lane) {
  auto to = host_of(key);
  if (!to) return pass(std::move(to));
  take(**to, lane);
  return connection_lease(shared_from_this(), key, lane, idle_connection(**to));
}

task<connection_lease> connection_pool::acquire(pool_key key, traffic lane) {
  auto self = shared_from_this();
  auto to = host_of(key);
  if (!to) co_return pass(std::move(to));
  host& h = **to;
  const bool queue_before =
      std::any_of(h.waiters.begin(), h.waiters.end(), [lane](const auto& w) { return w->lane == lane; });
  if (!queue_before && may_take(h, lane)) {
    take(h, lane);
    co_return connection_lease(self, key, lane, idle_connection(h));
  }
  if (h.waiters.size() >= limits_.waiters_max) {
    co_return fail(errc::busy, std::to_string(h.waiters.size()) + " requests already wait for a connection to " +
                                   key.host + "; lower the number of concurrent jobs");
  }
  auto me = std::make_shared<waiter>(executor_, lane);
  h.waiters.push_back(me);
  // Leaves the queue, or hands on what was granted, however this coroutine ends.
  struct guard {
    connection_pool& pool;
    const pool_key& key;
    std::shared_ptr<waiter> me;
    bool armed = true;
    ~guard() {
      if (!armed) return;
      if (me->granted) {
        pool.give_back(key, me->lane, nullptr);
        return;
      }
      if (const auto it = pool.hosts_.find(key); it != pool.hosts_.end()) std::erase(it->second->waiters, me);
    }
  } leaving{*self, key, me};
  static_cast<void>(co_await me->bell.async_wait(asio::as_tuple(asio::use_awaitable)));
  if (!me->granted) co_return fail(errc::stopped, "waiting for a connection to " + key.host + " was given up");
  leaving.armed = false;
  // A granted waiter counts as in use: the host entry is there.
  co_return connection_lease(self, key, lane, idle_connection(*hosts_.at(key)));
}

void connection_pool::give_back(const pool_key& key, traffic lane, std::unique_ptr<connection> kept) {
  auto& h = *hosts_.at(key);
  auto& count = lane == traffic::small ? h.small : h.stream;
  ensure(count > 0, "a lease is given back once");
  --count;
  if (kept) h.idle.push_back({std::move(kept), monotonic::now()});
  wake(h);
}

void connection_pool::wake(host& h) {
  for (auto it = h.waiters.begin(); it != h.waiters.end();) {
    if (!may_take(h, (*it)->lane)) {
      ++it;
      continue;
    }
    take(h, (*it)->lane);
    (*it)->granted = true;
    (*it)->bell.cancel();
    it = h.waiters.erase(it);
  }
}

std::size_t connection_pool::idle(const pool_key& key) const {
  const auto it = hosts_.find(key);
  return it == hosts_.end() ? 0 : it->second->idle.size();
}

std::size_t connection_pool::in_use(const pool_key& key) const {
  const auto it = hosts_.find(key);
  return it == hosts_.end() ? 0 : it->second->small + it->second->stream;
}

}  // namespace longshore::api
