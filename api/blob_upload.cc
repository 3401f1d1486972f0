#include "api/blob_upload.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio.hpp>

#include "api/http_fields.h"

namespace longshore::api {

namespace asio = boost::asio;

namespace {

constexpr std::size_t answer_bytes_max = 256 * 1024;
// More than this, and the connection was not closed "at once": it may have broken as any does.
constexpr std::uint64_t at_once_bytes = 1u << 20;

}  // namespace

// The request that carries what comes next; `last`: it completes the blob.
task<> http_blob_writer::begin(bool last) {
  auto to = place_;
  request_end_ = chunk_ > 0 && !last ? std::min(acknowledged_ + chunk_, size_) : size_;
  if (last) to.location.add_query("digest", digest_.text());
  http_headers headers{{"Content-Type", "application/octet-stream"}};
  if (request_end_ > acknowledged_ && (!last || acknowledged_ > 0)) {
    headers.add("Content-Range", std::to_string(acknowledged_) + "-" + std::to_string(request_end_ - 1));
  }
  auto begun = co_await session_->upload(last ? "PUT" : "PATCH", std::move(to), std::move(headers),
                                         request_end_ - acknowledged_, acknowledged_ > 0);
  if (!begun) co_return pass(std::move(begun));
  under_way_ = std::move(*begun);
  co_return result<>();
}

task<> http_blob_writer::write(asio::const_buffer buffer) {
  if (failed_) co_return fail(errc::invalid, "the upload of blob " + digest_.text() + " has failed before");
  if (buffer.size() > size_ - sent_) {
    co_return fail(errc::invalid, "blob " + digest_.text() + " is longer than the " + std::to_string(size_) +
                                      " bytes it was announced with");
  }
  failed_ = true;  // unless this comes to its end
  while (buffer.size() > 0) {
    if (!under_way_.body) {
      if (auto begun = co_await begin(chunk_ == 0); !begun) co_return begun;
    }
    const auto piece =
        asio::buffer(buffer, static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), request_end_ - sent_)));
    auto sent = co_await under_way_.body->write(piece);
    if (!sent) co_return co_await broken(std::move(sent).error());
    sent_ += piece.size();
    buffer += piece.size();
    if (chunk_ > 0 && sent_ == request_end_) {
      if (auto taken = co_await settle_chunk(); !taken) co_return taken;
    }
  }
  failed_ = false;
  co_return result<>();
}

// conflict: the registry answered, or closed, before it had all. Its answer says why, if there is one.
task<> http_blob_writer::broken(error how) {
  if (how.code != errc::conflict) co_return std::unexpected(std::move(how));
  result<void> why;
  if (chunk_ > 0) {
    why = co_await settle_chunk();
  } else {
    why = co_await settle();
  }
  if (why) co_return fail(errc::unavailable, how.text);
  if (why.error().code != errc::unavailable || why.error().retry_after_ms > 0) co_return why;
  co_return fail(errc::unavailable, how.text + "; " + why.error().text);
}

task<http_response> http_blob_writer::answer() {
  const auto upload = std::move(under_way_.body);
  auto answer = co_await upload->finish(answer_bytes_max);
  if (!answer) {
    auto why = closed(std::move(answer).error());
    why.text = doing() + ": " + why.text;
    co_return std::unexpected(std::move(why));
  }
  if (answer->head.status == 401) {
    // An expired token: the body cannot be sent again, but what comes next shall have a fresh one.
    auto renewed = co_await session_->renew(*answer, place_, under_way_.authorization);
    if (!renewed) co_return pass(std::move(renewed), doing());
    co_return fail(errc::unavailable, session_->registry().authority() + " refused the token in mid-upload; renewed");
  }
  session_->accepted(under_way_.authorization);
  co_return answer;
}

error http_blob_writer::closed(error how) {
  const bool whole = chunk_ == 0 && acknowledged_ == 0 && size_ > 0;
  if (how.code == errc::unavailable && whole && sent_ < at_once_bytes && habits_->closed_at_once()) {
    how.text += "; from now on it is sent blobs in chunks";
  }
  return how;
}

error http_blob_writer::refused(const http_response& answer, bool learned) const {
  auto why = session_->refusal(answer, doing(), place_.scopes, clock_->now());
  if (learned) {
    why.code = errc::unavailable;
    why.text += "; it is sent in another way from now on";
  }
  return why;
}

task<> http_blob_writer::settle_chunk() {
  auto got = co_await answer();
  if (!got) co_return pass(std::move(got));
  const auto& head = got->head;
  if (head.status < 200 || head.status > 204) {
    const bool lost_session = head.status == 404 && session_->lost_session(*got);
    co_return std::unexpected(refused(*got, !lost_session && habits_->chunk_refused(head.status)));
  }
  if (sent_ != request_end_) co_return fail(errc::unavailable, "the registry answered before the end of a chunk");
  if (head.headers.find("Location")) {
    auto moved = session_->upload_location(head);
    if (!moved) co_return pass(std::move(moved));
    place_.location = std::move(*moved);
  }
  place_.keep_cookies(head);
  const auto told = parse_upload_range(head.headers.find("Range").value_or(""));
  if (told && *told + 1 != sent_) {
    co_return fail(errc::unavailable, session_->registry().authority() + " has " + std::to_string(*told + 1) +
                                          " bytes of blob " + digest_.text() + " where " + std::to_string(sent_) +
                                          " were sent");
  }
  acknowledged_ = sent_;
  habits_->chunk_taken();
  co_return result<>();
}

// Reads the answer to the PUT.
task<> http_blob_writer::settle() {
  const bool whole = acknowledged_ == 0 && chunk_ == 0;
  auto got = co_await answer();
  if (!got) co_return pass(std::move(got));
  const auto status = got->head.status;
  if (status != 201 && status != 204 && status != 200) {
    const bool lost_session = status == 404 && session_->lost_session(*got);
    auto why = refused(*got, whole && !lost_session && habits_->put_refused(status));
    if (status < 300) {
      why.code = errc::rejected;
      why.text += ": the upload is not complete after its last byte";
    }
    co_return std::unexpected(std::move(why));
  }
  if (whole) habits_->put_taken();
  if (const auto told = got->head.headers.find("Docker-Content-Digest")) {
    const auto d = longshore::digest::parse(*told);
    if (d && d->algorithm() == digest_.algorithm() && *d != digest_) {
      co_return fail(errc::corrupt,
                     session_->registry().authority() + " stored blob " + digest_.text() + " as " + d->text());
    }
  }
  co_return result<>();
}

task<> http_blob_writer::finish(longshore::digest expected) {
  if (failed_) co_return fail(errc::invalid, "the upload of blob " + digest_.text() + " has failed before");
  if (expected != digest_ || sent_ != size_) {
    under_way_ = {};
    failed_ = true;
    co_return fail(errc::invalid, "blob " + digest_.text() + " of " + std::to_string(size_) +
                                      " bytes cannot be finished as " + expected.text() + " after " +
                                      std::to_string(sent_) + " bytes");
  }
  failed_ = true;
  if (!under_way_.body) {
    if (auto begun = co_await begin(true); !begun) co_return begun;
  }
  co_return co_await settle();
}

task<> http_blob_writer::cancel() {
  under_way_ = {};
  failed_ = true;
  auto dropped = co_await session_->at_upload("DELETE", place_);
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
