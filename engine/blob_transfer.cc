#include "engine/blob_transfer.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <tuple>

#include "engine/journal_records.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

// A session that needs more to be told than this is not worth a record.
constexpr std::size_t session_bytes_max = 8'192;

std::unexpected<error> stopped() { return fail(errc::stopped, "stopping; the blob is copied after the next start"); }

// The session may be of use later: nothing was found wrong with the blob or the upload.
bool worth_keeping(errc code) { return may_pass(code) || code == errc::stopped || code == errc::unauthorized; }

// Counts at whatever end.
struct count_resumed {
  const resuming_reader& from;
  copier_counters& to;
  ~count_resumed() { to.resumed += from.resumed(); }
};

std::string bytes_text(std::uint64_t n) { return std::to_string(n) + " bytes"; }

}  // namespace

task<> blob_transfer::run(std::unique_ptr<blob_writer> to, bool recorded) {
  writer_ = std::move(to);
  recorded_ = spliced_ = recorded;
  furthest_ = writer_->offset();
  auto done = co_await note();
  if (done) done = co_await attempt();
  while (!done) {
    const auto wait = next_pause(done.error());
    if (!wait) co_return co_await leave(std::move(done));
    done = co_await world_->pause.pause(*wait);
    if (!done) co_return co_await leave(std::move(done));
    done = co_await reopen();
    if (done) done = co_await attempt();
  }
  co_return done;
}

// How long until the next try; none: the failure is final here. What the source could not deliver has been tried
// often enough by its reader.
std::optional<std::int64_t> blob_transfer::next_pause(const error& why) {
  if (source_failed_ || *stopping_) return std::nullopt;
  if (writer_->offset() > furthest_) {
    furthest_ = writer_->offset();
    failures_ = 0;
  }
  return pause_before(options_->resume, ++failures_, why);
}

task<> blob_transfer::attempt() {
  result<void> done;
  if (what_->data.empty()) {
    done = co_await stream();
  } else {
    done = co_await send_data();
  }
  if (!done) co_return done;
  done = co_await writer_->finish(what_->digest);
  if (!done && done.error().code == errc::rejected && spliced_) {
    // The bytes are right, so the session was not: a registry may have put its pieces together wrongly.
    start_over_ = true;
    co_return fail(errc::unavailable, done.error().text);
  }
  if (done || !may_pass(done.error().code)) co_return done;
  // Perhaps only the answer was lost.
  auto there = co_await world_->target.stat_blob(what_->repository, what_->digest);
  if (there && *there && **there == size_) co_return result<void>();
  co_return done;
}

task<> blob_transfer::send(std::span<const std::byte> bytes) {
  if (bytes.empty()) co_return result<void>();
  auto sent = co_await writer_->write(asio::const_buffer(bytes.data(), bytes.size()));
  if (!sent) co_return sent;
  counters_->bytes_copied += bytes.size();
  if (what_->bytes_sent != nullptr) *what_->bytes_sent += bytes.size();
  if (what_->bytes_sent_of_image != nullptr) *what_->bytes_sent_of_image += bytes.size();
  co_return sent;
}

task<> blob_transfer::send_data() {
  if (what_->data.size() != size_ || digest::of(what_->data, what_->digest.algorithm()) != what_->digest) {
    co_return fail(errc::corrupt, "the data in the descriptor of " + what_->digest.text() + " is not its content");
  }
  co_return co_await send(std::as_bytes(std::span(what_->data)).subspan(writer_->offset()));
}

task<> blob_transfer::stream() {
  using namespace asio::experimental::awaitable_operators;
  const std::uint64_t kept = writer_->offset();
  if (kept < hashed_size_) {
    hashed_ = digest_hasher(what_->digest.algorithm());
    hashed_size_ = 0;
  }
  digest_hasher hasher = hashed_.copy();
  std::uint64_t at = hashed_size_;
  if (at == size_ && size_ > 0) co_return check_end(at, hasher);  // all is there, only the end was missing
  resuming_reader from(world_->source, world_->pause, what_->repository, what_->digest, options_->resume, at, size_);
  const count_resumed counted{from, *counters_};
  auto* current = &buffers_->first;
  auto* next = &buffers_->second;
  auto n = co_await from.fill(asio::buffer(*current));
  while (n && *n > 0) {
    if (*stopping_) co_return stopped();
    const std::span<const std::byte> held(current->data(), *n);
    if (held.size() > size_ - at) co_return longer_than_told();
    digest_hasher before = hasher.copy();
    hasher.update(held);
    const auto known = kept > at ? static_cast<std::size_t>(std::min<std::uint64_t>(kept - at, held.size())) : 0;
    counters_->bytes_only_hashed += known;
    const bool last = at + held.size() == size_;
    result<void> written;
    if (last) {
      n = co_await from.fill(asio::buffer(*next));
      if (n && *n > 0) co_return longer_than_told();
      // With its last bytes an upload may be complete: they are sent when all is known to be right.
      if (n) written = check_end(size_, hasher);
      if (n && written) written = co_await send(held.subspan(known));
    } else {
      std::tie(n, written) = co_await (from.fill(asio::buffer(*next)) && send(held.subspan(known)));
    }
    // Also of a write that failed the target may have acknowledged a part.
    if (auto noted = co_await advance(std::move(before), at, held); !noted) co_return noted;
    if (!written) co_return written;
    at += held.size();
    if (last && n) co_return written;
    std::swap(current, next);
  }
  if (!n) {
    source_failed_ = true;
    co_return pass(std::move(n), "reading from the source");
  }
  co_return check_end(at, hasher);
}

std::unexpected<error> blob_transfer::wrong_at_source(std::string what) {
  source_failed_ = true;
  return fail(errc::corrupt, "the " + std::move(what));
}

std::unexpected<error> blob_transfer::longer_than_told() {
  return wrong_at_source("source sent more than the " + bytes_text(size_) + " of its descriptor");
}

result<void> blob_transfer::check_end(std::uint64_t read, digest_hasher& hasher) {
  if (read != size_) {
    return wrong_at_source("source sent " + bytes_text(read) + " where its descriptor says " + std::to_string(size_));
  }
  if (auto is = hasher.finish(); is != what_->digest) {
    return wrong_at_source("bytes the source sent have digest " + is.text());
  }
  return {};
}

// Of the bytes held, which begin at `at`, some may have become the target's: from there the next try may go on.
task<> blob_transfer::advance(digest_hasher before, std::uint64_t at, std::span<const std::byte> held) {
  const std::uint64_t kept = writer_->offset();
  if (kept <= at || kept <= hashed_size_ || kept - at > held.size()) co_return result<void>();
  before.update(held.first(static_cast<std::size_t>(kept - at)));
  hashed_ = std::move(before);
  hashed_size_ = kept;
  co_return co_await note();
}

task<> blob_transfer::note() {
  if (size_ <= options_->journal_bytes_min) co_return result<void>();
  const auto session = writer_->session();
  if (!session || session->location.size() + session->cookies.size() > session_bytes_max) co_return result<void>();
  open_upload u{what_->repository, what_->digest.text(), size_, writer_->offset(), *session, {}};
  std::vector<log::event> facts{record::upload_opened(u)};
  auto written = co_await world_->where.record(std::move(facts));
  if (written) recorded_ = true;
  co_return written;
}

// The session goes on where the target says; one that is gone, or cannot be gone on with, is replaced.
task<> blob_transfer::reopen() {
  error why{errc::unsupported, {}};
  const auto session = writer_->session();
  if (session && !start_over_) {
    auto again = co_await world_->target.resume_blob(what_->repository, what_->digest, size_, *session);
    if (again) {
      writer_ = *std::move(again);
      spliced_ = true;
      ++counters_->uploads_resumed;
      co_return result<void>();
    }
    why = std::move(again).error();
    if (may_pass(why.code) || why.code == errc::stopped) co_return std::unexpected(std::move(why));
  }
  if (why.code != errc::not_found) {
    // Left to the registry's own purging should this fail; the upload goes on without it.
    const auto cancelled = co_await writer_->cancel();
    static_cast<void>(cancelled);
  }
  auto fresh = co_await world_->target.begin_blob(what_->repository, what_->digest, size_, std::nullopt);
  if (!fresh) co_return pass(std::move(fresh), "starting the upload again");
  writer_ = *std::move(fresh);
  spliced_ = start_over_ = false;
  ++counters_->uploads_begun_again;
  co_return co_await note();
}

task<> blob_transfer::leave(result<void> failed) {
  const bool keep = recorded_ && world_->where.durable() && worth_keeping(failed.error().code);
  if (!keep) {
    // The session is of no use any more. Should giving it up fail too, the registry purges it by age; the failure
    // that matters is the first.
    const auto given_up = co_await writer_->cancel();
    static_cast<void>(given_up);
    if (recorded_) {
      std::vector<log::event> facts{record::upload_closed(what_->repository, what_->digest.text())};
      const auto closed = co_await world_->where.record(std::move(facts));
      static_cast<void>(closed);
    }
  }
  co_return pass(std::move(failed), "copying blob " + what_->digest.text());
}

}  // namespace longshore::engine
