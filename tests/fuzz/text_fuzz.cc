// Small texts from elsewhere: digests, times, repository names, tags, packed rows.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/reference.h"
#include "storage/digest.h"
#include "storage/env/clock.h"
#include "storage/packed.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longshore;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto d = digest::parse(text); d && d->text() != text) std::abort();
  if (const auto t = parse_rfc3339(text)) {
    if (parse_rfc3339(to_rfc3339(*t)).value() != *t) std::abort();
  }
  if (engine::is_repository_name(text) && text.find("..") != std::string_view::npos) std::abort();
  if (engine::is_tag(text) && text.find('/') != std::string_view::npos) std::abort();
  storage::unpacker in(text);
  while (in.more()) {
    in.text();
    in.number();
  }
  return 0;
}
