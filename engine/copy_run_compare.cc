// Whether a tag needs to be brought: what both ends show under it, and what another source of the run has brought.

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "engine/copy_run.h"

namespace longshore::engine {

namespace asio = boost::asio;

std::optional<copy_taken> copy_run::taken_by_another(const copy_item& item) const {
  return options_.taken ? options_.taken(item.repository, item.ref.target) : std::nullopt;
}

// Two sources may show the same for a tag; of others it would be now the one's, now the other's.
task<bool> copy_run::agrees(const copy_item& item, const copy_taken& with, std::string& digest) {
  if (with.digest.empty()) {
    co_return fail(errc::rejected, item.ref.target + " is first to come from " + with.source +
                                       ", which could not be copied: copy that again, or name one source for it");
  }
  auto shown = co_await world_->source.resolve(item.repository, item.ref.source);
  if (!shown) co_return pass(std::move(shown));
  if (!*shown) co_return fail(errc::not_found, "the source has no " + item.ref.source);
  digest = (*shown)->text();
  if (digest == with.digest) co_return true;
  co_return fail(errc::rejected, item.ref.target + " was copied there from " + with.source + " just before, as " +
                                     with.digest + "; here it is " + digest + ": name one source for it");
}

// Does the target show, under this ref, what the source shows?
task<bool> copy_run::stands(const copy_item& item, std::string& digest) {
  using namespace asio::experimental::awaitable_operators;
  if (const auto with = taken_by_another(item)) co_return co_await agrees(item, *with, digest);
  std::optional<std::string> known;
  if (options_.published) {
    auto told = options_.published(item.repository, item.ref.target);
    if (!told) co_return pass(std::move(told));
    known = *std::move(told);
  }
  if (known && item.ref.source == item.ref.target && options_.immutable && options_.immutable(item.ref.source)) {
    digest = *known;
    co_return true;
  }
  if (known) {
    auto shown = co_await world_->source.resolve(item.repository, item.ref.source);
    if (!shown) co_return pass(std::move(shown));
    if (*shown) digest = (*shown)->text();
    co_return *shown&& digest == *known;
  }
  auto [shown, there] = co_await (world_->source.resolve(item.repository, item.ref.source) &&
                                  survey_.look_at(item.repository, item.ref.target));
  if (!shown) co_return pass(std::move(shown));
  if (!there) co_return pass(std::move(there));
  if (*shown) digest = (*shown)->text();
  if (!*there) co_return false;
  target_survey::sight& sight = **there;
  const bool same = *shown && **shown == sight.digest;
  if (!sight.index) co_return same;
  // An earlier copy may have left platforms out that this one takes.
  if (same) co_return co_await survey_.look_below(item.repository, *std::move(sight.index));
  survey_.put_aside(item.repository, sight.digest);
  co_return false;
}

asio::awaitable<void> copy_run::compare(copy_item item) {
  for (int tries = 1;; ++tries) {
    std::string digest;
    auto same = co_await stands(item, digest);
    if (same) {
      host_failures_ = 0;
      if (*same) {
        sync_progress moved;
        moved.unchanged = 1;
        end({std::move(item), copy_end::unchanged, std::move(digest), {}, moved, {}});
      } else {
        missing_.push_back(std::move(item));
      }
      co_return;
    }
    if (!co_await tries_again(same.error(), tries)) {
      fail_item(std::move(item), std::move(same).error());
      co_return;
    }
  }
}

}  // namespace longshore::engine
