// What verifying makes of questions that a registry did not answer.

#include "engine/failure.h"
#include "engine/verifier.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t unserved_pause_ms = 1'000;

}  // namespace

boost::asio::awaitable<bool> verifier::answers(registry& of) {
  const auto page = co_await of.list_tags(repository_, std::nullopt);
  co_return page || page.error().code == errc::not_found;
}

// What is asked for each item fails for that item, unless nothing is answered any more.
boost::asio::awaitable<bool> verifier::goes_on_without(error answer) {
  const bool goes_on = co_await silence_.goes_on_without(answer.code, [this]() -> boost::asio::awaitable<bool> {
    co_return co_await answers(world_->source) && co_await answers(world_->target);
  });
  if (!goes_on && !trouble_) trouble_ = std::move(answer);
  co_return goes_on;
}

void verifier::note_waited(const error& answer) {
  silence_.waits().failed(answer);
  if (!silence_.waits().too_many() || trouble_) return;
  trouble_ =
      error{errc::timed_out, std::to_string(silence_.waits().count()) + " questions were waited for in vain, after " +
                                 std::to_string(verdict_.tags + verdict_.untagged) +
                                 " tags and manifests were looked at, and no more are asked; the last: " + answer.text};
}

void verifier::note_unanswered(const std::string& what, const error& why, std::optional<unserved_item> unserved) {
  leave_out(what, describe(why));
  const std::string reason = what + ": " + describe(why);
  if (verdict_.unanswered++ == 0) verdict_.unanswered_reason = reason;
  if (!unserved || unserved_items_.size() == settings_->unjudged_max) return;
  unserved->reason = "the target does not serve " + reason;
  unserved_items_.push_back(*std::move(unserved));
}

// The question that failed, once more.
task<> verifier::ask_again(const unserved_item& item) {
  if (item.asked == unserved_item::question::reference) {
    auto tag = co_await world_->target.resolve(repository_, item.ref);
    if (!tag) co_return pass(std::move(tag));
    co_return result<void>();
  }
  const longshore::digest d = *longshore::digest::parse(item.ref);
  if (item.asked == unserved_item::question::doubted) {
    auto read = co_await doubts_.read(d);
    if (!read) co_return pass(std::move(read));
    co_return co_await note_doubted(d, *read);
  }
  if (item.asked == unserved_item::question::manifest) {
    auto document = co_await doubts_.read_manifest(d);
    const bool answered =
        document || document.error().code == errc::not_found || document.error().code == errc::corrupt;
    if (!answered) co_return pass(std::move(document));
  } else {
    auto blob = co_await look_at_blob(d);
    if (!blob) co_return pass(std::move(blob));
  }
  co_return result<void>();
}

// What the target does not serve is its content's fault when it answers for others, then and later.
task<> verifier::ask_for_unserved() {
  if (unserved_items_.empty()) co_return result<void>();
  if (auto paused = co_await world_->pause.pause(unserved_pause_ms); !paused) co_return stopped();
  if (!co_await answers(world_->target)) co_return fail(errc::unavailable, "the target answers no more");
  std::vector<unserved_item> still;
  for (unserved_item& item : unserved_items_) {
    if (stopping_) co_return stopped();
    if (trouble_) co_return std::unexpected(*trouble_);
    auto served = co_await ask_again(item);
    if (served) {
      silence_.broken();
      continue;
    }
    note_waited(served.error());
    if (!co_await goes_on_without(served.error())) co_return served;
    still.push_back(std::move(item));
  }
  if (!still.empty() && !co_await answers(world_->target)) {
    co_return fail(errc::unavailable, "the target answers no more");
  }
  verdict_.unserved = still.size();
  if (!still.empty()) verdict_.unserved_reason = still.front().reason;
  co_return result<void>();
}

// What a registry did not answer about it leaves it unknown, and nothing else.
task<> verifier::without(const tag_look& look, error why) {
  note_waited(why);
  if (co_await goes_on_without(why)) note_unanswered(look.tag, why, std::nullopt);
  co_return result<void>();
}

}  // namespace longshore::engine
