#include "api/registry_blobs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio.hpp>

namespace longshore::api {

namespace asio = boost::asio;

namespace {

constexpr std::size_t answer_bytes_max = 256 * 1024;

}  // namespace

task<> http_blob_reader::skip(std::uint64_t n) {
  std::vector<char> scrap(static_cast<std::size_t>(std::min<std::uint64_t>(n, 64 * 1024)));
  while (n > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(n, scrap.size()));
    auto got = co_await body_->read(asio::buffer(scrap.data(), wanted));
    if (!got) co_return pass(std::move(got));
    if (*got == 0) {
      co_return fail(errc::corrupt, body_->head().from.shown() + " is shorter than the offset to go on from");
    }
    n -= *got;
  }
  co_return result<>();
}

result<upload_place> upload_place_of(const registry_session& session, const http_head& answer,
                                     std::vector<std::string> scopes, std::string repository) {
  auto location = session.upload_location(answer);
  if (!location) return pass(std::move(location));
  std::string cookies;
  for (const auto& line : answer.headers.values("Set-Cookie")) {
    cookies += (cookies.empty() ? "" : "; ") + line.substr(0, line.find(';'));
  }
  return upload_place{std::move(*location), std::move(cookies), std::move(scopes), std::move(repository)};
}

task<> http_blob_writer::begin() {
  auto to = place_.location;
  to.add_query("digest", digest_.text());
  auto begun = co_await session_->upload(std::move(to), place_.scopes, place_.repository, place_.cookies, size_);
  if (!begun) co_return pass(std::move(begun));
  upload_ = std::move(*begun);
  co_return result<>();
}

task<> http_blob_writer::write(asio::const_buffer buffer) {
  if (buffer.size() == 0) co_return result<>();
  if (buffer.size() > size_ - sent_) {
    co_return fail(errc::invalid, "blob " + digest_.text() + " is longer than the " + std::to_string(size_) +
                                      " bytes it was announced with");
  }
  if (!upload_) {
    if (auto begun = co_await begin(); !begun) co_return begun;
  }
  auto sent = co_await upload_->write(buffer);
  if (sent) {
    sent_ += buffer.size();
    co_return sent;
  }
  if (sent.error().code != errc::conflict) co_return sent;
  // The registry answered, or closed, before it had all. Its answer says why, if there is one.
  auto why = co_await settle();
  if (!why && why.error().code != errc::unavailable) co_return why;
  if (!why && why.error().retry_after_ms > 0) co_return why;
  co_return fail(errc::unavailable, sent.error().text + (why ? "" : "; " + why.error().text));
}

// Reads the answer to the PUT.
task<> http_blob_writer::settle() {
  const auto upload = std::move(upload_);
  auto answer = co_await upload->finish(answer_bytes_max);
  if (!answer) co_return pass(std::move(answer), "uploading blob " + digest_.text());
  const auto status = answer->head.status;
  if (status != 201 && status != 204 && status != 200) {
    auto why = session_->refusal(*answer, "uploading blob " + digest_.text(), place_.scopes, clock_->now());
    if (status < 300) {
      why.code = errc::rejected;
      why.text += ": the upload is not complete after its last byte";
    }
    co_return std::unexpected(std::move(why));
  }
  if (const auto told = answer->head.headers.find("Docker-Content-Digest")) {
    const auto d = longshore::digest::parse(*told);
    if (d && d->algorithm() == digest_.algorithm() && *d != digest_) {
      co_return fail(errc::corrupt,
                     session_->registry().authority() + " stored blob " + digest_.text() + " as " + d->text());
    }
  }
  co_return result<>();
}

task<> http_blob_writer::finish(longshore::digest expected) {
  if (expected != digest_ || sent_ != size_) {
    upload_.reset();
    co_return fail(errc::invalid, "blob " + digest_.text() + " of " + std::to_string(size_) +
                                      " bytes cannot be finished as " + expected.text() + " after " +
                                      std::to_string(sent_) + " bytes");
  }
  if (!upload_) {
    if (size_ > 0) co_return fail(errc::invalid, "the upload of blob " + digest_.text() + " has ended before");
    if (auto begun = co_await begin(); !begun) co_return begun;
  }
  co_return co_await settle();
}

task<> http_blob_writer::cancel() {
  upload_.reset();
  auto dropped = co_await session_->drop_upload(place_.location, place_.scopes, place_.repository, place_.cookies);
  if (!dropped) {
    spdlog::info("{}: an abandoned upload to {} could not be cancelled: {}", session_->registry().authority(),
                 place_.repository, dropped.error().text);
  } else if (dropped->head.status >= 300 && dropped->head.status != 404) {  // 404: it is gone already
    spdlog::info("{}: cancelling an abandoned upload to {} was answered with status {}",
                 session_->registry().authority(), place_.repository, dropped->head.status);
  }
  co_return result<>();
}

}  // namespace longshore::api
