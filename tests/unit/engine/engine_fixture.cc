#include "tests/unit/engine/engine_fixture.h"

#include <atomic>
#include <future>

namespace longshore::engine::testing {

namespace asio = boost::asio;

task<> manual_pauses::pause(std::int64_t ms) {
  asked.push_back(ms);
  if (stopped_) co_return fail(errc::stopped, "stopping");
  if (at_once) {
    now_->advance_us(ms * 1'000);
    co_return result<void>();
  }
  const std::int64_t due = now_->now().us + ms * 1'000;
  ++waiting_;
  while (!stopped_ && now_->now().us < due) co_await moved_.wait();
  --waiting_;
  if (stopped_) co_return fail(errc::stopped, "stopping");
  co_return result<void>();
}

void manual_pauses::stop() {
  stopped_ = true;
  moved_.notify_all();
}

void manual_pauses::advance(std::int64_t ms) {
  now_->advance_us(ms * 1'000);
  moved_.notify_all();
}

engine_world::engine_world() {
  source_.time = target_.time = &clock_;
  static std::atomic<int> number = 0;
  path_ = std::filesystem::temp_directory_path() /
          ("longshore-engine-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
  std::filesystem::remove_all(path_);
  std::vector<storage::family_spec> families;
  const auto add = [&](std::vector<storage::family_spec> more) {
    families.insert(families.end(), more.begin(), more.end());
  };
  add(log::families_of("log"));
  add(log::families_of("journal"));
  add(desired::family_specs());
  add(actual::family_specs());
  add(locations::family_specs());
  add(uploads::family_specs());
  add(reconciled::family_specs());
  const auto must = [](auto opened) {
    if (!opened) throw std::runtime_error(opened.error().text);
    return *std::move(opened);
  };
  db_ = must(storage::database::open({.path = path_, .families = families}));
  log_ = must(log::event_log::open(*db_, "log"));
  journal_log_ = must(log::event_log::open(*db_, "journal"));
  desired_ = std::make_unique<desired>(*db_);
  actual_ = std::make_unique<actual>(*db_);
  locations_ = std::make_unique<locations>(*db_);
  uploads_ = std::make_unique<uploads>(*db_);
  reconciled_ = std::make_unique<reconciled>(*db_);
  sequencer_ = must(log::sequencer::start(*log_, {desired_.get()}, clock_, {}));
  journal_sequencer_ = must(log::sequencer::start(
      *journal_log_, {actual_.get(), locations_.get(), uploads_.get(), reconciled_.get()}, clock_, {}));
  journal_ = std::make_unique<journal>(*journal_sequencer_, "here");
  where_ = std::make_unique<journaled_locations>(*journal_, *locations_, *actual_, *uploads_);
}

engine_world::~engine_world() {
  sequencer_->stop();
  journal_sequencer_->stop();
  sequencer_.reset();
  journal_sequencer_.reset();
  log_.reset();
  journal_log_.reset();
  db_.reset();
  std::filesystem::remove_all(path_);
}

copier& engine_world::fresh_copier() {
  copier_ = std::make_unique<copier>(copier_world{source_, target_, *where_, pauses_}, copier_options_);
  return *copier_;
}

sync_world engine_world::world() {
  if (!copier_) fresh_copier();
  return {{source_, target_, *where_, *copier_, copying_},
          *journal_,
          *desired_,
          *actual_,
          pauses_,
          clock_,
          random_,
          settings_};
}

void engine_world::run_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  context_.restart();
  while (!done()) {
    if (context_.run_one_until(deadline) == 0) throw std::runtime_error("nothing runs any more, and it is not done");
  }
}

void engine_world::run(asio::awaitable<void> body) {
  run([](asio::awaitable<void> b) -> asio::awaitable<bool> {
    co_await std::move(b);
    co_return true;
  }(std::move(body)));
}

void engine_world::settle() {
  for (;;) {
    context_.restart();
    if (context_.poll() > 0) continue;
    if (journal_sequencer_->queued() == 0 && sequencer_->queued() == 0) {
      // What a sequencer had taken is complete once one more submission has come back.
      std::promise<void> passed;
      auto sent = journal_sequencer_->submit({log::event{}}, [&](result<log::append_outcome>) { passed.set_value(); });
      if (sent) passed.get_future().wait();
      context_.restart();
      if (context_.poll() == 0) return;
    }
  }
}

void engine_world::say(log::event e) {
  std::promise<result<log::append_outcome>> done;
  auto sent = sequencer_->submit({std::move(e)}, [&](result<log::append_outcome> o) { done.set_value(std::move(o)); });
  ASSERT_TRUE(sent) << sent.error().text;
  const auto outcome = done.get_future().get();
  ASSERT_TRUE(outcome) << outcome.error().text;
}

void engine_world::say_pushed(const std::string& repository, const std::string& tag, const digest& d) {
  log::event e;
  e.kind = log::event_kind::push;
  e.repository = repository;
  e.tag = tag;
  e.digest = d.text();
  const auto* m = source_.manifest_at(repository, d.text());
  e.media_type = m == nullptr ? std::string(media_type::oci_manifest) : m->media_type;
  e.occurred = clock_.now();
  say(std::move(e));
}

void engine_world::say_pushed_digest(const std::string& repository, const digest& d) { say_pushed(repository, {}, d); }

void engine_world::say_erased(const std::string& repository, const std::string& tag, const std::string& digest_text) {
  log::event e;
  e.kind = log::event_kind::erased;
  e.repository = repository;
  e.tag = tag;
  e.digest = digest_text;
  e.occurred = clock_.now();
  say(std::move(e));
}

void engine_world::say_observed_gone(const std::string& repository, const std::string& tag) {
  log::event e;
  e.kind = log::event_kind::observed;
  e.repository = repository;
  e.tag = tag;
  e.occurred = clock_.now();
  say(std::move(e));
}

result<pass_report> engine_world::pass_over(const std::string& repository) {
  sync_progress progress;
  const sync_world w = world();
  repository_sync sync(w, repository, progress);
  return run(sync.run());
}

actual_item engine_world::item(const std::string& repository, const std::string& ref) {
  const auto i = actual_->item(repository, ref);
  EXPECT_TRUE(i && i->has_value()) << "no item " << ref;
  return i && *i ? **i : actual_item{};
}

actual_repository engine_world::repository(const std::string& name) {
  const auto r = actual_->repository(name);
  EXPECT_TRUE(r && r->has_value()) << "no repository " << name;
  return r && *r ? **r : actual_repository{};
}

std::vector<log::event> engine_world::journaled(log::event_kind kind) {
  std::vector<log::event> found;
  const auto read = journal_log_->fold({0}, journal_log_->durable_size(), [&](event_seq, std::string_view record) {
    auto e = log::decode(record);
    if (e && e->kind == kind) found.push_back(*std::move(e));
    return result<bool>(true);
  });
  EXPECT_TRUE(read);
  return found;
}

void engine_world::expect_mirrored(const std::string& repository) {
  EXPECT_TRUE(target_.violations().empty()) << target_.violations().front();
  EXPECT_EQ(target_.open_sessions(), 0);
  EXPECT_EQ(target_.tags(repository), source_.tags(repository));
  for (const auto& [tag, d] : target_.tags(repository)) {
    EXPECT_TRUE(target_.is_whole(repository, *digest::parse(d))) << tag;
    EXPECT_EQ(target_.manifest_at(repository, tag)->bytes, source_.manifest_at(repository, tag)->bytes);
  }
}

}  // namespace longshore::engine::testing
