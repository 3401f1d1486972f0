#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/support/memory/memory_registry.h"

// The blob half of the memory registry.

namespace longshore::engine::testing {

namespace asio = boost::asio;

char synthetic_byte(std::uint64_t offset) { return static_cast<char>((offset >> 12) * 131 & 0xff); }

namespace {

void fill(const stored_blob& from, std::uint64_t offset, char* to, std::size_t n) {
  if (!from.synthetic) {
    std::copy_n(from.bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, to);
    return;
  }
  for (std::size_t i = 0; i < n;) {
    const std::uint64_t at = offset + i;
    const std::size_t run = std::min<std::size_t>(n - i, 4096 - at % 4096);
    std::fill_n(to + i, run, synthetic_byte(at));
    i += run;
  }
}

}  // namespace

class memory_reader final : public blob_reader {
 public:
  memory_reader(memory_registry& of, std::string repository, digest d, stored_blob blob, std::uint64_t offset)
      : of_(&of), repository_(std::move(repository)), digest_(std::move(d)), blob_(std::move(blob)), offset_(offset) {}
  std::optional<std::uint64_t> size() const override { return blob_.size; }

  task<std::size_t> read(asio::mutable_buffer buffer) override {
    auto lost = co_await of_->enter("read", repository_, digest_.text());
    if (!lost) co_return pass(std::move(lost));
    if (*lost) co_return std::unexpected<error>(**lost);
    std::uint64_t end = blob_.size;
    if (const auto broken = of_->broken_bodies_.find(digest_.text()); broken != of_->broken_bodies_.end()) {
      auto& [at, times] = broken->second;
      if (times > 0 && offset_ >= at) {
        --times;
        co_return fail(errc::unavailable, "the connection broke");
      }
      if (times > 0) end = std::min(end, at);
    }
    const std::size_t n = std::min({buffer.size(), static_cast<std::size_t>(end - offset_), of_->does.chunk_bytes});
    char* to = static_cast<char*>(buffer.data());
    fill(blob_, offset_, to, n);
    if (n > 0 && of_->corrupt_.contains(digest_.text())) to[0] = static_cast<char>(to[0] ^ 1);
    offset_ += n;
    of_->served_[digest_.text()] += n;
    co_return n;
  }

 private:
  memory_registry* of_;
  std::string repository_;
  digest digest_;
  stored_blob blob_;
  std::uint64_t offset_;
};

void memory_registry::upload::take(std::string_view bytes, const behaviour& how) {
  while (!bytes.empty()) {
    const std::uint64_t to_grain =
        how.upload_grain == 1 ? bytes.size() : how.upload_grain - blob.size % how.upload_grain;
    const auto piece = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(to_grain, bytes.size())));
    bytes.remove_prefix(piece.size());
    hasher.update(piece);
    blob.size += piece.size();
    if (blob.size <= how.keep_bytes_max) {
      blob.bytes.append(piece);
    } else {
      std::string().swap(blob.bytes);
      blob.synthetic = true;
    }
    if (blob.size % how.upload_grain != 0) continue;
    kept_hasher = hasher.copy();
    if (how.upload_grain > 1) kept = blob;
    kept.size = blob.size;
  }
}

class memory_writer final : public blob_writer {
 public:
  memory_writer(memory_registry& of, std::string location, digest d, std::uint64_t kept)
      : of_(&of), location_(std::move(location)), digest_(std::move(d)), kept_(kept) {}

  task<> write(asio::const_buffer buffer) override {
    auto lost = co_await of_->enter("write", repository(), digest_.text());
    if (!lost) co_return pass(std::move(lost));
    const auto at = of_->uploads_.find(location_);
    if (at == of_->uploads_.end()) co_return fail(errc::unavailable, "BLOB_UPLOAD_UNKNOWN");
    at->second.take({static_cast<const char*>(buffer.data()), buffer.size()}, of_->does);
    of_->received_[digest_.text()] += buffer.size();
    if (*lost) co_return std::unexpected<error>(**lost);
    kept_ = at->second.kept.size;
    co_return result<void>();
  }
  task<> finish(digest expected) override {
    auto lost = co_await of_->enter("finish", repository(), expected.text());
    if (!lost) co_return pass(std::move(lost));
    const auto at = of_->uploads_.find(location_);
    if (at == of_->uploads_.end()) co_return fail(errc::unavailable, "BLOB_UPLOAD_UNKNOWN");
    if (auto is = at->second.hasher.copy().finish(); is != expected) {
      co_return fail(errc::rejected, "DIGEST_INVALID: " + is.text());
    }
    of_->repositories_[at->second.repository].blobs.insert_or_assign(expected.text(), std::move(at->second.blob));
    of_->uploads_.erase(at);
    if (*lost) co_return std::unexpected<error>(**lost);
    co_return result<void>();
  }
  task<> cancel() override {
    auto lost = co_await of_->enter("cancel", repository(), digest_.text());
    of_->uploads_.erase(location_);  // an order to fail this one is answered, yet nothing stays in a test's books
    if (!lost) co_return pass(std::move(lost));
    co_return result<void>();
  }
  std::uint64_t offset() const override { return kept_; }
  std::optional<upload_session> session() const override {
    return of_->does.resumes ? std::optional(upload_session{location_, "node=1", of_->name_}) : std::nullopt;
  }

 private:
  std::string repository() const {
    const auto at = of_->uploads_.find(location_);
    return at == of_->uploads_.end() ? std::string() : at->second.repository;
  }
  memory_registry* of_;
  std::string location_;
  digest digest_;
  std::uint64_t kept_;
};

void memory_registry::break_body(const digest& d, std::uint64_t at_offset, int times) {
  broken_bodies_[d.text()] = {at_offset, times};
}

digest memory_registry::add_blob(const std::string& repository, std::string bytes) {
  const digest d = digest::of(bytes);
  const std::uint64_t size = bytes.size();
  repositories_[repository].blobs.insert_or_assign(d.text(), stored_blob{std::move(bytes), size, false});
  return d;
}

digest memory_registry::add_synthetic_blob(const std::string& repository, std::uint64_t size) {
  stored_blob blob{{}, size, true};
  digest_hasher hasher(digest_algorithm::sha256);
  std::string chunk(1u << 20, '\0');
  for (std::uint64_t at = 0; at < size; at += chunk.size()) {
    const std::size_t n = std::min<std::size_t>(chunk.size(), size - at);
    fill(blob, at, chunk.data(), n);
    hasher.update(std::string_view(chunk.data(), n));
  }
  const digest d = hasher.finish();
  repositories_[repository].blobs.insert_or_assign(d.text(), std::move(blob));
  return d;
}

void memory_registry::erase_blob(const std::string& repository, const digest& d) {
  repositories_[repository].blobs.erase(d.text());
}

const stored_blob* memory_registry::blob(const std::string& repository, const digest& d) const {
  const auto r = repositories_.find(repository);
  if (r == repositories_.end()) return nullptr;
  const auto b = r->second.blobs.find(d.text());
  return b == r->second.blobs.end() ? nullptr : &b->second;
}

std::uint64_t memory_registry::bytes_served(const digest& d) const {
  const auto at = served_.find(d.text());
  return at == served_.end() ? 0 : at->second;
}

std::uint64_t memory_registry::bytes_received(const digest& d) const {
  const auto at = received_.find(d.text());
  return at == received_.end() ? 0 : at->second;
}

task<std::optional<std::uint64_t>> memory_registry::stat_blob(std::string repository, digest d) {
  auto lost = co_await enter("stat_blob", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  const stored_blob* b = blob(repository, d);
  co_return b == nullptr ? std::nullopt : std::optional(b->size);
}

task<std::unique_ptr<blob_reader>> memory_registry::open_blob(std::string repository, digest d, std::uint64_t offset) {
  auto lost = co_await enter("open_blob", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  const stored_blob* b = blob(repository, d);
  if (b == nullptr) co_return fail(errc::not_found, "BLOB_UNKNOWN: " + d.text());
  co_return std::make_unique<memory_reader>(*this, repository, d, *b, offset);
}

task<std::unique_ptr<blob_writer>> memory_registry::begin_blob(std::string repository, digest d, std::uint64_t,
                                                               std::optional<std::string> mount_from) {
  auto lost = co_await enter(mount_from ? "mount" : "begin_blob", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  const stored_blob* held = mount_from && does.mounts ? blob(*mount_from, d) : nullptr;
  if (held != nullptr) repositories_[repository].blobs.insert_or_assign(d.text(), *held);
  if (*lost) co_return std::unexpected<error>(**lost);
  if (held != nullptr) co_return std::unique_ptr<blob_writer>();
  const std::string location = "upload-" + std::to_string(uploads_begun_++);
  uploads_.emplace(location, upload{repository, {}, {}, digest_hasher(d.algorithm()), digest_hasher(d.algorithm())});
  co_return std::make_unique<memory_writer>(*this, location, d, 0);
}

task<std::unique_ptr<blob_writer>> memory_registry::resume_blob(std::string repository, digest d, std::uint64_t,
                                                                upload_session session) {
  auto lost = co_await enter("resume_blob", repository, d.text());
  if (!lost) co_return pass(std::move(lost));
  if (*lost) co_return std::unexpected<error>(**lost);
  if (!does.resumes) co_return fail(errc::unsupported, "UNSUPPORTED: uploads are not taken up again");
  const auto at = session.registry == name_ ? uploads_.find(session.location) : uploads_.end();
  if (at == uploads_.end() || at->second.repository != repository || session.cookies != "node=1") {
    co_return fail(errc::not_found, "BLOB_UPLOAD_UNKNOWN");
  }
  upload& u = at->second;
  if (does.upload_grain > 1) {
    u.blob = u.kept;
    u.hasher = u.kept_hasher.copy();
  }
  co_return std::make_unique<memory_writer>(*this, session.location, d, u.kept.size);
}

}  // namespace longshore::engine::testing
