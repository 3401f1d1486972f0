#pragma once

// Connections kept per origin, and the right to use one: a lease.
//
// At most `per_host` leases of an origin exist at a time; streams may hold all but `kept_for_small` of them, so
// that small requests never wait for blobs. Further callers queue, oldest first; acquire() fails with busy when the
// queue is full. A lease gives back its slot when released or destroyed; a connection only when it was kept.
// Where host_limits govern the pool, what they allow holds if it is less. resume() never waits: whoever goes on with a
// blob holds a connection of the other registry meanwhile, and two such could wait for each other for ever; so could
// whoever needs a token for that.
// Idle connections older than the idle limit are dropped at the next use of the pool. One executor only.

#include <deque>
#include <map>
#include <memory>
#include <tuple>

#include "api/connection.h"
#include "api/http_message.h"

namespace longshore::api {

struct pool_limits {
  std::size_t per_host = 8;
  std::size_t kept_for_small = 2;
  std::size_t waiters_max = 1'024;
  std::size_t hosts_max = 256;
  std::chrono::seconds idle_max{60};
};

struct pool_key {
  std::string host;
  std::uint16_t port = 0;
  bool secure = false;
  local_reach reach = local_reach::all;
  auto operator<=>(const pool_key&) const = default;
};

class connection_pool;
class host_limits;

class connection_lease {
 public:
  connection_lease() = default;
  connection_lease(connection_lease&& other) noexcept;
  connection_lease& operator=(connection_lease&& other) noexcept;
  ~connection_lease() { release(); }

  explicit operator bool() const { return pool_ != nullptr; }
  connection* get() const { return connection_.get(); }
  void put(std::unique_ptr<connection> c) { connection_ = std::move(c); }
  void drop_connection() { connection_.reset(); }
  // Ends the lease; the connection is free for the next one.
  void keep();
  // Ends the lease; the connection is closed.
  void release();

 private:
  friend class connection_pool;
  connection_lease(std::shared_ptr<connection_pool> pool, pool_key key, traffic lane, std::unique_ptr<connection> c);
  std::shared_ptr<connection_pool> pool_;
  pool_key key_;
  traffic lane_ = traffic::small;
  std::unique_ptr<connection> connection_;
};

class connection_pool : public std::enable_shared_from_this<connection_pool> {
 public:
  // A null governor: only the limits given.
  connection_pool(boost::asio::any_io_executor executor, pool_limits limits, std::shared_ptr<host_limits> governor);
  ~connection_pool();
  // A lease, holding an idle connection where there is a live one.
  task<connection_lease> acquire(pool_key key, traffic lane);
  // The same at once, over the limit if need be.
  result<connection_lease> resume(const pool_key& key, traffic lane);
  std::size_t idle(const pool_key& key) const;
  std::size_t in_use(const pool_key& key) const;

 private:
  friend class connection_lease;
  struct waiter;
  struct host;
  std::size_t limit() const;
  result<host*> host_of(const pool_key& key);
  bool may_take(const host& h, traffic lane) const;
  void take(host& h, traffic lane);
  void give_back(const pool_key& key, traffic lane, std::unique_ptr<connection> kept);
  void wake(host& h);
  void prune();
  std::unique_ptr<connection> idle_connection(host& h);

  boost::asio::any_io_executor executor_;
  pool_limits limits_;
  std::shared_ptr<host_limits> governor_;
  std::map<pool_key, std::unique_ptr<host>> hosts_;
};

}  // namespace longshore::api
