#include "engine/planned_target.h"

#include "engine/manifest.h"

namespace longshore::engine {

task<longshore::digest> planned_target::put_manifest(std::string, std::string ref, std::string media_type,
                                                     std::string bytes) {
  const auto asked = longshore::digest::parse(ref);
  co_return manifest_digest(media_type, bytes, asked ? asked->algorithm() : digest_algorithm::sha256);
}

task<> planned_target::delete_tag(std::string, std::string) { co_return result<void>(); }

task<> planned_target::delete_manifest(std::string, longshore::digest) { co_return result<void>(); }

task<std::unique_ptr<blob_writer>> planned_target::begin_blob(std::string, longshore::digest, std::uint64_t,
                                                              std::optional<std::string>) {
  co_return fail(errc::unsupported, "a plan uploads nothing");
}

}  // namespace longshore::engine
