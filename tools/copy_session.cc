#include "tools/copy_session.h"

#include <algorithm>

#include "engine/glob.h"
#include "engine/planned_target.h"
#include "engine/reference.h"
#include "engine/tag_listing.h"

namespace longshore::tools {

namespace {

// What a layout's only content goes by; it has no repositories.
constexpr const char* layout_repository = "image";
constexpr std::size_t catalog_max = 1'000'000;

std::string repository_of(const api::image_reference& at) {
  return api::is_layout(at.transport) ? std::string(layout_repository) : at.repository;
}

std::vector<engine::copy_ref> refs_of(const copy_job& job) {
  const api::image_reference &from = job.from.at, &to = job.to.at;
  if (!from.tag && !from.digest) return {};
  engine::copy_ref ref;
  ref.source = from.digest ? from.digest->text() : *from.tag;
  ref.target = to.tag ? *to.tag : from.tag ? *from.tag : from.digest->text();
  return {std::move(ref)};
}

api::image_reference place_of(const api::image_reference& at) {
  api::image_reference place;
  place.transport = at.transport;
  place.location = at.location;
  return place;
}

// ref: a tag or a digest, or empty.
std::string named(api::image_reference place, std::string repository, const std::string& ref) {
  if (!api::is_layout(place.transport)) place.repository = std::move(repository);
  if (auto d = longshore::digest::parse(ref)) {
    place.digest = *std::move(d);
  } else if (!ref.empty()) {
    place.tag = ref;
  }
  return api::to_text(place);
}

endpoint_options of_target(const copy_request& request) {
  endpoint_options target = request.target;
  target.planned = request.dry_run;
  return target;
}

void add(engine::copy_figures& to, const engine::copy_figures& more) {
  to.repositories += more.repositories;
  to.repositories_listed += more.repositories_listed;
  to.items += more.items;
  to.copied += more.copied;
  to.unchanged += more.unchanged;
  to.skipped += more.skipped;
  to.failed += more.failed;
  to.interrupted += more.interrupted;
  to.deleted += more.deleted;
  to.not_deleted += more.not_deleted;
  to.deleted_by_name += more.deleted_by_name;
  to.moved.add(more.moved);
  to.in_copied.blobs += more.in_copied.blobs;
  to.in_copied.bytes += more.in_copied.bytes;
}

}  // namespace

struct copy_session::target_place {
  std::unique_ptr<copy_state> state;
  engine::transient_locations transient;
  // Of a plan: what it would do is not done, and nobody's knowledge.
  std::unique_ptr<engine::planned_target> planned;
  std::unique_ptr<engine::transient_locations> imagined;

  engine::copy_figures brought;  // of the groups that have ended
  // Of repositories that several sources are copied to: whose each tag is since an earlier one of them. Tag empty: all.
  std::set<std::string> shared;
  using by_tag = std::map<std::pair<std::string, std::string>, engine::copy_taken>;
  by_tag taken, coming;  // by the groups that have ended; by the one that runs

  engine::location_index& known() { return state ? state->where() : transient; }
  engine::location_index& where() { return imagined ? *imagined : known(); }
};

struct copy_session::group {
  group(engine::registry& f, engine::registry& t, const copy_job& first)
      : from(&f), to(&t), source(f), from_place(place_of(first.from.at)), to_place(place_of(first.to.at)) {
    // Files have no repositories: their images go by the source's, or by the file they come to.
    if (to_files()) shown_as = from_files() ? t.name() : first.from.at.repository;
  }
  engine::registry* from;
  engine::registry* to;
  engine::routed_registry source;
  api::image_reference from_place, to_place;  // without a repository
  std::vector<engine::copy_route> routes;
  std::vector<std::string> repositories;  // of the routes
  std::size_t turn = 0;                   // of several sources'
  std::string shown_as;                   // what its images go by in messages; empty: the target's repositories

  bool from_files() const { return api::is_layout(from_place.transport); }
  bool to_files() const { return api::is_layout(to_place.transport); }
  // A file has no repositories whose name could match.
  bool names_may_match() const { return !from_files() && !to_files(); }

  void add(engine::copy_route r) {
    repositories.push_back(r.repository);
    routes.push_back(std::move(r));
  }
};

copy_session::copy_session(boost::asio::any_io_executor on, clock& now, copy_request request, on_outcome told)
    : on_(on),
      now_(&now),
      request_(std::move(request)),
      told_(std::move(told)),
      places_(std::move(on), now, request_.source, of_target(request_)) {}

copy_session::~copy_session() = default;

void copy_session::add_route(const copy_job& job, engine::registry& from, engine::registry& to,
                             std::string source_repository, engine::copy_route route) {
  for (auto& g : groups_) {
    if (g->from != &from || g->to != &to || !g->source.route(route.repository, source_repository)) continue;
    g->add(std::move(route));
    return;
  }
  auto made = std::make_unique<group>(from, to, job);
  made->turn = turn_;
  made->source.route(route.repository, source_repository);
  made->add(std::move(route));
  const auto later = std::ranges::upper_bound(groups_, turn_, {}, [](const auto& g) { return g->turn; });
  groups_.insert(later, std::move(made));
}

engine::task<> copy_session::add_many(const copy_job& job, engine::registry& from, engine::registry& to) {
  const auto page_after = [&](std::optional<std::string> next) -> engine::task<engine::tag_page> {
    if (stopping_) co_return fail(errc::stopped, "the run was stopped");
    co_return co_await from.list_repositories(std::move(next));
  };
  auto names = co_await engine::list_all(page_after, "the repositories of " + from.name(), catalog_max);
  if (!names) co_return pass(std::move(names));
  std::size_t matching = 0;
  for (const std::string& name : *names) {
    if (!engine::matches(job.from.repositories, name)) continue;
    ++matching;
    const std::string target = job.to.repositories.empty() ? name : job.to.repositories + "/" + name;
    if (engine::is_repository_name(target)) {
      add_route(job, from, to, name, {target, {}});
    } else {
      tell_failed(target, named(place_of(job.from.at), name, {}), named(place_of(job.to.at), target, {}),
                  {errc::invalid, target + " is no repository name"});
    }
  }
  if (matching > 0) co_return result<void>();
  if (names->empty()) co_return fail(errc::not_found, from.name() + " lists no repositories");
  co_return fail(errc::not_found, "no repository of " + from.name() + " matches \"" + job.from.repositories +
                                      "\" (it lists " + std::to_string(names->size()) + "); '**' crosses slashes");
}

void copy_session::tell_failed(std::string what, std::string source, std::string target, error why) {
  ++before_.items;
  ++before_.failed;
  engine::copy_outcome o{{std::move(what), {}}, engine::copy_end::failed, {}, {}, {}, std::move(why)};
  told_({std::move(o), std::move(source), std::move(target)});
}

void copy_session::tell(const group& of, const engine::copy_outcome& o) {
  const std::string& ref = o.item.ref.source.empty() ? o.item.ref.target : o.item.ref.source;
  const bool by_digest = ref.find(':') != std::string::npos;
  // Signatures follow their image, whatever the patterns say.
  const bool follows = o.end == engine::copy_end::skipped && engine::accessory_subject(ref).has_value();
  if (!ref.empty() && !follows && (by_digest || !request_.copying.filter->tag(ref))) chose_a_tag_ = true;
  const bool is_removal = o.end == engine::copy_end::deleted || o.end == engine::copy_end::not_deleted;
  told_outcome shown{o};
  shown.source =
      named(of.from_place, of.source.repository_read(o.item.repository), is_removal ? "" : o.item.ref.source);
  shown.target = named(of.to_place, o.item.repository, o.item.ref.target);
  if (!of.shown_as.empty()) shown.item.repository = of.shown_as;
  target_place& place = *targets_.at(of.to);
  const bool is_there = o.end == engine::copy_end::copied || o.end == engine::copy_end::unchanged;
  if ((is_there || o.end == engine::copy_end::failed) && place.shared.contains(o.item.repository)) {
    auto& mine = place.coming[{o.item.repository, o.item.ref.target}];
    if (is_there || mine.digest.empty()) mine = {is_there ? o.digest : "", shown.source};
  }
  told_(shown);
}

// Nothing that was looked for must not pass for everything being copied.
std::unexpected<error> copy_session::no_tag_chosen() const {
  std::string patterns;
  for (const std::string& tag : request_.tags) patterns += (patterns.empty() ? "\"" : ", \"") + tag + "\"";
  return fail(errc::not_found, "no tag matches --tags " + patterns + " (of " + std::to_string(before_.items) + ")");
}

// What was told as copied on the way is not in its file.
void copy_session::tell_unfinished(engine::registry& target, error why) {
  const engine::copy_figures lost = targets_.at(&target)->brought;
  if (lost.copied + lost.deleted == 0) return tell_failed(target.name(), {}, target.name(), std::move(why));
  before_.copied -= lost.copied;
  before_.failed += lost.copied;
  before_.deleted -= lost.deleted;
  before_.not_deleted += lost.deleted;
  told_({{{target.name(), {}}, engine::copy_end::failed, {}, {}, {}, std::move(why)}, {}, target.name()});
}

result<void> copy_session::open_index(engine::registry& target) {
  auto& place = targets_[&target];
  if (place) return {};
  place = std::make_unique<target_place>();
  if (!request_.state.empty()) {
    if (targets_.size() > 1) return fail(errc::invalid, "--state keeps what one target has, and several are named");
    auto state = request_.dry_run ? copy_state::look(request_.state, target.name())
                                  : copy_state::open(request_.state, target.name(), *now_);
    // A plan does without what the copy would begin.
    const bool is_yet_to_be = !state && request_.dry_run && state.error().code == errc::not_found;
    if (!state && !is_yet_to_be) return pass(std::move(state));
    if (state) place->state = *std::move(state);
  }
  if (request_.dry_run) {
    place->planned = std::make_unique<engine::planned_target>(target);
    place->imagined = std::make_unique<engine::transient_locations>(place->known());
  }
  return {};
}

// An empty directory of files must not pass for everything being copied.
engine::task<> copy_session::check_holds_an_image(const copy_job& job, engine::registry& from) {
  const api::image_reference& at = job.from.at;
  if (!api::is_layout(at.transport) || at.tag || at.digest) co_return result<void>();
  auto listed = co_await from.list_tags(repository_of(at), std::nullopt);
  if (!listed) co_return pass(std::move(listed));
  if (!listed->names.empty()) co_return result<void>();
  co_return fail(errc::not_found, from.name() + " holds no image with a tag (one without is named by its @DIGEST)");
}

engine::task<> copy_session::add_job(const copy_job& job) {
  auto from = co_await places_.source(job.from.at);
  if (!from) co_return pass(std::move(from));
  if (auto held = co_await check_holds_an_image(job, **from); !held) co_return held;
  auto to = co_await places_.target(job.to.at);
  if (!to) co_return pass(std::move(to));
  if (auto opened = open_index(**to); !opened) co_return opened;
  if (job.from.many) co_return co_await add_many(job, **from, **to);
  add_route(job, **from, **to, repository_of(job.from.at), {repository_of(job.to.at), refs_of(job)});
  co_return result<void>();
}

// A job that cannot even be begun is told as a failed item, unless it is the only one.
engine::task<> copy_session::sort_jobs() {
  // Jobs of one source and target have their turn together, with the first of them.
  std::map<std::pair<std::string, std::string>, std::size_t> turns;
  for (const copy_job& job : request_.jobs) {
    const std::string target = api::to_text(place_of(job.to.at));
    turn_ = turns.try_emplace({api::to_text(place_of(job.from.at)), target}, turns.size()).first->second;
    auto added = co_await add_job(job);
    if (added) continue;
    if (stopping_) co_return fail(errc::stopped, "interrupted; run it again");
    if (request_.jobs.size() == 1) co_return added;
    failed_jobs_.push_back({&job, turn_, job.to.many ? std::string() : target});
    tell_failed(job.text, job.source, job.target, std::move(added).error());
  }
  co_return result<void>();
}

// What was to come from a source that could not be opened, and has its turn before this one, does not come from this
// one.
void copy_session::take_of_failed_jobs(const group& g) {
  const std::string target = api::to_text(g.to_place);
  for (const failed_job& failed : failed_jobs_) {
    if (failed.turn > g.turn || failed.target != target) continue;
    const auto refs = refs_of(*failed.job);
    const auto key = std::pair(repository_of(failed.job->to.at), refs.empty() ? std::string() : refs.front().target);
    targets_.at(g.to)->taken.try_emplace(key, engine::copy_taken{"", failed.job->source});
  }
}

void copy_session::find_shared() {
  std::set<std::pair<engine::registry*, std::string>> named;
  for (const auto& g : groups_) {
    for (const std::string& repository : g->repositories) {
      if (!named.emplace(g->to, repository).second) targets_.at(g->to)->shared.insert(repository);
    }
  }
}

// What one job lacks, another may have been about to bring.
std::map<std::string, std::string> copy_session::held_back(const group& g) const {
  std::map<std::string, std::string> held;
  const auto& shared = targets_.at(g.to)->shared;
  for (const std::string& repository : g.repositories) {
    if (!failed_jobs_.empty()) held.emplace(repository, "another SRC DST could not be begun, and may belong there too");
    if (shared.contains(repository)) held.emplace(repository, "several SRC are copied there");
  }
  return held;
}

boost::asio::awaitable<void> copy_session::run_group(group& g) {
  target_place& place = *targets_.at(g.to);
  engine::registry& target = place.planned ? static_cast<engine::registry&>(*place.planned) : *g.to;
  engine::location_index& where = place.where();
  engine::copier_options copying;
  copying.transfers_max = request_.transfers_at_once;
  copying.buffer_bytes = 128u << 10;  // larger ones cost memory and bring no speed here
  copying.dry_run = request_.dry_run;
  engine::copier blobs({g.source, target, where, pauses_}, copying);
  const engine::copy_world world{g.source, target, where, blobs, request_.copying};
  engine::copy_run_options options = request_.run;
  options.names_may_match = g.names_may_match();
  options.items_at_once = request_.images_at_once;
  options.removal.dry_run = request_.dry_run;
  options.removal.deletes_by_name = g.to_files();
  if (options.removal.on) options.removal.held = held_back(g);
  if (place.state) {
    options.published = [&place](const std::string& repository, const std::string& ref) {
      return place.state->published(repository, ref);
    };
  }
  take_of_failed_jobs(g);
  if (!place.taken.empty()) {
    options.taken = [&place](const std::string& repository, const std::string& ref) {
      if (ref.find(':') != std::string::npos) return std::optional<engine::copy_taken>();  // the same from everywhere
      auto found = place.taken.find({repository, ref});
      if (found == place.taken.end()) found = place.taken.find({repository, ""});
      return found == place.taken.end() ? std::nullopt : std::optional(found->second);
    };
  }
  engine::copy_run run(world, pauses_, std::move(options), [&](const engine::copy_outcome& o) { tell(g, o); });
  running_ = &run;
  copier_ = &blobs;
  if (stopping_) run.stop();
  co_await run.run(std::move(g.routes));
  if (place.state && !request_.dry_run && !stopping_) {
    // Sessions that nobody took up again; the registry purges by age what cannot be cancelled now.
    const auto given_up = co_await blobs.cancel_left_uploads(now_->now());
    static_cast<void>(given_up);
  }
  running_ = nullptr;
  copier_ = nullptr;
  place.taken.merge(std::exchange(place.coming, {}));
  add(before_, run.figures());
  add(place.brought, run.figures());
  bytes_before_ += run.figures().moved.bytes_sent;
}

engine::task<copy_figures_now> copy_session::run() {
  if (auto sorted = co_await sort_jobs(); !sorted) co_return pass(std::move(sorted));
  find_shared();
  for (auto& g : groups_) co_await run_group(*g);
  if (!stopping_ && before_.failed == 0 && !request_.tags.empty() && !chose_a_tag_) co_return no_tag_chosen();
  if (!request_.dry_run) {
    const auto brought = [this](engine::registry* target) {
      const auto place = targets_.find(target);
      return place != targets_.end() && place->second->brought.copied + place->second->brought.deleted > 0;
    };
    for (auto& [target, why] : co_await places_.finish(brought)) tell_unfinished(*target, std::move(why));
  }
  co_return figures();
}

void copy_session::stop() {
  stopping_ = true;
  if (running_ != nullptr) running_->stop();
  if (copier_ != nullptr) copier_->stop();
  pauses_.stop();
  places_.stop();
}

copy_figures_now copy_session::figures() const {
  copy_figures_now now{before_, bytes_before_, places_.source_requests(), places_.target_requests(), {}};
  if (running_ != nullptr) {
    add(now.run, running_->figures());
    now.bytes_sent += running_->figures().moved.bytes_sent;
    for (const auto& item : running_->running()) now.bytes_sent += item.moved.bytes_sent;
    now.estimate = engine::estimate(now.run, running_->running());
  }
  return now;
}

}  // namespace longshore::tools
