#include "engine/copy_estimate.h"

#include <algorithm>

namespace longshore::engine {

copy_estimate estimate(const copy_figures& ended, const std::list<copy_run::running_item>& running) {
  copy_estimate e;
  std::size_t images_known = ended.copied, at_work = 0;
  e.bytes_done = ended.moved.copied.bytes + ended.moved.mounted.bytes + ended.moved.present.bytes;
  std::uint64_t bytes_known = ended.in_copied.bytes;
  for (const copy_run::running_item& item : running) {
    for (const image_progress& image : item.moved.images) {
      if (image.blobs == 0) continue;
      ++at_work;
      bytes_known += image.bytes;
      e.bytes_open += image.bytes_open();
      e.bytes_done += image.bytes - image.bytes_open();
    }
  }
  images_known += at_work;
  const std::size_t images_over = std::min(ended.items, ended.ended());
  if (ended.items == 0) return e;
  e.is_known = images_known > 0;
  if (bytes_known == 0 || images_known == 0) {
    e.share_done = static_cast<double>(images_over) / static_cast<double>(ended.items);
    return e;
  }
  const double mean = static_cast<double>(bytes_known) / static_cast<double>(images_known);
  const std::size_t not_begun = ended.items - std::min(ended.items, images_over + at_work);
  e.bytes_open += static_cast<std::uint64_t>(mean * static_cast<double>(not_begun));
  const double all = mean * static_cast<double>(std::max(ended.items, images_known));
  e.share_done = std::clamp(1 - static_cast<double>(e.bytes_open) / all, 0.0, 1.0);
  return e;
}

}  // namespace longshore::engine
