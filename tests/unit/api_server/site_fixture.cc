#include "tests/unit/api_server/site_fixture.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <fstream>
#include <sstream>

namespace longshore::api {

namespace asio = boost::asio;

std::string fixture(const std::string& name) {
  std::ifstream in(std::string(LONGSHORE_FIXTURES) + "/notifications/" + name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

void site_test::open_log() {
  auto families = log::families_of("log");
  for (const auto& more : {log::families_of("journal"), log::quarantine::families(), engine::desired::family_specs(),
                           engine::actual::family_specs()}) {
    families.insert(families.end(), more.begin(), more.end());
  }
  auto db = storage::database::open({.path = dir_.path() / "db", .families = families, .file_system = disk_});
  ASSERT_TRUE(db) << db.error().text;
  db_ = *std::move(db);
  log_ = *log::event_log::open(*db_, "log");
  journal_ = *log::event_log::open(*db_, "journal");
  wanted_ = std::make_unique<engine::desired>(*db_);
  done_ = std::make_unique<engine::actual>(*db_);
  quarantine_ = *log::quarantine::open(*db_);
  cursors_ = std::make_unique<log::cursors>(*log_);
  log::sequencer_options o = log_options_;
  o.space_check = [this]() -> result<void> {
    if (disk_full_) return fail(errc::no_space, "the disk is full");
    return {};
  };
  sequencer_ = *log::sequencer::start(*log_, {wanted_.get()}, now_, std::move(o));
  journal_sequencer_ = *log::sequencer::start(*journal_, {done_.get()}, now_, {});
}

void site_test::open() {
  open_log();
  pool_ = std::make_unique<blocking_pool>(2);
  hot_ = hot_tail::create(io_.get_executor(), *log_, hot_bytes_max_);
  hot_->attach(*sequencer_);
  followers_.add("south", "south-token");
  readers_.add("south", "south-token");
  readers_.add("admin", "admin-token");
  admins_.add("admin", "admin-token");
  ingest_ = std::make_unique<ingest>(ingest_world{*sequencer_, *quarantine_, *pool_, now_,
                                                  [this]() -> result<void> {
                                                    if (disk_full_) return fail(errc::no_space, "the disk is full");
                                                    return {};
                                                  },
                                                  [this](const std::string& said) {
                                                    EXPECT_EQ(said.find("-token"), std::string::npos) << said;
                                                    ++warnings_;
                                                    warning_ = said;
                                                  },
                                                  *log_, *wanted_},
                                     ingest_options_);
  ingest_->add_source("north", "north-token");
  ingest_->add_source("east", "Bearer east-token");
  ingest_->mount(routes_);
  tail_ = std::make_unique<log_tail>(log_tail_world{*log_, *hot_, *pool_, readers_}, tail_options_);
  tail_->mount(routes_);
  sites_ = *sites::open({*cursors_, *log_, *pool_, now_, followers_, admins_, [this](const std::string& said) {
                           EXPECT_EQ(said.find("-token"), std::string::npos) << said;
                           warned_of_sites_.push_back(said);
                         }});
  sites_->mount(routes_);
  const auto facts = [this] {
    return site_facts{"here",     "primary",    "1.2.3",           now_.now(),         {},
                      following_, replicating_, registries_shown_, reconciling_shown_, verifying_halted_};
  };
  shown_ = std::make_unique<admin_world>(admin_world{*wanted_,
                                                     *done_,
                                                     *log_,
                                                     *journal_,
                                                     *quarantine_,
                                                     *sites_,
                                                     *pool_,
                                                     now_,
                                                     admins_,
                                                     ingest_.get(),
                                                     facts,
                                                     [this] { return server_ ? &server_->counters() : nullptr; },
                                                     resync_,
                                                     {},
                                                     act_,
                                                     left_out_});
  admin_ = std::make_unique<admin>(*shown_);
  admin_->mount(routes_);
  actions_ = std::make_unique<actions_admin>(*shown_);
  actions_->mount(routes_);
  items_ = std::make_unique<items_admin>(*shown_);
  items_->mount(routes_);
  metrics_ = std::make_unique<metrics>(metrics_world{*shown_, *sequencer_, [this]() -> result<void> {
                                                       if (sequencer_->failed())
                                                         return fail(errc::stopped, "the log has failed");
                                                       return {};
                                                     }});
  metrics_->mount(routes_);
  mount_dashboard(routes_);
  http_server_options o;
  o.limits = limits_;
  server_ = *http_server::listen(io_.get_executor(), routes_, o);
  busy_.emplace(io_.get_executor());
  server_->start();
  thread_ = std::thread([this] { io_.run(); });
}

void site_test::close() {
  if (!thread_.joinable()) return;
  on_server([this] { hot_->close(); });
  asio::co_spawn(io_, server_->stop(std::chrono::milliseconds(1'000)), asio::use_future).get();
  sequencer_->stop();
  journal_sequencer_->stop();
  busy_.reset();
  thread_.join();
  server_.reset();
}

std::vector<log::event> site_test::logged() const {
  std::vector<log::event> events;
  auto page = log_->read({0}, 64u << 20);
  EXPECT_TRUE(page);
  for (const std::string& record : page->records) events.push_back(*log::decode(record));
  return events;
}

void site_test::append(std::vector<log::event> events) {
  std::promise<bool> done;
  auto taken =
      sequencer_->submit(std::move(events), [&](result<log::append_outcome> o) { done.set_value(o.has_value()); });
  ASSERT_TRUE(taken) << taken.error().text;
  ASSERT_TRUE(done.get_future().get());
}

log::event site_test::push_of(const std::string& repository, int number) {
  log::event e;
  e.kind = log::event_kind::push;
  e.origin = "north";
  e.id = repository + "-" + std::to_string(number);
  e.repository = repository;
  e.tag = "v" + std::to_string(number);
  e.digest = longshore::digest::of(e.id).text();
  e.media_type = "application/vnd.oci.image.manifest.v1+json";
  e.detail = "{\"n\":" + std::to_string(number) + "}";
  return e;
}

}  // namespace longshore::api
