#include "engine/source_reader.h"

namespace longshore::engine {
namespace {

constexpr std::uint64_t attempts_max = 4;
constexpr std::size_t names_max = 4'000'000;
constexpr int empty_pages_max = 100;  // in a row: a listing may have short pages, but not go on for ever

bool may_pass(errc code) {
  return code == errc::throttled || code == errc::unavailable || code == errc::timed_out || code == errc::busy;
}

}  // namespace

template <class T, class Ask>
task<T> source_reader::patiently(Ask ask) {
  for (std::uint64_t attempt = 1;; ++attempt) {
    if (auto turn = co_await pace_->turn(); !turn) co_return pass(std::move(turn));
    ++requests_;
    auto answer = co_await ask();
    if (answer || !may_pass(answer.error().code) || attempt == attempts_max) co_return answer;
    const error& e = answer.error();
    const std::int64_t wait = backoff_ms(world_->settings.patience, attempt, world_->random, e.retry_after_ms);
    if (e.code == errc::throttled) pace_->hold(wait);
    if (auto waited = co_await world_->pause.pause(wait); !waited) co_return pass(std::move(waited));
  }
}

template <class Ask>
task<std::vector<std::string>> source_reader::whole(Ask page_after) {
  std::vector<std::string> names;
  std::optional<std::string> next;
  int empty_pages = 0;
  for (;;) {
    auto page = co_await patiently<tag_page>([&] { return page_after(next); });
    if (!page) co_return pass(std::move(page));
    empty_pages = page->names.empty() ? empty_pages + 1 : 0;
    names.insert(names.end(), std::make_move_iterator(page->names.begin()), std::make_move_iterator(page->names.end()));
    if (!page->next) co_return names;
    if (page->next == next || empty_pages > empty_pages_max) {
      co_return fail(errc::corrupt, world_->source.name() + " lists the same page again and again");
    }
    if (names.size() > names_max) co_return fail(errc::too_large, world_->source.name() + " lists without end");
    next = std::move(page->next);
  }
}

task<std::vector<std::string>> source_reader::repositories() {
  co_return co_await whole([this](std::optional<std::string> next) { return world_->source.list_repositories(next); });
}

task<std::vector<std::string>> source_reader::tags(std::string repository) {
  co_return co_await whole(
      [&, this](std::optional<std::string> next) { return world_->source.list_tags(repository, next); });
}

task<std::optional<longshore::digest>> source_reader::resolve(std::string repository, std::string tag,
                                                              std::optional<longshore::digest> known) {
  co_return co_await patiently<std::optional<longshore::digest>>([&, this] {
    return known ? world_->source.resolve_again(repository, tag, *known) : world_->source.resolve(repository, tag);
  });
}

}  // namespace longshore::engine
