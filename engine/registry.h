#pragma once

// What the engine needs of a registry, source or target. Implemented over HTTP by api/registry_client, in memory
// by the tests. Paths, statuses and headers: OCI distribution-spec; this interface has none of them.
//
// Verbs may be called concurrently, on the engine's executor only. Each returns when the registry has answered;
// success of a writing verb means that the registry acknowledged it. No verb retries for longer than one
// re-authentication and one fresh connection: the engine owns patience. Errors: not_found only where the registry
// said so in the distribution error format (a proxy's 404 page is `unavailable`); see errc for the rest.
// Strings are passed by value: a coroutine outlives its caller's temporaries.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/descriptor.h"
#include "engine/upload_session.h"
#include "storage/digest.h"
#include "storage/env/result.h"

namespace longshore::engine {

template <class T = void>
using task = boost::asio::awaitable<result<T>>;

// A manifest exactly as stored.
struct manifest_document {
  std::string media_type;
  std::string bytes;
  longshore::digest digest;  // computed from the bytes by the rules of its type (schema 1: without signatures)
};

// A blob's bytes, in order.
class blob_reader {
 public:
  virtual ~blob_reader() = default;
  virtual std::optional<std::uint64_t> size() const = 0;  // of the whole blob, when the registry told
  // Reads at least 1 byte, at most buffer.size(); 0 is the end. errc::unavailable when the connection broke before
  // it; errc::timed_out after the stall time without a byte.
  virtual task<std::size_t> read(boost::asio::mutable_buffer buffer) = 0;
};

// An upload session. Dropped without finish(), the session is left behind: call cancel() where that can be.
class blob_writer {
 public:
  virtual ~blob_writer() = default;
  // Sends all of buffer; on return it may be reused.
  virtual task<> write(boost::asio::const_buffer buffer) = 0;
  // Completes the upload; on success the registry holds the blob under this digest.
  virtual task<> finish(longshore::digest expected) = 0;
  virtual task<> cancel() = 0;
  // How many bytes, from the first, the registry has acknowledged: after a failure these need not be sent again.
  virtual std::uint64_t offset() const { return 0; }
  // What resume_blob() needs to go on after them, in this process or in a later one; none: it cannot be gone on.
  virtual std::optional<upload_session> session() const { return std::nullopt; }
};

struct tag_page {
  std::vector<std::string> names;
  std::optional<std::string> next;  // pass back to go on; none: the listing is complete
};

// Of errc::unsupported where the registry takes none at all, and not only not this one.
inline constexpr std::string_view takes_no_pushes = "takes no pushes: is it read-only";

class registry {
 public:
  virtual ~registry() = default;
  // host:port as configured; names the registry in messages and metrics.
  virtual std::string name() const = 0;
  // Where what it shows as this repository is read: another one where repositories are copied under new names.
  virtual std::string repository_read(const std::string& repository) const { return repository; }

  // ref is a tag or a digest. The document's digest is verified when ref is one (errc::corrupt).
  virtual task<manifest_document> get_manifest(std::string repository, std::string ref) = 0;
  // The digest a tag or digest has now; none: known not to exist.
  virtual task<std::optional<longshore::digest>> resolve(std::string repository, std::string ref) = 0;
  // The same, where the digest was `known` last: asked as a condition where the registry takes one, which is cheaper
  // for it, and which Distribution does not notify anybody of as a pull.
  virtual task<std::optional<longshore::digest>> resolve_again(std::string repository, std::string ref,
                                                               longshore::digest /*known*/) {
    return resolve(std::move(repository), std::move(ref));
  }
  virtual task<longshore::digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                               std::string bytes) = 0;
  // errc::unsupported where the registry has no such deletion; not_found when there is nothing to delete.
  virtual task<> delete_tag(std::string repository, std::string tag) = 0;
  virtual task<> delete_manifest(std::string repository, longshore::digest d) = 0;

  virtual task<std::optional<std::uint64_t>> stat_blob(std::string repository, longshore::digest d) = 0;
  virtual task<std::unique_ptr<blob_reader>> open_blob(std::string repository, longshore::digest d,
                                                       std::uint64_t offset) = 0;
  // Null: mounted, nothing to send. Otherwise a session to write the blob into (also when a mount was refused).
  virtual task<std::unique_ptr<blob_writer>> begin_blob(std::string repository, longshore::digest d, std::uint64_t size,
                                                        std::optional<std::string> mount_from) = 0;
  // Takes up a session that a writer told of. The first write() is to begin with the byte at the new writer's
  // offset(), which may be more or less than was acknowledged. not_found: the session is gone, or nobody can say
  // what it holds, or another registry gave it (nobody is asked then); unsupported: there are no sessions here.
  virtual task<std::unique_ptr<blob_writer>> resume_blob(std::string, longshore::digest, std::uint64_t,
                                                         upload_session) {
    co_return fail(errc::unsupported, name() + " has no upload sessions to take up again");
  }

  virtual task<tag_page> list_tags(std::string repository, std::optional<std::string> next) = 0;
  virtual task<tag_page> list_repositories(std::optional<std::string> next) = 0;
  // Digests of manifests whose subject is d; errc::unsupported where the registry has no referrers API.
  virtual task<std::vector<descriptor>> referrers(std::string repository, longshore::digest d) = 0;
  // The same for a caller to whom more than `most` are of no use: too_large then, and reading need not go on.
  virtual task<std::vector<descriptor>> referrers_within(std::string repository, longshore::digest d,
                                                         std::size_t most) {
    auto all = co_await referrers(std::move(repository), std::move(d));
    if (all && all->size() > most) co_return fail(errc::too_large, "there are more than " + std::to_string(most));
    co_return all;
  }
};

}  // namespace longshore::engine
