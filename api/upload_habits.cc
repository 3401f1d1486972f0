#include "api/upload_habits.h"

#include <algorithm>

namespace longshore::api {
namespace {

constexpr std::uint64_t learned_chunk_bytes = 4u << 20;   // GHCR takes no larger ones
constexpr std::uint64_t smallest_chunk_bytes = 1u << 20;  // the usual limit of a proxy that nobody configured

}  // namespace

std::uint64_t upload_habits::chunk_for(std::uint64_t size, std::uint64_t chunk_min) const {
  if (only_chunks_ || (size > large_ && !no_chunks_)) return std::max(chunk_, chunk_min);
  return 0;
}

bool upload_habits::put_refused(int status) {
  if (status != 404 && status != 405 && status != 413 && status != 501) return false;
  if (only_chunks_) return false;
  only_chunks_ = true;
  chunk_ = std::min(chunk_, learned_chunk_bytes);
  return true;
}

bool upload_habits::chunk_refused(int status) {
  if (status == 416 && ++out_of_step_ < 2) return true;
  if (status == 413 || status == 416) {
    out_of_step_ = 0;
    if (chunk_ > smallest_chunk_bytes) {
      chunk_ = std::max(chunk_ / 4, smallest_chunk_bytes);
      return true;
    }
  } else if (status != 404 && status != 405 && status != 501) {
    return false;
  }
  if (no_chunks_) return false;
  no_chunks_ = true;
  return !only_chunks_;
}

bool upload_habits::closed_at_once() {
  if (only_chunks_ || ++closed_ < 2) return false;
  only_chunks_ = true;
  chunk_ = std::min(chunk_, learned_chunk_bytes);
  return true;
}

}  // namespace longshore::api
