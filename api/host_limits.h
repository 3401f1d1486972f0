#pragma once

// How much of one registry may be used, by everybody together: bytes and requests per second, connections, and the
// pause that the registry asked for with Retry-After. One object per registry; all clients of that registry share it.
//
// What counts is all that the registry's clients send and receive, token services and storage that it redirects to
// included. Bytes are those of bodies, either way, against one rate. A request waits in order of arrival; a body goes
// piece by piece (at most 256 KiB), small requests' pieces before those of blobs, but every fourth is a blob's if one
// waits. While the registry is left alone no request is sent; bodies under way go on. Connections: see
// engine/concurrency_controller.h; each client obeys connections_allowed() on its own.
//
// Without a rate nothing waits, allocates or reads a clock per piece. Waits end with errc::stopped after stop(), and
// with busy when too many wait; a cancelled wait gives back what it held. One executor; alarm's and clock's time.

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "api/alarm.h"
#include "api/http_message.h"
#include "api/limits_view.h"
#include "engine/bandwidth_schedule.h"
#include "engine/concurrency_controller.h"
#include "engine/registry.h"
#include "engine/token_bucket.h"

namespace longshore::api {

using engine::task;

struct host_limits_settings {
  std::string host;                    // as people call it
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  double requests_per_second = 0;      // 0: no limit; at most 1,000,000
  engine::bandwidth_schedule schedule;
  engine::concurrency_limits connections;
  std::int64_t retry_after_ms_max = 3'600'000;  // a registry that asks for more is asked again then
  std::size_t waiters_max = 4'096;
};

// Absent: as it is. Present without a value: as configured. With a value: that, whatever the schedule says.
struct limits_change {
  std::optional<std::optional<std::uint64_t>> bytes_per_second;
  std::optional<std::optional<double>> requests_per_second;
};

class host_limits;

// The right to move some bytes; what settle() does not account for goes back.
class byte_grant {
 public:
  byte_grant(std::shared_ptr<host_limits> of, std::size_t bytes) : of_(std::move(of)), bytes_(bytes) {}
  byte_grant(byte_grant&& other) noexcept : of_(std::move(other.of_)), bytes_(std::exchange(other.bytes_, 0)) {}
  byte_grant& operator=(byte_grant&&) = delete;
  ~byte_grant();
  std::size_t bytes() const { return bytes_; }
  void settle(std::size_t used);

 private:
  std::shared_ptr<host_limits> of_;
  std::size_t bytes_;
};

class host_limits : public std::enable_shared_from_this<host_limits> {
 public:
  // Seconds that local time is ahead of UTC at that moment.
  using offset_source = std::function<std::int64_t(timestamp)>;
  static std::shared_ptr<host_limits> create(boost::asio::any_io_executor on, const clock& wall,
                                             std::unique_ptr<alarm> time, host_limits_settings settings,
                                             offset_source local);
  // On real time and the machine's time zone.
  static std::shared_ptr<host_limits> create(const boost::asio::any_io_executor& on, const clock& wall,
                                             host_limits_settings settings);

  // Before a request: true when it may go now, and counts; else enter() waits until it may.
  bool may_enter_now();
  task<> enter();
  // Before a piece of a body, where paces_bytes(): how much of `wanted` (above 0) may move now.
  bool paces_bytes() const { return paces_bytes_; }
  task<byte_grant> take_bytes(traffic lane, std::size_t wanted);

  std::size_t connections_allowed() const { return connections_.allowed(); }
  void pressed() { connections_.pressed(); }

  // What came of a request that was sent at sent_us.
  std::int64_t now_us() const { return time_->now_us(); }
  void answered(std::int64_t sent_us, int status, std::optional<std::string_view> retry_after);
  void completed(std::int64_t sent_us, std::uint64_t body_bytes);
  void broke(std::int64_t sent_us, errc why);
  void counted_in(std::size_t n) { counters_.bytes_in += n; }
  void counted_out(std::size_t n) { counters_.bytes_out += n; }

  void change(const limits_change& c);
  host_limits_view view() const;
  void stop();

 private:
  friend class byte_grant;
  struct waiter;
  using queue = std::list<waiter*>;
  host_limits(boost::asio::any_io_executor on, const clock& wall, std::unique_ptr<alarm> time,
              host_limits_settings settings, offset_source local);
  task<> wait(queue& in, std::uint64_t cost, engine::token_bucket& from);
  void note_vain(std::string why);
  std::size_t waiting() const { return requests_.size() + small_.size() + streams_.size(); }
  std::uint64_t rate_now() const;
  void apply_rates(std::int64_t now_us);
  void look_at_schedule(std::int64_t now_us);
  void pump();
  std::optional<std::int64_t> pump_requests(std::int64_t now_us);
  std::optional<std::int64_t> pump_bytes(std::int64_t now_us);
  void refund(std::size_t bytes);

  boost::asio::any_io_executor on_;
  const clock* wall_;
  std::unique_ptr<alarm> time_;
  host_limits_settings settings_;
  offset_source local_;
  std::optional<std::uint64_t> set_bytes_;
  std::optional<double> set_requests_;
  engine::token_bucket byte_bucket_, request_bucket_;
  engine::concurrency_controller connections_;
  queue requests_, small_, streams_;
  std::uint32_t small_in_a_row_ = 0;
  std::size_t piece_max_ = 0;
  std::int64_t left_alone_until_us_ = INT64_MIN;
  std::int64_t look_again_us_ = INT64_MIN;  // at the schedule
  bool paces_bytes_ = false, stopped_ = false;
  host_counters counters_;
  vain_requests vain_;
};

}  // namespace longshore::api
