// What verifying makes of questions that a registry did not answer.

#include "engine/failure.h"
#include "engine/verifier.h"

namespace longshore::engine {
namespace {

constexpr int unanswered_max = 12;  // in a row: more than are asked at once
constexpr std::int64_t unserved_pause_ms = 1'000;

template <class T>
result<void> to_void(result<T> of) {
  if (!of) return pass(std::move(of));
  return {};
}

}  // namespace

// What is asked for each item fails for that item, unless nothing is answered any more.
bool verifier::goes_on_without(const error& answer) {
  const bool ends = is_final(answer.code) && answer.code != errc::corrupt;
  if (!ends && !is_about_the_host(answer.code)) return true;
  if (!ends && ++unanswered_in_a_row_ < unanswered_max) return true;
  if (!trouble_) trouble_ = answer;
  return false;
}

void verifier::note_unanswered(const tag_look& look, const error& why, std::optional<unserved_item> unserved) {
  const std::string reason = look.tag + ": " + describe(why);
  leave_out(look.tag, describe(why));
  if (verdict_.unanswered++ == 0) verdict_.unanswered_reason = reason;
  if (!unserved || verdict_.unserved == settings_->unjudged_max) return;
  if (verdict_.unserved++ == 0) verdict_.unserved_reason = "the target does not serve " + reason;
  unserved_items_.push_back(*std::move(unserved));
}

// What the target does not serve is its content's fault when it answers for others, then and later.
task<> verifier::ask_for_unserved() {
  if (unserved_items_.empty()) co_return result<void>();
  if (auto paused = co_await world_->pause.pause(unserved_pause_ms); !paused) co_return stopped();
  if (auto answers = co_await list(world_->target); !answers) co_return pass(std::move(answers));
  for (const unserved_item& item : unserved_items_) {
    result<void> served;
    if (!item.content) {
      served = to_void(co_await world_->target.resolve(repository_, item.ref));
    } else if (item.content->as_manifest) {
      served = to_void(co_await doubts_.read_manifest(item.content->digest));
    } else {
      served = to_void(co_await world_->target.stat_blob(repository_, item.content->digest));
    }
    const bool says = served || served.error().code == errc::not_found || served.error().code == errc::corrupt;
    if (says) --verdict_.unserved;
  }
  co_return result<void>();
}

result<void> verifier::trouble(tag_look& look, error why, bool unserved) {
  goes_on_without(why);
  look.trouble = std::move(why);
  look.unserved = unserved;
  return {};
}

// What a registry did not answer about it leaves it unknown, and nothing else.
result<void> verifier::without(const tag_look& look, const error& why) {
  if (goes_on_without(why)) note_unanswered(look, why, std::nullopt);
  return {};
}

}  // namespace longshore::engine
