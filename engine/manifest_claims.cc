#include "engine/manifest_claims.h"

namespace longshore::engine {

manifest_claims::manifest_claims(claim_table& table) : table_(&table), us_(std::make_shared<claim_table::item>()) {}

manifest_claims::~manifest_claims() {
  for (const claim_table::place& at : ours_) table_->taken_.erase(at);
  us_->waits_for.reset();
  us_->ended.notify_all();
}

boost::asio::awaitable<bool> manifest_claims::take(std::string repository, longshore::digest d) {
  const claim_table::place key(std::move(repository), std::move(d));
  for (bool waited = false;; waited = true) {
    const auto [at, is_new] = table_->taken_.try_emplace(key, us_);
    if (is_new) ours_.push_back(key);
    const std::shared_ptr<claim_table::item> other = at->second;
    if (other == us_ || waits_for_us(*other)) co_return waited;
    us_->waits_for = other;
    co_await other->ended.wait();
    us_->waits_for.reset();
  }
}

void manifest_claims::try_take(std::string repository, longshore::digest d) {
  const auto [at, is_new] = table_->taken_.try_emplace({std::move(repository), std::move(d)}, us_);
  if (is_new) ours_.push_back(at->first);
}

// Each item waits for one other at most, so that there is one way to follow.
bool manifest_claims::waits_for_us(const claim_table::item& other) const {
  const claim_table::item* next = other.waits_for.get();
  while (next != nullptr && next != us_.get()) next = next->waits_for.get();
  return next == us_.get();
}

}  // namespace longshore::engine
