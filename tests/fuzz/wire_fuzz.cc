// What peers and registries say outside bodies: log frames, URLs, header fields.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/http_fields.h"
#include "api/log_frames.h"
#include "api/url.h"

namespace {

using namespace longshore;
using namespace longshore::api;

// In one piece or byte by byte: the same frames.
std::vector<log_frame> frames_in(std::string_view bytes, std::size_t piece) {
  std::vector<log_frame> found;
  log_frame_decoder decoder;
  while (!bytes.empty()) {
    decoder.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      auto frame = decoder.next();
      if (!frame) return found;
      if (!*frame) break;
      found.push_back(**frame);
    }
  }
  return found;
}

void try_url(std::string_view text) {
  const auto u = url::parse(text);
  if (!u) return;
  if (!u->path.starts_with('/') || u->port == 0) std::abort();
  const auto again = url::parse(u->origin() + u->target());
  if (!again || *again != *u) std::abort();
  static_cast<void>(u->resolve("../x?y"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (frames_in(text, size) != frames_in(text, 1)) std::abort();
  try_url(text);
  if (const auto base = url::parse("https://registry.example.org/v2/")) static_cast<void>(base->resolve(text));
  const std::vector<std::string> lines{std::string(text)};
  if (parse_challenges(lines).size() > 16) std::abort();
  static_cast<void>(next_link(lines));
  if (const auto ms = retry_after_ms(text, timestamp{1'700'000'000'000'000}); ms && (*ms < 0 || *ms > 86'400'000)) {
    std::abort();
  }
  if (const auto r = parse_content_range(text); r && r->total && r->last >= *r->total) std::abort();
  static_cast<void>(parse_upload_range(text));
  static_cast<void>(parse_count(text));
  return 0;
}
