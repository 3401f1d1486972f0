#include "engine/location_index.h"

namespace longshore::engine {

result<bool> journaled_locations::holds(std::string_view repository, std::string_view digest) const {
  return view_->holds(repository, digest);
}

result<std::optional<std::string>> journaled_locations::any_holder(std::string_view digest) const {
  return view_->any_holder(digest);
}

result<std::vector<std::string>> journaled_locations::holders(std::string_view digest) const {
  return view_->holders(digest);
}

result<bool> journaled_locations::is_doubted(std::string_view digest) const { return done_->is_doubted(digest); }

result<std::optional<std::uint64_t>> journaled_locations::survey_of(std::string_view repository) const {
  return view_->survey_of(repository);
}

task<> journaled_locations::record(std::vector<log::event> facts) {
  if (records_ == nullptr) co_return fail(errc::unsupported, "what is recorded here is only looked at");
  co_return co_await records_->append(std::move(facts));
}

result<std::optional<open_upload>> journaled_locations::upload_of(std::string_view repository,
                                                                  std::string_view digest) const {
  return open_->find(repository, digest);
}

result<std::vector<open_upload>> journaled_locations::open_uploads(std::size_t most) const { return open_->list(most); }

result<std::optional<open_upload>> transient_locations::upload_of(std::string_view repository,
                                                                  std::string_view digest) const {
  const auto at = open_.find({std::string(repository), std::string(digest)});
  return at == open_.end() ? std::optional<open_upload>() : std::optional(at->second);
}

result<std::vector<open_upload>> transient_locations::open_uploads(std::size_t most) const {
  std::vector<open_upload> out;
  for (const auto& [key, u] : open_) {
    if (out.size() == most) break;
    out.push_back(u);
  }
  return out;
}

result<bool> transient_locations::holds(std::string_view repository, std::string_view digest) const {
  const auto at = by_digest_.find(digest);
  if (at != by_digest_.end() && at->second.contains(repository)) return true;
  return below_ != nullptr ? below_->holds(repository, digest) : result<bool>(false);
}

result<std::optional<std::string>> transient_locations::any_holder(std::string_view digest) const {
  const auto at = by_digest_.find(digest);
  if (at != by_digest_.end()) return std::optional(*at->second.begin());
  return below_ != nullptr ? below_->any_holder(digest) : std::optional<std::string>();
}

result<std::vector<std::string>> transient_locations::holders(std::string_view digest) const {
  std::set<std::string> all;
  if (const auto at = by_digest_.find(digest); at != by_digest_.end()) all.insert(at->second.begin(), at->second.end());
  if (below_ != nullptr) {
    auto more = below_->holders(digest);
    if (!more) return more;
    all.insert(more->begin(), more->end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

// A run that leaves no state behind has verified nothing.
result<bool> transient_locations::is_doubted(std::string_view digest) const {
  return below_ != nullptr ? below_->is_doubted(digest) : result<bool>(false);
}

result<std::optional<std::uint64_t>> transient_locations::survey_of(std::string_view repository) const {
  const auto at = surveys_.find(repository);
  if (at != surveys_.end()) return std::optional(at->second);
  return below_ != nullptr ? below_->survey_of(repository) : std::optional<std::uint64_t>();
}

task<> transient_locations::record(std::vector<log::event> facts) {
  for (const log::event& e : facts) {
    if (e.kind == log::event_kind::located || (e.kind == log::event_kind::published && !e.digest.empty())) {
      by_digest_[e.digest].insert(e.repository);
    } else if (e.kind == log::event_kind::surveyed) {
      surveys_[e.repository] = e.size;
    } else if (e.kind == log::event_kind::lost) {
      const auto at = by_digest_.find(e.digest);
      if (at == by_digest_.end()) continue;
      at->second.erase(e.repository);
      if (at->second.empty()) by_digest_.erase(at);
    } else if (e.kind == log::event_kind::upload_closed) {
      open_.erase({e.repository, e.digest});
    } else {
      log::event_view seen;
      seen.kind = e.kind;
      seen.repository = e.repository;
      seen.digest = e.digest;
      seen.size = e.size;
      seen.detail = e.detail;
      if (auto u = upload_in(seen)) open_.insert_or_assign({u->repository, u->digest}, *std::move(u));
    }
  }
  co_return result<void>();
}

}  // namespace longshore::engine
