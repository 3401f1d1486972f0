#include "engine/tag_listing.h"

namespace longshore::engine {

// Registries that filter a page after they cut it may send one that holds nothing new.
constexpr int idle_pages_max = 100;

task<tag_names> list_all_tags(registry& of, std::string repository, std::size_t most) {
  tag_names names;
  std::optional<std::string> next;
  int idle_pages = 0;
  do {
    auto page = co_await of.list_tags(repository, next);
    if (!page) co_return pass(std::move(page), "listing the tags of " + repository + " at " + of.name());
    const std::size_t before = names.size();
    for (std::string& name : page->names) names.insert(std::move(name));
    if (page->next && names.size() == before && ++idle_pages > idle_pages_max) {
      co_return fail(errc::corrupt, of.name() + " lists the tags of " + repository + " in pages that do not go on");
    }
    if (names.size() > most) {
      co_return fail(errc::too_large, of.name() + " has more than " + std::to_string(most) + " tags in " + repository);
    }
    next = std::move(page->next);
  } while (next);
  co_return names;
}

}  // namespace longshore::engine
