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

class memory_writer final : public blob_writer {
 public:
  memory_writer(memory_registry& of, std::string repository, digest d)
      : of_(&of), repository_(std::move(repository)), digest_(std::move(d)), hasher_(digest_.algorithm()) {
    ++of_->open_sessions_;
  }
  ~memory_writer() override = default;

  task<> write(asio::const_buffer buffer) override {
    auto lost = co_await of_->enter("write", repository_, digest_.text());
    if (!lost) co_return pass(std::move(lost));
    const std::string_view bytes(static_cast<const char*>(buffer.data()), buffer.size());
    hasher_.update(bytes);
    blob_.size += bytes.size();
    of_->received_[digest_.text()] += bytes.size();
    if (blob_.size <= of_->does.keep_bytes_max) {
      blob_.bytes.append(bytes);
    } else {
      std::string().swap(blob_.bytes);
      blob_.synthetic = true;
    }
    if (*lost) co_return std::unexpected<error>(**lost);
    co_return result<void>();
  }
  task<> finish(digest expected) override {
    auto lost = co_await of_->enter("finish", repository_, expected.text());
    if (!lost) co_return pass(std::move(lost));
    if (auto is = hasher_.finish(); is != expected) co_return fail(errc::rejected, "DIGEST_INVALID: " + is.text());
    of_->repositories_[repository_].blobs.insert_or_assign(expected.text(), std::move(blob_));
    close();
    if (*lost) co_return std::unexpected<error>(**lost);
    co_return result<void>();
  }
  task<> cancel() override {
    auto lost = co_await of_->enter("cancel", repository_, digest_.text());
    close();  // an order to fail this one is answered, yet nothing may stay behind in a test's books
    if (!lost) co_return pass(std::move(lost));
    co_return result<void>();
  }

 private:
  void close() {
    if (open_) --of_->open_sessions_;
    open_ = false;
  }
  memory_registry* of_;
  std::string repository_;
  digest digest_;
  digest_hasher hasher_;
  stored_blob blob_;
  bool open_ = true;
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
  co_return std::make_unique<memory_writer>(*this, repository, d);
}

}  // namespace longshore::engine::testing
