#include "engine/copy_outcome.h"

#include "storage/env/ensure.h"

namespace longshore::engine {

std::string_view name_of(copy_end end) {
  switch (end) {
    case copy_end::copied:
      return "copied";
    case copy_end::unchanged:
      return "unchanged";
    case copy_end::skipped:
      return "skipped";
    case copy_end::failed:
      return "failed";
    case copy_end::deleted:
      return "deleted";
    case copy_end::not_deleted:
      return "not_deleted";
  }
  ensure(false, "a copy ends in one of six ways");
}

error in_words_of_a_copy(error why, const copy_item& item) {
  if (const std::string doing = "publishing " + item.ref.target + ": "; why.text.starts_with(doing)) {
    why.text.erase(0, doing.size());
  }
  const auto reword = [&](const std::string& from, std::string_view to) {
    if (const std::size_t at = why.text.find(from); at != std::string::npos) why.text.replace(at, from.size(), to);
  };
  reword("then longshore unpark " + item.repository, "then copy again");
  reword(" or clear `platforms`, then unpark: ", " or leave --platforms out: ");
  return why;
}

}  // namespace longshore::engine
