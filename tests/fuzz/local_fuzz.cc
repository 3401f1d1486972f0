// What people and other tools write of images that are files: references, index.json, manifests without a type.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/local/image_reference.h"
#include "api/local/layout_index.h"
#include "api/local/manifest_type.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto r = api::parse_image_reference(text)) {
    const auto again = api::parse_image_reference(api::to_text(*r));
    if (!again || *again != *r || r->location.empty()) std::abort();
  }
  if (auto index = api::layout_index::parse(text)) {
    for (const auto& tag : index->tags()) {
      if (index->find(tag) == nullptr) std::abort();
    }
    index->set_tag("v1", {"t", digest::of(text), size});
    const auto again = api::layout_index::parse(index->text());
    if (!again || again->entries().size() != index->entries().size()) std::abort();
    if (again->find("v1") == nullptr || again->find("v1")->target.digest != digest::of(text)) std::abort();
  }
  if (const auto type = api::infer_manifest_type(text); type && type->empty()) std::abort();
  return 0;
}
