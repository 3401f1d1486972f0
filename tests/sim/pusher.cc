#include "tests/sim/pusher.h"

#include "engine/manifest.h"
#include "tests/support/memory/images.h"

namespace longshore::sim {

namespace {

using engine::testing::add_index;
using engine::testing::add_oci_image;

constexpr std::string_view tag_names[] = {"latest", "v1", "v2", "edge", "stable"};
constexpr std::string_view repository_names[] = {"app", "team/api", "team/web", "zoo"};

// What the manifests of a repository refer to, by digest.
std::set<std::string> referred(const engine::testing::memory_registry& source, const std::string& repository) {
  std::set<std::string> all;
  for (const digest& d : source.manifests(repository)) {
    const auto* m = source.manifest_at(repository, d.text());
    const auto parsed = engine::parse_manifest(m->media_type, m->bytes);
    if (!parsed) continue;
    for (const auto& r : parsed->references) all.insert(r.target.digest.text());
    if (parsed->subject) all.insert(parsed->subject->digest.text());
  }
  return all;
}

}  // namespace

std::string pusher::some_repository() { return std::string(repository_names[random_->below(options_.repositories)]); }
std::string pusher::some_tag() { return std::string(tag_names[random_->below(options_.tags)]); }

std::vector<std::string> pusher::some_layers() {
  std::vector<std::string> layers;
  for (std::size_t n = 0; n < options_.layers; ++n) {
    if (one_in(2)) layers.push_back("layer " + std::to_string(n));
  }
  if (layers.empty()) layers.push_back("layer 0");
  return layers;
}

void pusher::begin() {
  ++activities_;
  const std::uint64_t kind = random_->below(options_.deletes ? 20 : 14);
  activity a = kind < 6    ? push_image()
               : kind < 9  ? push_index()
               : kind < 10 ? push_signature()
               : kind < 11 ? push_untagged()
               : kind < 13 ? retag()
               : kind < 14 ? noise()
               : kind < 16 ? delete_tag()
               : kind < 19 ? delete_manifest()
                           : delete_repository();
  if (!a.empty()) running_.push_back(std::move(a));
}

void pusher::step() {
  std::swap(running_.back(), running_[random_->below(running_.size())]);
  activity& a = running_.back();
  const auto next = std::move(a.front());
  a.pop_front();
  if (a.empty()) running_.pop_back();
  next();
}

log::event pusher::event_of(log::event_kind kind, const std::string& repository) {
  log::event e;
  e.kind = kind;
  e.origin = "registry";
  e.id = "event-" + std::to_string(events_++);
  e.repository = repository;
  // The registry's clock is not ours.
  e.occurred = {now_->now().us + static_cast<std::int64_t>(random_->below(4'000'000)) - 2'000'000};
  return e;
}

void pusher::tell_push(const std::string& repository, const std::string& tag, const digest& d) {
  log::event e = event_of(log::event_kind::push, repository);
  e.tag = tag;
  e.digest = d.text();
  const auto* m = source_->manifest_at(repository, d.text());
  e.media_type = m == nullptr ? std::string(engine::media_type::oci_manifest) : m->media_type;
  send_(std::move(e));
}

void pusher::tell_erased(const std::string& repository, const std::string& tag, const std::string& digest_text) {
  log::event e = event_of(log::event_kind::erased, repository);
  e.tag = tag;
  e.digest = digest_text;
  send_(std::move(e));
}

void pusher::collect_garbage(const std::string& repository) {
  const auto used = referred(*source_, repository);
  for (const digest& d : source_->blobs(repository)) {
    if (!used.contains(d.text())) source_->erase_blob(repository, d);
  }
}

digest pusher::put_image(const std::string& repository, std::string_view more) {
  return one_in(4) && more.empty() ? engine::testing::add_docker_image(*source_, repository, some_layers())
                                   : add_oci_image(*source_, repository, some_layers(), more);
}

// The order of a registry: stored, told, tagged.
void pusher::store_and_tag(activity& a, const std::string& repository, const digest& d, const std::string& tag) {
  a.emplace_back([this, repository, d, tag] { tell_push(repository, tag, d); });
  if (tag.empty() || one_in(25)) return;  // the registry died before it wrote the tag
  a.emplace_back([this, repository, d, tag] {
    if (source_->manifest_at(repository, d.text()) != nullptr) source_->set_tag(repository, tag, d);
  });
}

pusher::activity pusher::push_image() {
  activity a;
  const std::string repository = some_repository();
  store_and_tag(a, repository, put_image(repository, {}), some_tag());
  return a;
}

pusher::activity pusher::push_index() {
  activity a;
  const std::string repository = some_repository();
  std::vector<digest> children;
  for (std::uint64_t n = 1 + random_->below(2); n > 0; --n) {
    children.push_back(put_image(repository, {}));
    if (one_in(2)) store_and_tag(a, repository, children.back(), {});
  }
  digest root = add_index(*source_, repository, children);
  if (one_in(4)) root = add_index(*source_, repository, {root, put_image(repository, {})});
  store_and_tag(a, repository, root, some_tag());
  return a;
}

// Each way of attaching: a subject, with a list of all under a tag where the registry keeps none; or a tag made of the
// digest. What is attached may be attached to.
pusher::activity pusher::push_signature() {
  activity a;
  const std::string repository = some_repository();
  const auto all = source_->manifests(repository);
  if (all.empty()) return a;
  const digest of = all[random_->below(all.size())];
  if (one_in(2)) {
    const auto* m = source_->manifest_at(repository, of.text());
    const std::string subject = ",\"subject\":" + engine::testing::descriptor_json(m->media_type, of, m->bytes.size());
    store_and_tag(a, repository, put_image(repository, subject), {});
    if (!source_->does.lists_referrers) list_by_tag(a, repository, of);
  } else {
    store_and_tag(a, repository, put_image(repository, {}), "sha256-" + std::string(of.hex()) + ".sig");
  }
  return a;
}

void pusher::list_by_tag(activity& a, const std::string& repository, const digest& of) {
  std::vector<digest> attached;
  for (const digest& d : source_->manifests(repository)) {
    const auto* m = source_->manifest_at(repository, d.text());
    const auto parsed = engine::parse_manifest(m->media_type, m->bytes);
    if (parsed && parsed->subject && parsed->subject->digest == of) attached.push_back(d);
  }
  store_and_tag(a, repository, add_index(*source_, repository, attached), "sha256-" + std::string(of.hex()));
}

pusher::activity pusher::push_untagged() {
  activity a;
  const std::string repository = some_repository();
  store_and_tag(a, repository, put_image(repository, {}), {});
  return a;
}

pusher::activity pusher::retag() {
  activity a;
  const std::string repository = some_repository();
  const auto all = source_->manifests(repository);
  if (!all.empty()) store_and_tag(a, repository, all[random_->below(all.size())], some_tag());
  return a;
}

pusher::activity pusher::delete_tag() {
  activity a;
  const std::string repository = some_repository();
  const std::string tag = some_tag();
  a.emplace_back([this, repository, tag] { source_->erase_tag(repository, tag); });
  a.emplace_back([this, repository, tag] { tell_erased(repository, tag, {}); });
  return a;
}

pusher::activity pusher::delete_manifest() {
  activity a;
  const std::string repository = some_repository();
  std::vector<digest> free;
  const auto used = referred(*source_, repository);
  for (const digest& d : source_->manifests(repository)) {
    if (options_.breaks_images || !used.contains(d.text())) free.push_back(d);
  }
  if (free.empty()) return a;
  const digest d = free[random_->below(free.size())];
  const auto erased = std::make_shared<bool>(false);
  a.emplace_back([this, repository, d, erased] {
    if (!options_.breaks_images && referred(*source_, repository).contains(d.text())) return;
    source_->erase_manifest(repository, d);  // and its tags
    if (options_.collects_garbage) collect_garbage(repository);
    *erased = true;
  });
  a.emplace_back([this, repository, d, erased] {
    if (*erased) tell_erased(repository, {}, d.text());
  });
  return a;
}

pusher::activity pusher::delete_repository() {
  activity a;
  const std::string repository = some_repository();
  a.emplace_back([this, repository] { source_->erase_repository(repository); });
  a.emplace_back([this, repository] { tell_erased(repository, {}, {}); });
  return a;
}

// Pulls, blobs and deletions of blobs: recorded, and nobody's work.
pusher::activity pusher::noise() {
  activity a;
  const std::string repository = some_repository();
  a.emplace_back([this, repository] {
    const std::uint64_t kind = random_->below(3);
    log::event e = event_of(kind == 0   ? log::event_kind::pull
                            : kind == 1 ? log::event_kind::push
                                        : log::event_kind::erased,
                            repository);
    e.digest = digest::of("layer " + std::to_string(random_->below(options_.layers))).text();
    e.media_type = kind == 2 ? std::string() : "application/octet-stream";
    send_(std::move(e));
  });
  return a;
}

}  // namespace longshore::sim
