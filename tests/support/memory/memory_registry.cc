#include "tests/support/memory/memory_registry.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/manifest.h"
#include "storage/env/ensure.h"

namespace longshore::engine::testing {

namespace asio = boost::asio;

void memory_registry::fail_operation(std::uint64_t n, error e, fault_at at) {
  faults_.insert_or_assign(operations_ + n, fault{std::move(e), at});
}

task<std::optional<error>> memory_registry::enter(std::string verb, std::string repository, std::string ref) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  const std::uint64_t number = operations_++;
  calls_.push_back({verb, std::move(repository), std::move(ref)});
  const timestamp asked = time == nullptr ? timestamp{} : time->now();
  const auto waited_for = [&](error e) {
    if (time != nullptr && e.waited_us == 0) e.waited_us = time->now().us - asked.us;
    return e;
  };
  if (before) before(call(calls_.back()));
  while (verb == stalled_verb_) co_await stalled_.wait();
  if (always_) co_return std::unexpected<error>(waited_for(*always_));
  if (faults) {
    if (auto f = faults(calls_.back())) {
      if (f->at == fault_at::before) co_return std::unexpected<error>(waited_for(std::move(f->what)));
      co_return waited_for(std::move(f->what));
    }
  }
  const auto at = faults_.find(number);
  if (at == faults_.end()) co_return std::optional<error>();
  if (at->second.at == fault_at::before) co_return std::unexpected<error>(waited_for(at->second.what));
  co_return waited_for(at->second.what);  // the verb takes effect, the answer is lost
}

digest memory_registry::add_manifest(const std::string& repository, const std::string& type, const std::string& bytes) {
  auto d = manifest_digest(type, bytes);
  ensure(d.has_value(), "a test added a manifest that has no digest");
  repositories_[repository].manifests.insert_or_assign(d->text(), manifest_document{type, bytes, *d});
  return *d;
}

void memory_registry::set_tag(const std::string& repository, const std::string& tag, const digest& d) {
  repositories_[repository].tags[tag] = d.text();
}

void memory_registry::erase_tag(const std::string& repository, const std::string& tag) {
  repositories_[repository].tags.erase(tag);
}

void memory_registry::erase_manifest(const std::string& repository, const digest& d) {
  auto& content = repositories_[repository];
  content.manifests.erase(d.text());
  std::erase_if(content.tags, [&](const auto& t) { return t.second == d.text(); });
}

std::optional<digest> memory_registry::tag(const std::string& repository, const std::string& name) const {
  const manifest_document* m = manifest_at(repository, name);
  return m == nullptr ? std::nullopt : std::optional(m->digest);
}

const manifest_document* memory_registry::manifest_at(const std::string& repository, const std::string& ref) const {
  const auto r = repositories_.find(repository);
  if (r == repositories_.end()) return nullptr;
  const auto t = r->second.tags.find(ref);
  const auto m = r->second.manifests.find(t == r->second.tags.end() ? ref : t->second);
  return m == r->second.manifests.end() ? nullptr : &m->second;
}

std::map<std::string, std::string> memory_registry::tags(const std::string& repository) const {
  const auto r = repositories_.find(repository);
  return r == repositories_.end() ? std::map<std::string, std::string>() : r->second.tags;
}

std::size_t memory_registry::count(std::string_view verb, std::string_view ref) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls_, [&](const call& c) { return c.verb == verb && (ref.empty() || c.ref == ref); }));
}

std::vector<std::string> memory_registry::repositories() const {
  std::vector<std::string> names;
  for (const auto& [name, content] : repositories_) names.push_back(name);
  return names;
}

std::vector<digest> memory_registry::manifests(const std::string& repository) const {
  std::vector<digest> all;
  const auto r = repositories_.find(repository);
  if (r == repositories_.end()) return all;
  for (const auto& [text, m] : r->second.manifests) all.push_back(m.digest);
  return all;
}

std::vector<digest> memory_registry::blobs(const std::string& repository) const {
  std::vector<digest> all;
  const auto r = repositories_.find(repository);
  if (r == repositories_.end()) return all;
  for (const auto& [text, b] : r->second.blobs) all.push_back(*digest::parse(text));
  return all;
}

// Names something the manifest refers to that its repository lacks; empty: nothing.
std::string memory_registry::missing_content(const std::string& repository, std::string_view type,
                                             std::string_view bytes, bool deep) const {
  const auto parsed = parse_manifest(type, bytes);
  if (!parsed) return parsed.error().text;
  for (const manifest_reference& r : parsed->references) {
    const manifest_document* m = manifest_at(repository, r.target.digest.text());
    if (m == nullptr && blob(repository, r.target.digest) == nullptr) return r.target.digest.text();
    if (m == nullptr || !deep) continue;
    if (auto below = missing_content(repository, m->media_type, m->bytes, true); !below.empty()) return below;
  }
  return {};
}

bool memory_registry::is_whole(const std::string& repository, const digest& d) const {
  const manifest_document* m = manifest_at(repository, d.text());
  return m != nullptr && missing_content(repository, m->media_type, m->bytes, true).empty();
}

void memory_registry::check_tag(const std::string& repository, const std::string& tag) {
  const manifest_document* m = manifest_at(repository, tag);
  const auto missing = missing_content(repository, m->media_type, m->bytes, true);
  if (!missing.empty()) violations_.push_back(repository + ":" + tag + " was published without " + missing);
}

task<manifest_document> memory_registry::get_manifest(std::string repository, std::string ref) {
  auto lost = co_await enter("get_manifest", repository, ref);
  if (!lost) co_return pass(std::move(lost));
  const manifest_document* m = manifest_at(repository, ref);
  if (*lost) co_return std::unexpected<error>(**lost);
  const auto d = digest::parse(ref);
  if (m == nullptr && does.breaks_on_blobs_as_manifests && d && blob(repository, *d) != nullptr) {
    co_return fail(errc::unavailable, "500 of " + ref);
  }
  if (m == nullptr) co_return fail(errc::not_found, "MANIFEST_UNKNOWN: " + ref);
  co_return *m;
}

task<std::optional<digest>> memory_registry::resolve(std::string repository, std::string ref) {
  auto lost = co_await enter("resolve", repository, ref);
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  const manifest_document* m = manifest_at(repository, ref);
  co_return m == nullptr ? std::nullopt : std::optional(m->digest);
}

task<digest> memory_registry::put_manifest(std::string repository, std::string ref, std::string media_type,
                                           std::string bytes) {
  auto lost = co_await enter("put_manifest", repository, ref);
  if (!lost) co_return pass(std::move(lost));
  if (does.refused_types.contains(media_type)) co_return fail(errc::rejected, "MANIFEST_INVALID: " + media_type);
  if (does.checks_content) {
    const auto missing = missing_content(repository, media_type, bytes, false);
    if (!missing.empty()) co_return fail(errc::rejected, "MANIFEST_BLOB_UNKNOWN: " + missing);
  }
  auto d = manifest_digest(media_type, bytes);
  if (!d) co_return pass(std::move(d));
  const bool by_digest = ref.find(':') != std::string::npos;
  if (by_digest) {
    auto named = digest::parse(ref);
    if (!named) co_return pass(std::move(named));
    d = manifest_digest(media_type, bytes, named->algorithm());
    if (*d != *named) co_return fail(errc::rejected, "DIGEST_INVALID: " + d->text());
  }
  repositories_[repository].manifests.insert_or_assign(d->text(), manifest_document{media_type, bytes, *d});
  if (!by_digest) {
    repositories_[repository].tags[ref] = d->text();
    check_tag(repository, ref);
  }
  if (*lost) co_return std::unexpected<error>(**lost);
  co_return *d;
}

task<> memory_registry::delete_tag(std::string repository, std::string tag) {
  auto lost = co_await enter("delete_tag", repository, tag);
  if (!lost) co_return pass(std::move(lost));
  if (!does.deletes_tags) co_return fail(errc::unsupported, "UNSUPPORTED: deleting a tag");
  if (repositories_[repository].tags.erase(tag) == 0) co_return fail(errc::not_found, "MANIFEST_UNKNOWN");
  if (*lost) co_return std::unexpected<error>(**lost);
  co_return result<void>();
}

task<> memory_registry::delete_manifest(std::string repository, digest d) {
  auto lost = co_await enter("delete_manifest", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  if (!does.deletes_manifests) co_return fail(errc::unsupported, "UNSUPPORTED: deletes are disabled");
  if (manifest_at(repository, d.text()) == nullptr) co_return fail(errc::not_found, "MANIFEST_UNKNOWN");
  erase_manifest(repository, d);
  if (*lost) co_return std::unexpected<error>(**lost);
  co_return result<void>();
}

tag_page memory_registry::page_of(const std::vector<std::string>& names, const std::optional<std::string>& next) const {
  tag_page page;
  for (const std::string& name : names) {
    if (next && name <= *next) continue;
    if (page.names.size() == does.tags_per_page) {
      page.next = page.names.back();
      break;
    }
    page.names.push_back(name);
  }
  return page;
}

task<tag_page> memory_registry::list_tags(std::string repository, std::optional<std::string> next) {
  auto lost = co_await enter("list_tags", repository, {});
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  std::vector<std::string> names;
  for (const auto& [name, d] : tags(repository)) names.push_back(name);
  co_return page_of(names, next);
}

task<tag_page> memory_registry::list_repositories(std::optional<std::string> next) {
  auto lost = co_await enter("list_repositories", {}, {});
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  std::vector<std::string> names;
  for (const auto& [name, content] : repositories_) names.push_back(name);
  co_return page_of(names, next);
}

task<std::vector<descriptor>> memory_registry::referrers(std::string repository, digest d) {
  auto lost = co_await enter("referrers", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  if (!does.lists_referrers) co_return fail(errc::unsupported, "no referrers API");
  std::vector<descriptor> found;
  for (const auto& [text, m] : repositories_[repository].manifests) {
    const auto parsed = parse_manifest(m.media_type, m.bytes);
    if (parsed && parsed->subject && parsed->subject->digest == d) {
      found.push_back({m.media_type, m.digest, m.bytes.size()});
    }
  }
  co_return found;
}

}  // namespace longshore::engine::testing
