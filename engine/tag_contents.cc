#include "engine/tag_contents.h"

#include "engine/tag_listing.h"

namespace longshore::engine {
namespace {

task<tag_content> look_at(registry& of, std::string repository, std::string tag, manifest_document document,
                          closure_limits limits) {
  tag_content out{std::move(tag), document.digest, {}};
  auto c = closure::of(std::move(document), closure::subjects::leave, limits);
  while (c) {
    const auto wanted = c->take_wanted();
    if (wanted.empty()) break;
    for (const longshore::digest& d : wanted) {
      out.includes.insert(d);
      auto child = co_await of.get_manifest(repository, d.text());
      if (child) {
        if (auto r = c->supply(*std::move(child)); !r) co_return pass(std::move(r));
      } else if (child.error().code == errc::not_found) {
        c->absent(d);
      } else {
        co_return pass(std::move(child), "reading " + d.text() + " at " + of.name());
      }
    }
  }
  if (!c) co_return pass(std::move(c));
  co_return out;
}

}  // namespace

task<std::vector<tag_content>> read_tag_contents(registry& of, std::string repository, std::size_t most,
                                                 closure_limits limits) {
  auto names = co_await list_all_tags(of, repository, most);
  if (!names) co_return pass(std::move(names));
  std::vector<tag_content> all;
  for (const std::string& name : *names) {
    auto document = co_await of.get_manifest(repository, name);
    if (!document && document.error().code == errc::not_found) continue;  // deleted since the listing
    if (!document) co_return pass(std::move(document), "reading tag " + name + " at " + of.name());
    auto seen = co_await look_at(of, repository, name, *std::move(document), limits);
    if (!seen) co_return pass(std::move(seen));
    all.push_back(*std::move(seen));
  }
  co_return all;
}

}  // namespace longshore::engine
