#include "engine/source_reader.h"

#include <algorithm>

#include "engine/failure.h"

namespace longshore::engine {
namespace {

constexpr std::uint64_t attempts_max = 4;
constexpr std::size_t names_max = 4'000'000;

}  // namespace

template <class T, class Ask>
task<T> source_reader::patiently(Ask ask) {
  std::int64_t longest_us = 0, longest_pause_ms = 0;
  for (std::uint64_t attempt = 1;; ++attempt) {
    if (auto turn = co_await pace_->turn(); !turn) co_return pass(std::move(turn));
    ++requests_;
    auto answer = co_await ask();
    if (!answer) {
      longest_us = std::max(longest_us, answer.error().waited_us);
      answer.error().waited_us = longest_us;
      longest_pause_ms = std::max(longest_pause_ms, answer.error().retry_after_ms);
    }
    if (answer) co_return answer;
    error& e = answer.error();
    if (!is_passing(e.code) || attempt == attempts_max) {
      e.retry_after_ms = longest_pause_ms;
      co_return answer;
    }
    const std::int64_t wait = backoff_ms(world_->settings.patience, attempt, world_->random, e.retry_after_ms);
    if (e.code == errc::throttled) pace_->hold(wait);
    if (auto waited = co_await world_->pause.pause(wait); !waited) co_return pass(std::move(waited));
  }
}

task<tag_names> source_reader::repositories() {
  co_return co_await list_all(
      [this](std::optional<std::string> next) {
        return patiently<tag_page>([this, next] { return world_->source.list_repositories(next); });
      },
      "the repositories of " + world_->source.name(), names_max);
}

task<tag_names> source_reader::tags(std::string repository) {
  co_return co_await list_all(
      [&, this](std::optional<std::string> next) {
        return patiently<tag_page>([&repository, this, next] { return world_->source.list_tags(repository, next); });
      },
      "the tags of " + repository + " at " + world_->source.name(), names_max);
}

task<bool> source_reader::answers(std::string repository) {
  auto page = co_await patiently<tag_page>([&, this] { return world_->source.list_tags(repository, std::nullopt); });
  if (!page && page.error().code == errc::stopped) co_return pass(std::move(page));
  co_return page || page.error().code == errc::not_found;
}

task<std::optional<longshore::digest>> source_reader::resolve(std::string repository, std::string tag,
                                                              std::optional<longshore::digest> known) {
  co_return co_await patiently<std::optional<longshore::digest>>([&, this] {
    return known ? world_->source.resolve_again(repository, tag, *known) : world_->source.resolve(repository, tag);
  });
}

}  // namespace longshore::engine
