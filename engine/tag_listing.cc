#include "engine/tag_listing.h"

namespace longshore::engine {

// Registries that filter a page after they cut it may send one that holds nothing new.
constexpr int idle_pages_max = 100;  // in a row

task<tag_names> list_all(page_source page_after, std::string listing, std::size_t most, std::size_t bytes_max) {
  tag_names names;
  std::size_t bytes = 0;
  std::optional<std::string> next;
  int idle_pages = 0;
  for (;;) {
    auto page = co_await page_after(next);
    if (!page) co_return pass(std::move(page), "listing " + listing);
    const std::size_t before = names.size();
    for (std::string& name : page->names) {
      const auto [at, is_new] = names.insert(std::move(name));
      if (is_new) bytes += at->size();
    }
    if (names.size() > most) {
      co_return fail(errc::too_large, "there are more than " + std::to_string(most) + " of " + listing);
    }
    if (bytes > bytes_max) {
      co_return fail(errc::too_large, listing + " are over " + std::to_string(bytes_max) + " bytes of names");
    }
    if (!page->next) co_return names;
    idle_pages = names.size() == before ? idle_pages + 1 : 0;
    if (page->next == next || idle_pages > idle_pages_max) {
      co_return fail(errc::corrupt, listing + " come in pages that do not go on");
    }
    next = std::move(page->next);
  }
}

task<tag_names> list_all_tags(registry& of, std::string repository, std::size_t most) {
  std::string listing = "the tags of " + repository + " at " + of.name();
  co_return co_await list_all(
      [&](std::optional<std::string> next) { return of.list_tags(repository, std::move(next)); }, std::move(listing),
      most);
}

}  // namespace longshore::engine
