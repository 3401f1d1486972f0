#include "engine/copier.h"

#include "engine/failure.h"
#include "engine/journal_records.h"

namespace longshore::engine {

// Leads the one flight of a digest; lands it, whatever way the frame is left.
class copier::take_off {
 public:
  take_off(copier& of, longshore::digest d, std::string read_from = {})
      : of_(&of), digest_(std::move(d)), flight_(std::make_shared<flight>()) {
    flight_->read_from = std::move(read_from);
    of_->flights_.emplace(digest_, flight_);
  }
  take_off(const take_off&) = delete;
  take_off& operator=(const take_off&) = delete;
  ~take_off() {
    of_->flights_.erase(digest_);
    flight_->landed.notify_all();
  }
  // A refusal (no right to push, say) may be about the leader's repository alone.
  void failed(const error& e) {
    if (is_passing(e.code)) flight_->host_failure = e;
  }
  flight& led() { return *flight_; }

 private:
  copier* of_;
  longshore::digest digest_;
  std::shared_ptr<flight> flight_;
};

namespace {

constexpr int source_tries_max = 2;  // of one blob, for all that wait for it

std::unexpected<error> stopped() { return fail(errc::stopped, "stopping; the blob is copied after the next start"); }

// What a registry may answer to a mount that it will not make, though it would take an upload.
bool only_the_mount_failed(errc code) {
  return code == errc::rejected || code == errc::not_found || code == errc::denied || code == errc::unauthorized ||
         code == errc::unsupported || code == errc::invalid;
}

// A registry that takes no upload takes nothing.
std::unexpected<error> not_begun(error why) {
  const bool is_said = why.text.find(takes_no_pushes) != std::string::npos;
  if (why.code == errc::unsupported && !is_said) why.text += "; the target " + std::string(takes_no_pushes) + "?";
  return std::unexpected(std::move(why));
}

}  // namespace

task<blob_outcome> copier::bring(blob_request r) {
  const std::string read_from = world_.source.repository_read(r.repository);
  for (int wrong_there = 0;;) {
    if (stopping_) co_return stopped();
    auto known = world_.where.holds(r.repository, r.digest.text());
    if (!known) co_return pass(std::move(known));
    if (*known) {
      ++counters_.present;
      counters_.bytes_present += r.size.value_or(0);
      co_return blob_outcome::present;
    }
    const auto running = flights_.find(r.digest);
    if (running == flights_.end()) break;
    const std::shared_ptr<flight> other = running->second;
    co_await other->landed.wait();
    // What kept the leader from the registries would keep everybody that waited; other failures may be its own.
    if (other->host_failure) co_return std::unexpected<error>(*other->host_failure);
    // A transfer may go wrong once; the second time it is the source's repository. Another may have it whole.
    const bool same_source = r.data.empty() && other->read_from == read_from;
    if (same_source && other->source_failure && ++wrong_there == source_tries_max) {
      co_return std::unexpected<error>(*other->source_failure);
    }
  }
  take_off leader(*this, r.digest, read_from);
  auto outcome = co_await fly(std::move(r), leader.led());
  if (!outcome) leader.failed(outcome.error());
  co_return outcome;
}

task<blob_outcome> copier::fly(blob_request r, flight& of) {
  auto holder = world_.where.any_holder(r.digest.text());
  if (!holder) co_return pass(std::move(holder));
  if (auto trusted = forget_doubted(r.digest, *holder); !trusted) co_return pass(std::move(trusted));
  auto survey = world_.where.survey_of(r.repository);
  if (!survey) co_return pass(std::move(survey));
  // Where the target knew no such repository, only what an interrupted run left behind could be there: looking for a
  // small blob costs about as much as sending it.
  const bool worth_looking = !*survey || **survey > 0 || !r.size || *r.size > options_.small_bytes_max;
  bool damaged = false;  // what the target has there is of another size: sent anew
  if (!*holder && worth_looking) {
    auto there = co_await world_.target.stat_blob(r.repository, r.digest);
    if (!there) co_return pass(std::move(there), "asking the target for " + r.digest.text());
    damaged = *there && r.size && **there != *r.size;
    if (*there && !damaged) {
      auto written = co_await record_one(record::located(r.repository, r.digest, **there));
      if (!written) co_return pass(std::move(written));
      ++counters_.present;
      counters_.bytes_present += **there;
      co_return blob_outcome::present;
    }
  }
  if (!r.size) {
    auto size = co_await world_.source.stat_blob(r.repository, r.digest);
    if (!size) co_return pass(std::move(size), "asking the source for " + r.digest.text());
    if (!*size) co_return fail(errc::not_found, "the source has no blob " + r.digest.text() + " in " + r.repository);
    r.size = **size;
  }
  const std::uint64_t size = *r.size;
  if (options_.dry_run) co_return co_await imagine(r, size, holder->has_value());
  auto slot = co_await slots_.take(size <= options_.small_bytes_max);
  if (stopping_) co_return stopped();
  // Nor is what was found wrong while this one waited.
  if (auto trusted = forget_doubted(r.digest, *holder); !trusted) co_return pass(std::move(trusted));
  auto left = world_.where.upload_of(r.repository, r.digest.text());
  if (!left) co_return pass(std::move(left));
  co_return co_await copy(r, size, *std::move(holder), *std::move(left), slot.buffers(), damaged, of);
}

// What is doubted anywhere is not mounted.
result<void> copier::forget_doubted(const longshore::digest& d, std::optional<std::string>& holder) const {
  auto doubted = world_.where.is_doubted(d.text());
  if (!doubted) return pass(std::move(doubted));
  if (*doubted) holder.reset();
  return {};
}

task<blob_outcome> copier::copy(const blob_request& r, std::uint64_t size, std::optional<std::string> holder,
                                std::optional<open_upload> left, transfer_buffers& buffers, bool damaged, flight& of) {
  std::unique_ptr<blob_writer> to;
  if (left && !holder && left->size == size) {
    auto taken = co_await take_up(r, size, *left);
    if (!taken) co_return pass(std::move(taken), "taking up the upload of " + r.digest.text());
    to = *std::move(taken);
  } else if (left) {
    if (auto gone = co_await give_up(*left); !gone) co_return pass(std::move(gone));
  }
  const bool recorded = to != nullptr;
  if (!to) {
    auto begun = co_await begin(r, size, holder);
    if (!begun) co_return not_begun(pass(std::move(begun), "starting the upload of " + r.digest.text()).error());
    to = *std::move(begun);
  }
  const auto outcome = to ? blob_outcome::copied : blob_outcome::mounted;
  std::vector<log::event> facts{record::located(r.repository, r.digest, size)};
  if (to) {
    blob_transfer transfer(world_, options_, counters_, stopping_, r, size, buffers);
    if (auto sent = co_await transfer.run(std::move(to), recorded); !sent) {
      if (transfer.source_failed()) of.source_failure = sent.error();
      co_return pass(std::move(sent));
    }
    if (transfer.recorded()) facts.push_back(record::upload_closed(r.repository, r.digest.text()));
    if (damaged) {
      if (auto mended = co_await check_mended(r, size); !mended) {
        facts.erase(facts.begin());  // that it is located
        if (auto written = co_await world_.where.record(std::move(facts)); !written) co_return pass(std::move(written));
        co_return pass(std::move(mended));
      }
    }
    if (holder) {
      if (auto seen = co_await correct_holder(r, *holder); !seen) co_return pass(std::move(seen));
    }
  }
  if (auto written = co_await world_.where.record(std::move(facts)); !written) co_return pass(std::move(written));
  ++(outcome == blob_outcome::mounted ? counters_.mounted : counters_.copied);
  if (outcome == blob_outcome::mounted) counters_.bytes_mounted += size;
  co_return outcome;
}

// Distribution keeps the file of a digest that it has already, and drops the upload.
task<> copier::check_mended(const blob_request& r, std::uint64_t size) {
  auto there = co_await world_.target.stat_blob(r.repository, r.digest);
  if (!there) co_return pass(std::move(there), "asking the target again for " + r.digest.text());
  if (*there && **there == size) co_return result<void>();
  if (!*there) co_return fail(errc::corrupt, "the target took " + r.digest.text() + " and does not have it");
  co_return fail(errc::corrupt, "the target has " + r.digest.text() + " with " + std::to_string(**there) +
                                    " bytes instead of " + std::to_string(size) +
                                    ", and keeps it so after an upload: delete that blob from the target's storage");
}

task<> copier::record_one(log::event fact) {
  std::vector<log::event> facts{std::move(fact)};
  co_return co_await world_.where.record(std::move(facts));
}

// Null: that session cannot be gone on with, a new one is to be begun.
task<std::unique_ptr<blob_writer>> copier::take_up(const blob_request& r, std::uint64_t size, const open_upload& left) {
  auto again = co_await world_.target.resume_blob(r.repository, r.digest, size, left.session);
  if (again) {
    ++counters_.uploads_resumed;
    co_return again;
  }
  if (may_pass(again.error().code) || again.error().code == errc::stopped) co_return again;
  auto closed = co_await record_one(record::upload_closed(left.repository, left.digest));
  if (!closed) co_return pass(std::move(closed));
  co_return std::unique_ptr<blob_writer>();
}

task<> copier::give_up(open_upload left) {
  const auto d = digest::parse(left.digest);
  if (d) {
    auto again = co_await world_.target.resume_blob(left.repository, *d, left.size, left.session);
    result<void> cancelled;
    if (again) {
      cancelled = co_await (*again)->cancel();
    } else if (may_pass(again.error().code) || again.error().code == errc::stopped) {
      cancelled = pass(std::move(again));
    }
    if (!cancelled) co_return pass(std::move(cancelled), "cancelling an upload of " + left.digest);
  }
  co_return co_await record_one(record::upload_closed(std::move(left.repository), std::move(left.digest)));
}

task<std::uint64_t> copier::cancel_left_uploads(timestamp written_before) {
  constexpr std::size_t at_once = 1'000;
  std::uint64_t given_up = 0;
  auto open = world_.where.open_uploads(at_once);
  if (!open) co_return pass(std::move(open));
  for (open_upload& u : *open) {
    if (stopping_) co_return stopped();
    const auto d = digest::parse(u.digest);
    if (!(u.at < written_before) || (d && flights_.contains(*d))) continue;
    // Whoever asks for this blob while it is being given up waits, and begins anew.
    std::optional<take_off> leader;
    if (d) leader.emplace(*this, *d);
    if (auto gone = co_await give_up(std::move(u)); !gone) co_return pass(std::move(gone));
    ++given_up;
  }
  co_return given_up;
}

task<blob_outcome> copier::imagine(const blob_request& r, std::uint64_t size, bool held) {
  std::vector<log::event> located{record::located(r.repository, r.digest, size)};
  if (auto written = co_await world_.where.record(std::move(located)); !written) co_return pass(std::move(written));
  ++(held ? counters_.mounted : counters_.copied);
  co_return held ? blob_outcome::mounted : blob_outcome::copied;
}

task<std::unique_ptr<blob_writer>> copier::begin(const blob_request& r, std::uint64_t size,
                                                 std::optional<std::string> holder) {
  auto writer = co_await world_.target.begin_blob(r.repository, r.digest, size, holder);
  if (!writer && holder && only_the_mount_failed(writer.error().code)) {
    writer = co_await world_.target.begin_blob(r.repository, r.digest, size, std::nullopt);
  }
  if (writer && *writer && holder) ++counters_.mounts_refused;
  co_return writer;
}

// A mount was refused: is the index wrong about the holder, or does the registry not mount?
task<> copier::correct_holder(const blob_request& r, std::string holder) {
  auto there = co_await world_.target.stat_blob(holder, r.digest);
  if (!there || *there) co_return result<void>();  // not contradicted: the index stays as it is
  co_return co_await record_one(record::lost(std::move(holder), r.digest));
}

}  // namespace longshore::engine
