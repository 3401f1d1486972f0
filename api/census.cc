#include "api/census.h"

namespace longshore::api {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t shared_for_us = 5'000'000;

}  // namespace

bool census::fresh() const {
  const std::int64_t age_us = world_.now.now().us - counted_at_.us;
  return last_ && age_us >= 0 && age_us < shared_for_us;
}

asio::awaitable<result<census_figures>> census::figures() {
  while (counting_) co_await counted_.wait();
  if (fresh()) co_return *last_;
  // Also when this caller is cancelled, which throws: the next one counts.
  struct flight {
    census& of;
    explicit flight(census& c) : of(c) { of.counting_ = true; }
    ~flight() {
      of.counting_ = false;
      of.counted_.notify_all();
    }
    flight(const flight&) = delete;
    flight& operator=(const flight&) = delete;
  };
  const flight mine(*this);
  const bool follows = world_.facts().following.has_value();
  last_ = co_await thread_.run([this, follows] { return count(follows); });
  counted_at_ = world_.now.now();
  co_return *last_;
}

result<census_figures> census::count(bool follows) const {
  auto counts = count_repositories(world_.wanted, world_.done, world_.left_out);
  if (!counts) return pass(std::move(counts));
  census_figures all{*counts, std::nullopt};
  if (!follows) return all;
  const auto selects = [this](std::string_view name) { return !world_.left_out || !world_.left_out(name); };
  auto oldest = engine::oldest_open(world_.wanted, world_.done, world_.log, selects);
  if (!oldest) return pass(std::move(oldest));
  all.oldest = *std::move(oldest);
  return all;
}

}  // namespace longshore::api
