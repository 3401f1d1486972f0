#include "engine/verifier.h"

#include "engine/decisions.h"
#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;
using presence = found_content::presence;

// Nothing was journaled about the item in between.
bool same(const std::optional<actual_item>& a, const std::optional<actual_item>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->state == b->state && a->digest == b->digest && a->done_size == b->done_size &&
         a->tried_size == b->tried_size && a->at == b->at;
}

result<void> read_item(const sync_world& world, const std::string& repository, const std::string& tag,
                       std::optional<desired_item>& wanted, std::optional<actual_item>& done) {
  auto w = world.wanted.item(repository, tag);
  if (!w) return pass(std::move(w));
  auto d = world.done.item(repository, tag);
  if (!d) return pass(std::move(d));
  wanted = *std::move(w);
  done = *std::move(d);
  return {};
}

}  // namespace

// That a registry has no such repository is its own word: no tags. Each is asked for by itself all the same.
task<tag_names> verifier::list(registry& of) {
  auto listed = co_await list_all_tags(of, repository_, world_->settings.listed_tags_max);
  if (!listed && listed.error().code == errc::not_found) co_return tag_names();
  co_return listed;
}

// The tags that either registry lists or the log speaks of.
task<tag_names> verifier::tags_to_verify() {
  auto source = co_await list(world_->source);
  if (!source) co_return source;
  source_lists_ = *source;
  auto target = co_await list(world_->target);
  if (!target) co_return target;
  tag_names tags = *std::move(source);
  tags.merge(*target);
  auto read = world_->wanted.items(repository_, [&](const desired_item& item) {
    if (!item.is_tag) return false;  // tags come first
    if (!item.gone) tags.insert(item.ref);
    return true;
  });
  if (!read) co_return pass(std::move(read));
  co_return tags;
}

// A registry that serves tags and does not list them may hide others, too.
task<> verifier::check_listing() {
  if (unlisted_.empty()) co_return result<void>();
  auto again = co_await list(world_->source);
  if (!again) co_return pass(std::move(again));
  for (const std::string& tag : unlisted_) {
    if (!again->contains(tag)) {
      co_return fail(errc::conflict,
                     "the source serves tag " + tag + " and does not list it; is there a proxy in front?");
    }
  }
  co_return result<void>();
}

std::unexpected<error> verifier::stopped() {
  return fail(errc::stopped, "stopping; the verification begins anew when asked");
}

task<verify_verdict> verifier::run() {
  if (auto known = doubts_.load(); !known) co_return pass(std::move(known));
  auto tags = co_await tags_to_verify();
  if (!tags) trouble_ = std::move(tags).error();
  if (!trouble_) {
    if (auto done = co_await verify_tags(*tags); !done) co_return pass(std::move(done));
  }
  if (!must_end()) {
    if (auto done = co_await verify_untagged(); !done) co_return pass(std::move(done));
  }
  if (!must_end()) {
    if (auto listed = co_await check_listing(); !listed) trouble_ = std::move(listed).error();
  }
  if (auto read = co_await read_what_is_left(); !read) co_return pass(std::move(read));
  if (!must_end()) {
    if (auto asked = co_await ask_for_unserved(); !asked && !trouble_) trouble_ = std::move(asked).error();
  }
  if (auto told = co_await journal({}); !told) co_return pass(std::move(told));
  if (stopping_ || (trouble_ && trouble_->code == errc::stopped)) co_return stopped();
  if (trouble_) co_return ended(std::move(trouble_));
  if (verdict_.unanswered > 0) {
    const std::string more =
        verdict_.unanswered > 1 ? ", and " + std::to_string(verdict_.unanswered - 1) + " more" : std::string();
    verdict_.reason = verdict_.unanswered_reason + more;
    co_return ended({});
  }
  const std::uint64_t summed = sum_.tags();
  verdict_.checksum = sum_.finish();
  if (verdict_.found > 0) {
    verdict_.is = verify_verdict::state::mismatched;
    co_return std::move(verdict_);
  }
  const std::uint64_t unjudged = verdict_.unsettled + verdict_.parked;
  verdict_.is = unjudged > 0 ? verify_verdict::state::unjudged : verify_verdict::state::clean;
  facts_.push_back(record::repository_verified(repository_, verdict_.checksum, summed, unjudged));
  auto written = co_await journal({});
  if (!written) co_return pass(std::move(written));
  co_return std::move(verdict_);
}

task<verify_verdict> verifier::run_doubts() {
  if (auto known = doubts_.load(); !known) co_return pass(std::move(known));
  if (auto read = co_await read_what_is_left(); !read) co_return pass(std::move(read));
  if (auto told = co_await journal({}); !told) co_return pass(std::move(told));
  if (stopping_ || (trouble_ && trouble_->code == errc::stopped)) co_return stopped();
  if (trouble_ || verdict_.unanswered > 0) {
    verdict_.reason = verdict_.unanswered_reason;
    co_return ended(std::move(trouble_));
  }
  verdict_.is = verdict_.found > 0 ? verify_verdict::state::mismatched : verify_verdict::state::clean;
  co_return std::move(verdict_);
}

// Not everything was seen. What one registry did not answer while it is away says nothing of its content.
verify_verdict verifier::ended(std::optional<error> why) {
  verdict_.away = why ? is_about_the_host(why->code) : silence_.waits().answers() == 0;
  if (why) {
    verdict_.reason = describe(*why);
    verdict_.unserved = 0;
  }
  verdict_.is = verify_verdict::state::unknown;
  return std::move(verdict_);
}

// Between two pages nobody needs what was found.
void verifier::make_room() {
  if (remembered_ <= settings_->remembered_max) return;
  found_.clear();
  at_source_.clear();
  remembered_ = 0;
}

error verifier::too_many() const {
  return {errc::too_large,
          "more than " + std::to_string(settings_->findings_max) + " items differ; verify again when these are mended"};
}

task<> verifier::verify_tags(const tag_names& tags) {
  tag_looks page;
  for (auto at = tags.begin(); at != tags.end() && !must_end();) {
    page.push_back({.tag = *at});
    ++at;
    if (page.size() < settings_->tags_per_page && at != tags.end()) continue;
    if (auto done = co_await verify_page(std::exchange(page, {})); !done) co_return done;
    make_room();
    if (verdict_.findings.size() >= settings_->findings_max) {
      if (at == tags.end()) break;
      trouble_ = too_many();
    }
  }
  co_return result<void>();
}

// A page of those that were not judged below a tag; from is moved past it.
result<verifier::tag_looks> verifier::untagged_from(event_seq& from) const {
  tag_looks page;
  auto read = world_->wanted.changed(repository_, from, [&](const desired_item& item) {
    from = item.seq.next();
    if (item.is_tag || item.gone) return true;
    const auto d = longshore::digest::parse(item.ref);
    if (d && !judged_.contains(*d)) page.push_back({.tag = item.ref, .is_tag = false});
    return page.size() < settings_->tags_per_page;
  });
  if (!read) return pass(std::move(read));
  return page;
}

task<> verifier::verify_untagged() {
  for (event_seq from{0}; !must_end();) {
    auto page = untagged_from(from);
    if (!page) co_return pass(std::move(page));
    if (page->empty()) break;
    if (verdict_.findings.size() >= settings_->findings_max) {
      trouble_ = too_many();
      break;
    }
    if (auto done = co_await verify_page(*std::move(page)); !done) co_return done;
    make_room();
  }
  co_return result<void>();
}

task<> verifier::verify_page(tag_looks page) {
  std::uint64_t waits = silence_.waits().count();
  for (const bool again : {false, true}) {
    silence_.waits().go_back(waits);
    std::vector<tag_look*> asked;
    for (tag_look& look : page) {
      if (!again || std::exchange(look.trouble, std::nullopt)) asked.push_back(&look);
    }
    co_await on_several(asked.size(), [&](std::size_t i) { return look_up(*asked[i]); });
  }
  std::set<longshore::digest> roots;
  for (const tag_look& look : page) {
    if (look.target && look.source == look.target) roots.insert(*look.target);
  }
  const std::vector<longshore::digest> distinct(roots.begin(), roots.end());
  waits = silence_.waits().count();
  for (const bool again : {false, true}) {
    if (again && unanswered_.empty()) break;
    silence_.waits().go_back(waits);
    for (const auto& [key, why] : std::exchange(unanswered_, {})) found_.erase(key);
    unserved_.clear();
    co_await on_several(distinct.size(), [&](std::size_t i) { return explore(distinct[i]); });
  }
  if (must_end()) co_return result<void>();
  tag_looks whole;
  for (tag_look& look : page) {
    if (auto done = co_await judge(look, whole); !done) co_return done;
    if (must_end()) co_return result<void>();
    if (look.is_tag) ++verdict_.tags, ++progress_->tags;
    if (!look.is_tag) ++verdict_.untagged;
  }
  co_return co_await journal(whole);
}

// Nobody may have found something amiss with them meanwhile.
task<> verifier::journal(const tag_looks& whole) {
  for (const tag_look& look : whole) {
    std::optional<desired_item> wanted;
    std::optional<actual_item> done;
    if (auto read = read_item(*world_, repository_, look.tag, wanted, done); !read) co_return read;
    if (!same(done, look.done)) continue;
    facts_.push_back(record::verified(repository_, look.is_tag ? look.tag : std::string(), *look.target));
  }
  if (facts_.empty()) co_return result<void>();
  co_return co_await world_->records.append_in_parts(std::exchange(facts_, {}));
}

// A few workers; what one of them fails with is the trouble, and ends all.
task<> verifier::on_several(std::size_t count, std::function<task<>(std::size_t)> each) {
  std::size_t next = 0;
  const auto worker = [&]() -> asio::awaitable<void> {
    while (next < count && !must_end()) {
      if (auto done = co_await each(next++); !done && !trouble_) trouble_ = std::move(done).error();
    }
  };
  std::vector<asio::awaitable<void>> workers;
  for (std::size_t i = 0; i < std::min(count, settings_->looks_at_once); ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  looked_.notify_all();
  co_return result<void>();
}

task<> verifier::look_up(tag_look& look) {
  if (auto done = co_await resolve(look); !done) co_return done;
  if (look.trouble) {
    note_waited(*look.trouble);
    co_await goes_on_without(*look.trouble);
  }
  co_return result<void>();
}

task<> verifier::resolve(tag_look& look) {
  if (auto read = read_item(*world_, repository_, look.tag, look.wanted, look.done); !read) co_return read;
  look.source.reset();
  look.target.reset();
  look.unserved = false;
  auto source = co_await world_->source.resolve(repository_, look.tag);
  if (source) look.source = *source;
  if (!source) {
    look.trouble = pass(std::move(source), "asking the source for " + look.tag).error();
    if (!is_left_out(look)) co_return result<void>();
  }
  auto target = co_await world_->target.resolve(repository_, look.tag);
  if (!target) {
    look.trouble = pass(std::move(target), "asking the target for " + look.tag).error();
    look.unserved = true;
    co_return result<void>();
  }
  look.target = *std::move(target);
  if (!look.trouble) silence_.broken();
  co_return result<void>();
}

// Everything below the root, each digest once.
task<> verifier::explore(longshore::digest root) {
  std::vector<longshore::digest> manifests{root};
  std::set<longshore::digest> seen{root};
  for (std::size_t i = 0; i < manifests.size() && !must_end(); ++i) {
    if (manifests.size() > world_->copying.limits.documents_max) {
      co_return fail(errc::too_large, "the image " + root.text() + " has more manifests than are read");
    }
    const content_key key{manifests[i], true};
    if (auto done = co_await look_once(key); !done) co_return done;
    if (must_end()) break;
    for (const longshore::digest& r : found_.at(key).referred_to_by) {
      if (seen.insert(r).second) manifests.push_back(r);
    }
    if (const auto& subject = found_.at(key).refers_to.subject; subject && seen.insert(subject->digest).second) {
      manifests.push_back(subject->digest);
    }
    const std::vector<manifest_reference>& references = found_.at(key).refers_to.references;
    for (std::size_t r = 0; r < references.size() && !must_end(); ++r) {
      const manifest_reference below = references[r];
      if (below.as != copy_as::blob) {
        const auto what = below.as == copy_as::either ? may_be::either : may_be::manifest;
        if (auto done = co_await look_once({below.target.digest, true}, what); !done) co_return done;
        if (must_end()) break;
        const bool is_manifest =
            below.as == copy_as::manifest || found_.at({below.target.digest, true}).is == presence::there;
        if (is_manifest && seen.insert(below.target.digest).second) manifests.push_back(below.target.digest);
        if (is_manifest) continue;
      }
      if (auto done = co_await look_once({below.target.digest, false}); !done) co_return done;
    }
  }
  co_return result<void>();
}

// When it returns well and nothing must end, the content is in found_.
task<> verifier::look_once(content_key key, may_be what) {
  while (!found_.contains(key) && looking_.contains(key) && !must_end()) co_await looked_.wait();
  if (found_.contains(key) || must_end()) co_return result<void>();
  looking_.insert(key);
  result<found_content> looked;
  if (key.as_manifest) {
    looked = co_await look_at_manifest(key.digest, what);
  } else {
    looked = co_await look_at_blob(key.digest);
  }
  looking_.erase(key);
  if (looked) silence_.broken();
  if (!looked) note_waited(looked.error());
  if (!looked && co_await goes_on_without(looked.error())) {
    unanswered_.emplace(key, std::move(looked).error());
    looked = found_content{};
    looked->is = presence::unknown;
  }
  if (looked) {
    remembered_ += 1 + looked->refers_to.references.size() + looked->referred_to_by.size();
    found_.emplace(std::move(key), *std::move(looked));
  } else if (!trouble_) {
    trouble_ = std::move(looked).error();
  }
  looked_.notify_all();
  co_return result<void>();
}

// Looked at again: neither the log nor a pass nor either registry has moved on meanwhile.
task<bool> verifier::still_stands(const tag_look& look) {
  tag_look now{.tag = look.tag, .is_tag = look.is_tag};
  if (auto looked = co_await resolve(now); !looked) co_return pass(std::move(looked));
  if (now.trouble) co_return std::unexpected<error>(*now.trouble);
  co_return now.wanted == look.wanted&& same(now.done, look.done) &&
      now.source == look.source&& now.target == look.target;
}

namespace {

// Whatever became of it since it was judged: what is settled is looked at once more. What the log says otherwise by now
// is open, or was settled with it; what an operator or the target left out is theirs.
bool is_to_be_opened(const verify_verdict::finding& f, const std::optional<desired_item>& wanted,
                     const std::optional<actual_item>& done) {
  if (!wanted || wanted->gone != f.wanted.gone || is_open(*wanted, done)) return false;
  return done->state != item_state::parked && done->state != item_state::skipped;
}

}  // namespace

result<std::vector<log::event>> reopening(const sync_world& world, const verify_verdict& verdict) {
  std::vector<log::event> records;
  std::set<longshore::digest> lost;
  for (const verify_verdict::finding& f : verdict.findings) {
    std::optional<desired_item> wanted;
    std::optional<actual_item> done;
    if (auto read = read_item(world, f.wanted.repository, f.wanted.ref, wanted, done); !read) {
      return pass(std::move(read));
    }
    for (const longshore::digest& d : f.lost) {
      if (lost.insert(d).second) records.push_back(record::distrusted(f.wanted.repository, d));
    }
    if (is_to_be_opened(f, wanted, done)) records.push_back(record::mismatched(*wanted, name_of(f.kind), f.reason));
  }
  return records;
}

}  // namespace longshore::engine
