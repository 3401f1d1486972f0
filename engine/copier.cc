#include "engine/copier.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "engine/failure.h"
#include "engine/journal_records.h"

namespace longshore::engine {

namespace asio = boost::asio;

// Leads the one flight of a digest; lands it, whatever way the frame is left.
class copier::take_off {
 public:
  take_off(copier& of, longshore::digest d) : of_(&of), digest_(std::move(d)), flight_(std::make_shared<flight>()) {
    of_->flights_.emplace(digest_, flight_);
  }
  take_off(const take_off&) = delete;
  take_off& operator=(const take_off&) = delete;
  ~take_off() {
    of_->flights_.erase(digest_);
    flight_->landed.notify_all();
  }
  void failed(const error& e) {
    if (is_about_the_host(e.code)) flight_->host_failure = e;
  }

 private:
  copier* of_;
  longshore::digest digest_;
  std::shared_ptr<flight> flight_;
};

namespace {

std::unexpected<error> stopped() { return fail(errc::stopped, "stopping; the blob is copied after the next start"); }

// What a registry may answer to a mount that it will not make, though it would take an upload.
bool only_the_mount_failed(errc code) {
  return code == errc::rejected || code == errc::not_found || code == errc::denied || code == errc::unauthorized ||
         code == errc::unsupported || code == errc::invalid;
}

}  // namespace

task<blob_outcome> copier::bring(blob_request r) {
  for (;;) {
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
    // What kept the leader from the registries would keep everybody that waited; a broken blob would not.
    if (other->host_failure) co_return std::unexpected<error>(*other->host_failure);
  }
  take_off leader(*this, r.digest);
  auto outcome = co_await fly(std::move(r));
  if (!outcome) leader.failed(outcome.error());
  co_return outcome;
}

task<blob_outcome> copier::fly(blob_request r) {
  auto holder = world_.where.any_holder(r.digest.text());
  if (!holder) co_return pass(std::move(holder));
  auto survey = world_.where.survey_of(r.repository);
  if (!survey) co_return pass(std::move(survey));
  // Where the target knew no such repository, only what an interrupted run left behind could be there: looking for a
  // small blob costs about as much as sending it.
  const bool worth_looking = !*survey || **survey > 0 || !r.size || *r.size > options_.small_bytes_max;
  if (!*holder && worth_looking) {
    auto there = co_await world_.target.stat_blob(r.repository, r.digest);
    if (!there) co_return pass(std::move(there), "asking the target for " + r.digest.text());
    if (*there) {
      std::vector<log::event> found{record::located(r.repository, r.digest, **there)};
      if (auto written = co_await world_.where.record(std::move(found)); !written) co_return pass(std::move(written));
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
  auto writer = co_await begin(r, size, *holder);
  if (!writer) co_return pass(std::move(writer), "starting the upload of " + r.digest.text());
  blob_outcome outcome = blob_outcome::mounted;
  if (*writer) {
    outcome = blob_outcome::copied;
    if (auto sent = co_await send(r, size, *std::move(writer), slot.buffers()); !sent) co_return pass(std::move(sent));
    if (*holder) {
      if (auto seen = co_await correct_holder(r, **holder); !seen) co_return pass(std::move(seen));
    }
  }
  std::vector<log::event> located{record::located(r.repository, r.digest, size)};
  if (auto written = co_await world_.where.record(std::move(located)); !written) co_return pass(std::move(written));
  ++(outcome == blob_outcome::mounted ? counters_.mounted : counters_.copied);
  if (outcome == blob_outcome::mounted) counters_.bytes_mounted += size;
  co_return outcome;
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
  std::vector<log::event> lost{record::lost(std::move(holder), r.digest)};
  co_return co_await world_.where.record(std::move(lost));
}

task<> copier::send(blob_request r, std::uint64_t size, std::unique_ptr<blob_writer> to, transfer_buffers& buffers) {
  auto sent = co_await stream(r, size, *to, buffers);
  if (sent) {
    sent = co_await to->finish(r.digest);
    if (sent) co_return sent;
  }
  // The session is of no use any more. Should giving it up fail too, the registry purges it by age; the failure that
  // matters is the first.
  const auto given_up = co_await to->cancel();
  static_cast<void>(given_up);
  co_return pass(std::move(sent), "copying blob " + r.digest.text());
}

task<> copier::stream(const blob_request& r, std::uint64_t size, blob_writer& to, transfer_buffers& buffers) {
  using namespace asio::experimental::awaitable_operators;
  if (!r.data.empty()) {
    counters_.bytes_copied += r.data.size();
    co_return co_await to.write(asio::buffer(r.data));
  }
  resuming_reader from(world_.source, world_.pause, r.repository, r.digest, options_.resume);
  digest_hasher hasher(r.digest.algorithm());
  auto* current = &buffers.first;
  auto* next = &buffers.second;
  auto n = co_await from.fill(asio::buffer(*current));
  while (n && *n > 0) {
    if (stopping_) co_return stopped();
    const std::size_t held = *n;
    hasher.update(std::span<const std::byte>(current->data(), held));
    if (from.offset() > size) {
      co_return fail(errc::corrupt,
                     "the source sent more than the " + std::to_string(size) + " bytes of its descriptor");
    }
    auto [filled, written] =
        co_await (from.fill(asio::buffer(*next)) && to.write(asio::const_buffer(current->data(), held)));
    if (!written) co_return pass(std::move(written));
    counters_.bytes_copied += held;
    if (r.bytes_sent != nullptr) *r.bytes_sent += held;
    if (r.bytes_sent_of_image != nullptr) *r.bytes_sent_of_image += held;
    n = std::move(filled);
    std::swap(current, next);
  }
  counters_.resumed += from.resumed();
  if (!n) co_return pass(std::move(n), "reading from the source");
  if (from.offset() != size) {
    co_return fail(errc::corrupt, "the source sent " + std::to_string(from.offset()) +
                                      " bytes where its descriptor says " + std::to_string(size));
  }
  if (auto is = hasher.finish(); is != r.digest) {
    co_return fail(errc::corrupt, "the bytes the source sent have digest " + is.text());
  }
  co_return result<void>();
}

}  // namespace longshore::engine
