#pragma once

// What tests of registries share: running a verb to its end, small images, whole blobs in and out.

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/registry.h"
#include "tests/support/scratch.h"

namespace longshore::tests {

inline const std::string image_type = "application/vnd.oci.image.manifest.v1+json";
inline const std::string index_type = "application/vnd.oci.image.index.v1+json";
inline const std::string config_text =
    R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";

inline std::string descriptor_text(const std::string& type, const std::string& bytes) {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest::of(bytes).text() + R"(","size":)" +
         std::to_string(bytes.size()) + "}";
}
// more: further fields, with a leading comma.
inline std::string image_text(const std::string& layer, const std::string& more = {}) {
  return R"({"schemaVersion":2,"mediaType":")" + image_type + R"(","config":)" +
         descriptor_text("application/vnd.oci.image.config.v1+json", config_text) + R"(,"layers":[)" +
         descriptor_text("application/vnd.oci.image.layer.v1.tar", layer) + "]" + more + "}";
}
inline std::string index_text(const std::vector<std::string>& manifests) {
  std::string list;
  for (const std::string& m : manifests) list += (list.empty() ? "" : ",") + descriptor_text(image_type, m);
  return R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[)" + list + "]}";
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

inline engine::task<std::string> read_blob(engine::registry& from, std::string repository, digest d,
                                           std::uint64_t offset) {
  auto reader = co_await from.open_blob(std::move(repository), std::move(d), offset);
  if (!reader) co_return pass(std::move(reader));
  std::string out;
  std::vector<char> piece(10'000);
  for (;;) {
    auto n = co_await (*reader)->read(boost::asio::buffer(piece));
    if (!n) co_return pass(std::move(n));
    if (*n == 0) co_return out;
    out.append(piece.data(), *n);
  }
}
// False: mounted.
inline engine::task<bool> push_blob(engine::registry& to, std::string repository, std::string body, digest as,
                                    std::optional<std::string> from = {}) {
  auto writer = co_await to.begin_blob(std::move(repository), as, body.size(), std::move(from));
  if (!writer) co_return pass(std::move(writer));
  if (!*writer) co_return false;
  for (std::size_t at = 0; at < body.size(); at += 100'000) {
    const auto n = std::min<std::size_t>(100'000, body.size() - at);
    auto sent = co_await (*writer)->write(boost::asio::buffer(body.data() + at, n));
    if (!sent) co_return pass(std::move(sent));
  }
  auto done = co_await (*writer)->finish(as);
  if (!done) co_return pass(std::move(done));
  co_return true;
}
inline engine::task<digest> push_image(engine::registry& to, std::string repository, std::string ref, std::string layer,
                                       std::string more = {}) {
  for (const std::string& body : {config_text, layer}) {
    auto pushed = co_await push_blob(to, repository, body, digest::of(body));
    if (!pushed) co_return pass(std::move(pushed));
  }
  co_return co_await to.put_manifest(repository, ref, image_type, image_text(layer, more));
}

class registry_runner : public ::testing::Test {
 protected:
  template <class T>
  T get(boost::asio::awaitable<T> verb) {
    std::optional<T> out;
    boost::asio::co_spawn(
        io,
        [](boost::asio::awaitable<T> v, std::optional<T>& to) -> boost::asio::awaitable<void> {
          to.emplace(co_await std::move(v));
        }(std::move(verb), out),
        [](std::exception_ptr thrown) {
          if (thrown) std::rethrow_exception(thrown);
        });
    io.restart();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!out && std::chrono::steady_clock::now() < until) io.run_one_until(until);
    if (!out) throw std::runtime_error("a verb did not end");
    return *std::move(out);
  }
  template <class T>
  errc failure(engine::task<T> verb) {
    auto out = get(std::move(verb));
    EXPECT_FALSE(out) << "it succeeded";
    if (!out) last_text = out.error().text;
    return out ? errc::stopped : out.error().code;
  }
  template <class List>
  std::vector<std::string> all(List list) {
    std::vector<std::string> out;
    std::optional<std::string> next;
    do {
      auto page = get(list(next));
      EXPECT_TRUE(page) << (page ? "" : page.error().text);
      if (!page) return out;
      out.insert(out.end(), page->names.begin(), page->names.end());
      next = page->next;
    } while (next && out.size() < 1'000);
    return out;
  }

  boost::asio::io_context io;
  std::string last_text;
};

}  // namespace longshore::tests
