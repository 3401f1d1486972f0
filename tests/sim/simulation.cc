#include "tests/sim/simulation.h"

#include <algorithm>

#include "tests/sim/checks.h"

namespace longshore::sim {

namespace {

log::defects log_defects(defect d) {
  return {.acknowledge_before_sync = d == defect::acknowledged_unsynced,
          .no_dedup = d == defect::no_dedup,
          .view_outside_batch = d == defect::view_apart};
}

}  // namespace

simulation::simulation(std::uint64_t seed, defect broken, std::FILE* trace)
    : seed_(seed),
      random_(seed),
      drawn_(draw_profile(random_)),
      profile_(drawn_),
      defect_(broken),
      trace_(trace),
      source_(broken),
      target_(broken),
      book_(target_),
      primary_({source_, profile_, clock_, random_, log_defects(broken), teller("primary")}),
      pusher_(source_, clock_, random_, profile_.pushes,
              [this](log::event e) {
                note("registry sends " + e.id + ": " + std::string(log::name_of(e.kind)) + " " + e.repository + ":" +
                     e.tag + "@" + e.digest.substr(0, 15));
                network_.push_back({std::move(e), false});
              }),
      secondary_({primary_, source_, target_, profile_, clock_, random_, log_defects(broken),
                  [this]() -> std::optional<error> {
                    if (troubled_ && chance(profile_.source_faults_permille)) {
                      return error{errc::unavailable, "the line broke", 0};
                    }
                    return std::nullopt;
                  },
                  teller("secondary")}) {
  set_up_registries();
}

std::function<void(const log::event&)> simulation::teller(const std::string& site) {
  if (trace_ == nullptr) return {};
  return [this, site](const log::event& e) {
    note("  " + site + " notes: " + std::string(log::name_of(e.kind)) + " " + e.repository + ":" + e.tag + "@" +
         e.digest.substr(0, 15) + " " + e.detail);
  };
}

void simulation::note(const std::string& what) {
  if (trace_ == nullptr) return;
  std::fprintf(trace_, "%6llu %lld.%03lld %s\n", static_cast<unsigned long long>(out_.steps),
               static_cast<long long>(clock_.now().us / 1'000'000 - 1'700'000'000),
               static_cast<long long>(clock_.now().us / 1'000 % 1'000), what.c_str());
}

void simulation::set_up_registries() {
  source_.report_to(book_);
  target_.report_to(book_);
  source_.does.lists_referrers = profile_.source_lists_referrers;
  source_.does.chunk_bytes = target_.does.chunk_bytes = 16;
  target_.does.deletes_tags = profile_.target_deletes_tags;
  target_.does.deletes_manifests = profile_.target_deletes_manifests;
  target_.does.mounts = profile_.target_mounts;
  target_.does.checks_content = profile_.target_checks_content && defect_ != defect::blobs_skipped;
  target_.does.tags_per_page = 2;
  source_.faults = [this](const memory_registry::call& c) {
    const bool takes_content = c.verb == "get_manifest" || c.verb == "open_blob";
    auto stuck = takes_content ? lasting_fault(c, stuck_, profile_.stuck, {errc::unavailable, "500, each time", 0})
                               : std::nullopt;
    return stuck ? stuck : fault_for(c, profile_.source_faults_permille);
  };
  target_.faults = [this](const memory_registry::call& c) {
    auto refused = c.verb == "put_manifest"
                       ? lasting_fault(c, refused_, profile_.refusals, {errc::rejected, "not of our policy", 0})
                       : std::nullopt;
    return refused ? refused : fault_for(c, profile_.target_faults_permille);
  };
}

// Some reference, once drawn, fails each time.
std::optional<memory_registry::fault> simulation::lasting_fault(const memory_registry::call& call, lasting& faults,
                                                                std::uint64_t& left, const error& what) {
  if (troubled_ && left > 0 && chance(100)) {
    --left;
    faults.emplace(call.repository, call.ref);
  }
  bool fails = faults.contains({call.repository, call.ref});
  if (defect_ == defect::one_stops_all) {
    fails = fails || std::ranges::any_of(faults, [&](const auto& f) { return f.first == call.repository; });
  }
  if (!fails) return std::nullopt;
  ++out_.faults;
  note("  fault of " + call.verb + " " + call.repository + " " + call.ref.substr(0, 24) + ": " + what.text);
  return memory_registry::fault{what, memory_registry::fault_at::before};
}

std::optional<memory_registry::fault> simulation::fault_for(const memory_registry::call& call, std::uint64_t permille) {
  if (trace_ != nullptr) note("  " + call.verb + " " + call.repository + " " + call.ref.substr(0, 24));
  if (!troubled_) return std::nullopt;
  // What this defect makes of a failure shows only when that one fails.
  if (defect_ == defect::failed_listing_empty && call.verb == "list_tags") permille = 500;
  const bool is_body = call.verb == "read" && chance(profile_.bodies_permille);
  if (is_body && chance(300)) source_.corrupt_body(*digest::parse(call.ref));
  if (!is_body && !chance(permille)) return std::nullopt;
  ++out_.faults;
  memory_registry::fault f{{errc::unavailable, "the connection broke", 0}, memory_registry::fault_at::before};
  if (chance(400)) f.at = memory_registry::fault_at::after;
  switch (random_.below(6)) {
    case 0:
      f.what = {errc::throttled, "too many requests", static_cast<std::int64_t>(random_.below(60'000))};
      break;
    case 1:
      f.what = {errc::timed_out, "no byte for a while", 0};
      break;
    case 2:
      f.what = {errc::unauthorized, "credentials refused", 0};
      break;
    default:
      break;
  }
  note("  fault: " + f.what.text + (f.at == memory_registry::fault_at::after ? ", after its effect" : ""));
  return f;
}

outcome simulation::run() {
  note(describe(profile_));
  primary_.start();
  secondary_.start();
  play();
  troubled_ = false;
  source_.mend_bodies();
  note("calm");
  if (!failed()) come_to_rest(false);
  // What was parked while the source had it in pieces waits for somebody.
  if (!failed() && !drawn_.pushes.breaks_images)
    check(check_others({source_, target_, secondary_, book_, stuck_, refused_}));
  stuck_.clear();
  if (seed_ % 4 == 1) {
    reconcile(engine::reconcile_mode::tags);
    if (drawn_.tampers == 0) check_mirror(engine::reconcile_mode::tags, false);
  }
  reconcile(engine::reconcile_mode::digests);
  if (!failed() && mend_tampered()) come_to_rest(true);
  if (!failed()) allow_what_is_held_back();
  if (!failed()) check_all();
  if (!failed()) verify();
  if (!failed() && seed_ % 8 == 3) check_doubts();
  out_.events = primary_.up() ? primary_.log().durable_size() : 0;
  out_.operations = source_.operations() + target_.operations();
  if (failed()) out_.breach = book_.breaches().front();
  if (failed()) note("BREACH: " + *out_.breach);
  return out_;
}

void simulation::play() {
  while (!failed() && out_.steps < steps_max) {
    const bool over = pusher_.activities() >= profile_.activities && !pusher_.busy();
    if (over && chance(20)) return;
    ++out_.steps;
    if (primary_.up() && primary_.can_step() && chance(250)) {
      primary_.step();
    } else if (secondary_.up() && !chance(profile_.world_permille) && secondary_.can_step()) {
      secondary_.step();
    } else {
      move_world();
    }
  }
}

void simulation::move_world() {
  const std::uint64_t kind = random_.below(100);
  if (kind < 30) {
    if (pusher_.busy() && chance(700)) {
      pusher_.step();
    } else if (pusher_.activities() < profile_.activities) {
      pusher_.begin();
    }
  } else if (kind < 50) {
    if (chance(profile_.lost_permille)) {
      lose_one();
    } else {
      deliver();
    }
  } else if (kind < 78) {
    if (!primary_.up()) {
      if (chance(300)) {
        primary_.start();
        note("primary starts");
      }
    } else if (primary_.to().has_queued() && chance(500)) {
      primary_.to().commit_some(random_);
      secondary_.primary_moved();
    } else if (primary_.to().has_answers()) {
      primary_.to().answer_one();
    } else if (primary_.can_step()) {
      primary_.step();
    }
  } else if (kind < 94) {
    if (!secondary_.up()) {
      if (chance(300)) {
        secondary_.start();
        note("secondary starts");
      }
    } else {
      advance();
    }
  } else if (kind < 95) {
    if (profile_.primary_crashes > 0 && primary_.up()) crash_primary();
  } else if (kind < 97) {
    if (profile_.secondary_crashes > 0 && secondary_.up()) crash_secondary();
  } else if (kind < 99) {
    if (profile_.tampers > 0) tamper();
  } else if (profile_.reconciles > 0 && primary_.up()) {
    ask_for_a_reconcile();
  }
}

void simulation::ask_for_a_reconcile() {
  --profile_.reconciles;
  const auto mode = chance(500) ? engine::reconcile_mode::digests : engine::reconcile_mode::tags;
  std::vector<std::string> some;
  if (const auto all = source_.repositories(); !all.empty() && chance(300)) {
    some.push_back(all[random_.below(all.size())]);
  }
  note("a reconcile is asked for, mode " + std::string(engine::name_of(mode)));
  primary_.looks().request(mode, std::move(some), "asked");
}

// Any of those under way, whatever their order was.
void simulation::deliver() {
  if (network_.empty() || !primary_.up()) return;
  const std::size_t n = random_.below(network_.size());
  if (network_[n].in_hand) return;
  const std::string id = network_[n].e.id;
  network_[n].in_hand = true;
  // A registry that is not answered in time sends it again, beside the first.
  if (troubled_ && chance(profile_.doubled_permille)) network_.push_back({log::event(network_[n].e), false});
  const auto sent = primary_.to().submit({network_[n].e}, [this, id](const result<log::append_outcome>& o) {
    const auto at = std::ranges::find_if(network_, [&](const notification& m) { return m.in_hand && m.e.id == id; });
    if (at == network_.end()) return;
    at->in_hand = false;
    if (!o) return;
    acknowledged_.insert(id);
    note("primary acknowledged " + id);
    network_.erase(at);
  });
  if (!sent) breach("the primary refused a notification: " + sent.error().text);
}

// A registry that stops forgets what it had queued.
void simulation::lose_one() {
  if (network_.empty()) return;
  const std::size_t n = random_.below(network_.size());
  if (network_[n].in_hand) return;
  note("lost " + network_[n].e.id);
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(n));
}

// A registry may be slow to write a tag whose event is out; it is not as slow as an event is taken to be news.
void simulation::advance() {
  const auto due = next_due();
  const std::int64_t before = clock_.now().us;
  std::int64_t to = before + static_cast<std::int64_t>(random_.below(chance(50) ? 900'000'000 : 200'000));
  if (due && chance(600)) to = std::max(due->us, before);
  if (!pusher_.busy()) late_us_ = 0;
  late_us_ += to - before;
  while (late_us_ > profile_.sync.recent_us / 2 && pusher_.busy()) pusher_.step();
  pass_time({to});
}

std::optional<timestamp> simulation::next_due() {
  auto due = secondary_.next_due();
  if (const auto at = primary_.up() ? primary_.next_due() : std::nullopt; at && (!due || *at < *due)) due = at;
  return due;
}

void simulation::pass_time(timestamp to) {
  clock_.set(to);
  secondary_.wake();
  if (primary_.up()) primary_.wake();
}

void simulation::crash_primary() {
  --profile_.primary_crashes;
  ++out_.crashes;
  note("primary crashes");
  primary_.crash();
  for (notification& n : network_) n.in_hand = false;
  secondary_.primary_moved();
}

void simulation::crash_secondary() {
  --profile_.secondary_crashes;
  ++out_.crashes;
  note("secondary crashes");
  secondary_.crash();
  book_.restarted();
}

// Somebody with an account at the target.
void simulation::tamper() {
  const auto repositories = target_.repositories();
  if (repositories.empty()) return;
  --profile_.tampers;
  const std::string r = repositories[random_.below(repositories.size())];
  const auto manifests = target_.manifests(r);
  const auto blobs = target_.blobs(r);
  std::string foreign;
  switch (random_.below(4)) {
    case 0:
      if (!blobs.empty()) target_.erase_blob(r, blobs[random_.below(blobs.size())]);
      break;
    case 1:
      if (!manifests.empty()) target_.erase_manifest(r, manifests[random_.below(manifests.size())]);
      break;
    case 2:
      if (const auto tags = target_.tags(r); !tags.empty()) target_.erase_tag(r, tags.begin()->first);
      break;
    default:
      if (manifests.empty()) break;
      foreign = "local-" + std::to_string(out_.steps);
      target_.set_tag(r, foreign, manifests[random_.below(manifests.size())]);
  }
  note("somebody changes " + r + " at the target " + foreign);
  book_.tampered(r, foreign);
}

}  // namespace longshore::sim
