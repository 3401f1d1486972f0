#include "engine/journal_records.h"

#include <boost/json.hpp>

#include "engine/actual.h"

namespace longshore::engine::record {
namespace {

using log::event_kind;

log::event of_repository(event_kind kind, std::string repository) {
  log::event e;
  e.kind = kind;
  e.repository = std::move(repository);
  return e;
}

log::event of_item(event_kind kind, const desired_item& item) {
  log::event e = of_repository(kind, item.repository);
  (item.is_tag ? e.tag : e.digest) = item.ref;
  return e;
}

// The length of the valid UTF-8 sequence at the front (RFC 3629), 0 when there is none.
std::size_t sequence_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(s[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool out_of_range = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong || out_of_range ? 0 : n;
}

std::string serialized(boost::json::object detail) { return boost::json::serialize(detail); }

log::event of_failure(event_kind kind, const desired_item& item, const error& why) {
  log::event e = of_item(kind, item);
  e.detail =
      serialized({{"seq", item.seq.value}, {"reason", storable(why.text)}, {"code", std::string(name_of(why.code))}});
  return e;
}

}  // namespace

std::string storable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = sequence_length(text);
    if (out.size() + std::max<std::size_t>(n, 1) > failure_text_bytes_max) break;
    if (n == 0) {
      out.push_back('?');
    } else {
      out.append(text.substr(0, n));
    }
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

log::event sync_started(std::string repository) {
  return of_repository(event_kind::sync_started, std::move(repository));
}

log::event sync_succeeded(std::string repository, std::uint64_t synced_size) {
  log::event e = of_repository(event_kind::sync_succeeded, std::move(repository));
  e.detail = serialized({{"synced_size", synced_size}});
  return e;
}

log::event sync_failed(std::string repository, std::string_view reason, timestamp retry_at, std::uint64_t retry_count) {
  log::event e = of_repository(event_kind::sync_failed, std::move(repository));
  e.detail = serialized({{"reason", storable(reason)}, {"retry_at_us", retry_at.us}, {"retry_count", retry_count}});
  return e;
}

log::event published(const desired_item& item, const longshore::digest& at) {
  log::event e = of_item(event_kind::published, item);
  e.digest = at.text();
  e.detail = serialized({{"seq", item.seq.value}});
  return e;
}

log::event removed(const desired_item& item) {
  log::event e = of_item(event_kind::removed, item);
  e.detail = serialized({{"seq", item.seq.value}});
  return e;
}

void mark_apart(log::event& settled) {
  auto detail = boost::json::parse(settled.detail).as_object();
  detail.insert_or_assign("apart", 1);
  settled.detail = serialized(std::move(detail));
}

log::event item_failed(const desired_item& item, const error& why) {
  return of_failure(event_kind::item_failed, item, why);
}

log::event item_parked(const desired_item& item, const error& why) {
  return of_failure(event_kind::item_parked, item, why);
}

log::event published_sparse(const desired_item& item, const longshore::digest& at, std::string_view what,
                            std::string_view filter) {
  log::event e = published(item, at);
  e.detail = serialized({{"seq", item.seq.value}, {"sparse", storable(what)}, {"filter", std::string(filter)}});
  return e;
}

// The key is ours and stands in no other detail of this kind: no need to parse.
bool is_sparse(const log::event_view& e) {
  return e.kind == event_kind::published && e.detail.find("\"sparse\":") != std::string_view::npos;
}

log::event item_skipped(const desired_item& item, std::string_view rule, std::string_view filter) {
  log::event e = of_item(event_kind::item_skipped, item);
  e.detail = serialized({{"seq", item.seq.value}, {"rule", storable(rule)}, {"filter", std::string(filter)}});
  return e;
}

log::event filter_changed(std::string repository, std::string_view filter) {
  log::event e = of_repository(event_kind::filter_changed, std::move(repository));
  e.detail = serialized({{"filter", std::string(filter)}});
  return e;
}

log::event skip_asked(const desired_item& item, std::string_view reason) {
  log::event e = of_item(event_kind::skip_asked, item);
  e.detail = serialized({{"seq", item.seq.value}, {"rule", "operator: " + storable(reason)}});
  return e;
}

log::event reopened(std::string repository, std::string ref, bool is_tag) {
  log::event e = unpark_asked(std::move(repository));
  (is_tag ? e.tag : e.digest) = std::move(ref);
  return e;
}

log::event unpark_asked(std::string repository) {
  return of_repository(event_kind::unpark_asked, std::move(repository));
}

log::event retry_asked(std::string repository) { return of_repository(event_kind::retry_asked, std::move(repository)); }

log::event located(std::string repository, const longshore::digest& d, std::uint64_t size) {
  log::event e = of_repository(event_kind::located, std::move(repository));
  e.digest = d.text();
  e.size = size;
  return e;
}

log::event lost(std::string repository, const longshore::digest& d) {
  log::event e = of_repository(event_kind::lost, std::move(repository));
  e.digest = d.text();
  return e;
}

log::event seen_gone(std::string repository, const longshore::digest& d) {
  log::event e = lost(std::move(repository), d);
  e.detail = serialized({{"gone", 1}});
  return e;
}

log::event distrusted(std::string repository, const longshore::digest& d) {
  log::event e = lost(std::move(repository), d);
  e.detail = serialized({{"distrusted", 1}});
  return e;
}

log::event lost_on_purpose(std::string repository, const longshore::digest& d) {
  log::event e = lost(std::move(repository), d);
  e.detail = serialized({{"deleted", 1}});
  return e;
}

log::event upload_opened(const open_upload& u) {
  log::event e = of_repository(event_kind::upload_opened, u.repository);
  e.digest = u.digest;
  e.size = u.size;
  e.detail = serialized({{"location", u.session.location},
                         {"cookies", u.session.cookies},
                         {"registry", u.session.registry},
                         {"offset", u.offset}});
  return e;
}

log::event upload_closed(std::string repository, std::string digest) {
  log::event e = of_repository(event_kind::upload_closed, std::move(repository));
  e.digest = std::move(digest);
  return e;
}

log::event resync_asked(std::string repository) {
  return of_repository(event_kind::resync_asked, std::move(repository));
}

log::event resync_at_new_target(std::string repository) {
  log::event e = resync_asked(std::move(repository));
  e.detail = serialized({{"new_target", 1}});
  return e;
}

log::event surveyed(std::string repository, std::uint64_t tags) {
  log::event e = of_repository(event_kind::surveyed, std::move(repository));
  e.size = tags;
  return e;
}

log::event verified(std::string repository, std::string tag, const longshore::digest& d) {
  log::event e = of_repository(event_kind::verified, std::move(repository));
  e.tag = std::move(tag);
  e.digest = d.text();
  return e;
}

log::event mismatched(const desired_item& item, std::string_view kind, std::string_view reason) {
  log::event e = of_item(event_kind::mismatched, item);
  e.detail = serialized({{"seq", item.seq.value}, {"kind", std::string(kind)}, {"reason", storable(reason)}});
  return e;
}

log::event repository_verified(std::string repository, const std::string& checksum, std::uint64_t tags,
                               std::uint64_t unjudged) {
  log::event e = of_repository(event_kind::repository_verified, std::move(repository));
  e.detail = serialized({{"checksum", checksum}, {"tags", tags}, {"unjudged", unjudged}});
  return e;
}

log::event content_doubted(std::string repository, const longshore::digest& d) {
  log::event e = of_repository(event_kind::content_doubted, std::move(repository));
  e.digest = d.text();
  return e;
}

log::event content_believed(std::string repository, const longshore::digest& d) {
  log::event e = of_repository(event_kind::content_believed, std::move(repository));
  e.digest = d.text();
  return e;
}

log::event repository_amiss(std::string repository, std::uint64_t found, std::string_view reason) {
  log::event e = of_repository(event_kind::repository_amiss, std::move(repository));
  e.detail = serialized({{"found", found}, {"reason", storable(reason)}});
  return e;
}

log::event item_held_back(const desired_item& item, std::string_view reason) {
  log::event e = of_item(event_kind::item_parked, item);
  e.detail =
      serialized({{"seq", item.seq.value}, {"reason", storable(reason)}, {"code", std::string(code_over_ceiling)}});
  return e;
}

log::event deletes_allowed(std::string repository) {
  return of_repository(event_kind::deletes_allowed, std::move(repository));
}

log::event target_named(std::string_view authority) {
  log::event e;
  e.kind = event_kind::target_named;
  e.detail = serialized({{"authority", storable(authority)}});
  return e;
}

log::event target_renewing(std::string_view authority) {
  log::event e;
  e.kind = event_kind::target_named;
  e.detail = serialized({{"renewing", storable(authority)}});
  return e;
}

}  // namespace longshore::engine::record
