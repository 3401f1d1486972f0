#include "engine/named_target.h"

#include "engine/record_detail.h"

namespace longshore::engine {

namespace {

// Row: target.current  "authority" -> host:port
constexpr std::string_view authority_key = "authority";

}  // namespace

void named_target::apply(const log::event_view& e, storage::overlay& state) {
  if (e.kind != log::event_kind::target_named) return;
  const std::string authority = record_detail(e.detail).text("authority");
  if (!authority.empty()) state.put(current_, authority_key, authority);
}

result<std::optional<std::string>> named_target::authority() const { return db_->get(current_, authority_key); }

}  // namespace longshore::engine
