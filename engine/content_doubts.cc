#include "engine/content_doubts.h"

#include "engine/journal_records.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = 256u << 10;

}  // namespace

result<void> content_doubts::load() {
  for (const doubt_of which : {doubt_of::what_is_there, doubt_of::what_is_gone}) {
    auto known = world_->done.doubts(repository_, which);
    if (!known) return pass(std::move(known));
    for (const std::string& text : *known) {
      if (auto d = digest::parse(text)) known_.emplace(*std::move(d), which);
    }
  }
  return {};
}

std::vector<digest> content_doubts::left() const {
  std::vector<digest> all;
  for (const auto& [d, which] : known_) {
    if (!noted_.contains(d)) all.push_back(d);
  }
  return all;
}

// What is gone may come back with the same bytes: that ends no doubt, but nothing wrong is served meanwhile.
task<> content_doubts::note(digest d, presence found) {
  const auto known = known_.find(d);
  if (found == presence::wrong_bytes) {
    noted_.insert(d);
    co_return co_await doubt(d);
  }
  if (known == known_.end()) co_return result<void>();
  std::vector<log::event> told;
  if (found == presence::there) {
    told.push_back(record::content_believed(repository_, d));
    known_.erase(known);
  } else {
    noted_.insert(d);
    if (known->second == doubt_of::what_is_there) told.push_back(record::seen_gone(repository_, d));
    known->second = doubt_of::what_is_gone;
  }
  if (told.empty()) co_return result<void>();
  co_return co_await world_->records.append(std::move(told));
}

// A registry may have one file for all its repositories. At once: this run may go on for hours, and what is doubted is
// mounted nowhere. What comes to a repository after the record is doubted there by itself; what came before it, and
// after the look at who holds it, is seen by the second look.
task<> content_doubts::doubt(const digest& d) {
  known_.insert_or_assign(d, doubt_of::what_is_there);
  std::set<std::string> told;
  for (int look = 0; look < 2; ++look) {
    auto holders = world_->where.holders(d.text());
    if (!holders) co_return pass(std::move(holders));
    holders->push_back(repository_);
    std::vector<log::event> found;
    for (const std::string& holder : *holders) {
      auto doubted = world_->done.is_doubted_in(holder, d.text());
      if (!doubted) co_return pass(std::move(doubted));
      if (!*doubted && told.insert(holder).second) found.push_back(record::content_doubted(holder, d));
    }
    if (found.empty()) break;
    if (auto written = co_await world_->records.append_in_parts(std::move(found)); !written) co_return written;
  }
  co_return result<void>();
}

// As a blob first: asked for one as a manifest, Distribution 2 answers 500.
task<content_doubts::presence> content_doubts::read(digest d) {
  auto there = co_await world_->target.stat_blob(repository_, d);
  if (!there) co_return pass(std::move(there));
  if (*there) co_return co_await read_blob(d);
  auto document = co_await read_manifest(d);
  if (document) co_return presence::there;
  if (document.error().code == errc::corrupt) co_return presence::wrong_bytes;
  if (document.error().code != errc::not_found) co_return pass(std::move(document));
  co_return presence::missing;
}

// What is amiss once may be the answer's fault.
task<manifest_document> content_doubts::read_manifest(digest d) {
  auto document = co_await world_->target.get_manifest(repository_, d.text());
  if (!document && document.error().code == errc::corrupt) {
    document = co_await world_->target.get_manifest(repository_, d.text());
  }
  co_return document;
}

task<content_doubts::presence> content_doubts::read_blob(digest d) {
  auto found = co_await read_once(d);
  if (found && *found == presence::wrong_bytes) found = co_await read_once(d);
  co_return found;
}

task<content_doubts::presence> content_doubts::read_once(const digest& d) {
  auto reader = co_await world_->target.open_blob(repository_, d, 0);
  if (!reader && reader.error().code == errc::not_found) co_return presence::missing;
  if (!reader && reader.error().code == errc::corrupt) co_return presence::wrong_bytes;
  if (!reader) co_return pass(std::move(reader));
  digest_hasher hasher(d.algorithm());
  std::vector<std::byte> buffer(read_bytes);
  for (;;) {
    if (stopping_) co_return fail(errc::stopped, "stopping; the verification begins anew when asked");
    auto size = co_await (*reader)->read(asio::buffer(buffer));
    if (!size && size.error().code == errc::corrupt) co_return presence::wrong_bytes;
    if (!size) co_return pass(std::move(size));
    if (*size == 0) break;
    *bytes_read_ += *size;
    hasher.update(std::span<const std::byte>(buffer).first(*size));
    if (auto paced = co_await rate_->turn(*size); !paced) co_return pass(std::move(paced));
  }
  co_return hasher.finish() == d ? presence::there : presence::wrong_bytes;
}

}  // namespace longshore::engine
