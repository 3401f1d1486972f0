#include "engine/named_target.h"

#include "engine/record_detail.h"

namespace longshore::engine {

namespace {

// Rows: target.current  "authority" -> host:port
//                       "renewing"  -> host:port, until it is named
constexpr std::string_view authority_key = "authority", renewing_key = "renewing";

}  // namespace

void named_target::apply(const log::event_view& e, storage::overlay& state) {
  if (e.kind != log::event_kind::target_named) return;
  const record_detail detail(e.detail);
  if (const std::string renewing = detail.text("renewing"); !renewing.empty()) {
    state.put(current_, renewing_key, renewing);
  }
  const std::string authority = detail.text("authority");
  if (authority.empty()) return;
  state.put(current_, authority_key, authority);
  if (state.get(current_, renewing_key)) state.erase(current_, renewing_key);
}

result<std::optional<std::string>> named_target::authority() const { return db_->get(current_, authority_key); }
result<std::optional<std::string>> named_target::renewing() const { return db_->get(current_, renewing_key); }

}  // namespace longshore::engine
