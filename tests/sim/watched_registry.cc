#include "tests/sim/watched_registry.h"

#include "engine/manifest.h"

namespace longshore::sim {

std::string_view name_of(defect d) {
  switch (d) {
    case defect::none:
      return "none";
    case defect::blobs_skipped:
      return "blobs_skipped";
    case defect::removal_unasked:
      return "removal_unasked";
    case defect::failed_listing_empty:
      return "failed_listing_empty";
    case defect::no_dedup:
      return "no_dedup";
    case defect::acknowledged_unsynced:
      return "acknowledged_unsynced";
    case defect::view_apart:
      return "view_apart";
    case defect::one_stops_all:
      return "one_stops_all";
    case defect::referrers_dropped:
      return "referrers_dropped";
    case defect::verifier_blind:
      return "verifier_blind";
    case defect::referrers_unasked:
      return "referrers_unasked";
  }
  return "unknown";
}

std::optional<defect> defect_named(std::string_view name) {
  for (const defect d : all_defects) {
    if (name_of(d) == name) return d;
  }
  return std::nullopt;
}

// A memory registry answers in the turn in which the operation takes effect: what stands in the book is in order.

engine::task<engine::manifest_document> watched_source::get_manifest(std::string repository, std::string ref) {
  auto document = co_await memory_registry::get_manifest(repository, ref);
  if (document) {
    book_->said(repository, ref, document->digest);
  } else if (document.error().code == errc::not_found) {
    book_->said(repository, ref, std::nullopt);
  }
  co_return document;
}

engine::task<std::optional<digest>> watched_source::resolve(std::string repository, std::string ref) {
  if (defect_ == defect::removal_unasked && ref.find(':') == std::string::npos) co_return std::nullopt;
  auto shown = co_await memory_registry::resolve(repository, ref);
  if (shown) book_->said(repository, ref, *shown);
  co_return shown;
}

engine::task<std::vector<engine::descriptor>> watched_source::referrers(std::string repository, digest d) {
  if (defect_ == defect::referrers_unasked) co_return std::vector<engine::descriptor>();
  co_return co_await memory_registry::referrers(std::move(repository), std::move(d));
}

engine::task<digest> watched_target::put_manifest(std::string repository, std::string ref, std::string media_type,
                                                  std::string bytes) {
  if (defect_ == defect::referrers_dropped && bytes.find("\"subject\"") != std::string::npos) {
    co_return engine::manifest_digest(media_type, bytes);
  }
  auto done =
      co_await memory_registry::put_manifest(repository, std::move(ref), std::move(media_type), std::move(bytes));
  book_->look(repository);
  co_return done;
}

engine::task<> watched_target::delete_tag(std::string repository, std::string tag) {
  auto done = co_await memory_registry::delete_tag(repository, std::move(tag));
  book_->look(repository);
  co_return done;
}

engine::task<> watched_target::delete_manifest(std::string repository, digest d) {
  auto done = co_await memory_registry::delete_manifest(repository, std::move(d));
  book_->look(repository);
  co_return done;
}

engine::task<engine::tag_page> watched_target::list_tags(std::string repository, std::optional<std::string> next) {
  const bool begins = !next;
  auto page = co_await memory_registry::list_tags(repository, std::move(next));
  if (begins && page) book_->listing(repository);
  if (!page && defect_ == defect::failed_listing_empty) co_return engine::tag_page{};
  co_return page;
}

engine::task<std::unique_ptr<engine::blob_writer>> watched_target::begin_blob(std::string repository, digest d,
                                                                              std::uint64_t size,
                                                                              std::optional<std::string> mount_from) {
  if (defect_ == defect::blobs_skipped) co_return std::unique_ptr<engine::blob_writer>();
  co_return co_await memory_registry::begin_blob(std::move(repository), std::move(d), size, std::move(mount_from));
}

}  // namespace longshore::sim
