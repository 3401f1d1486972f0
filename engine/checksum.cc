#include "engine/checksum.h"

#include "storage/env/ensure.h"

namespace longshore::engine {

void tags_checksum::add(std::string_view tag, std::string_view digest) {
  ensure(tags_ == 0 || last_ < tag, "tags are summed up in their order");
  last_ = tag;
  ++tags_;
  hasher_.update(tag);
  hasher_.update(std::string_view("\0", 1));
  hasher_.update(digest);
  hasher_.update(std::string_view("\n"));
}

result<repository_checksum> checksum_of(const desired& wanted, std::string_view repository) {
  tags_checksum sum;
  auto read = wanted.items(repository, [&](const desired_item& item) {
    if (!item.is_tag) return false;  // tags come first
    if (!item.gone) sum.add(item.ref, item.digest);
    return true;
  });
  if (!read) return pass(std::move(read));
  const std::uint64_t tags = sum.tags();
  return repository_checksum{sum.finish(), tags};
}

}  // namespace longshore::engine
