// Manifests of all kinds: the first line is the media type, the rest the document. Each digest is named once, and the
// closure of a document that stands alone comes to an end.

#include "engine/manifest.h"

#include <cstdint>
#include <cstdlib>
#include <set>

#include "engine/closure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore;
  using namespace longshore::engine;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view type = text.substr(0, line);
  const std::string_view bytes = text.substr(std::min(line + 1, text.size()));
  static_cast<void>(manifest_digest(type, bytes));
  const auto m = parse_manifest(type, bytes);
  if (!m) return 0;
  std::set<std::string> seen;
  for (const manifest_reference& r : m->references) {
    if (!seen.insert(r.target.digest.text()).second) std::abort();
  }
  const auto root = digest::of(bytes);
  auto c = closure::of({std::string(type), std::string(bytes), root}, closure::subjects::follow, {});
  if (!c) return 0;
  for (;;) {
    const auto wanted = c->take_wanted();
    if (wanted.empty()) break;
    for (const digest& d : wanted) c->absent(d);
  }
  const closure_plan plan = c->plan();
  if (plan.manifests.empty() || plan.manifests.back()->digest != root) std::abort();
  return 0;
}
