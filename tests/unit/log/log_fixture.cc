#include "tests/unit/log/log_fixture.h"

#include <future>
#include <limits>

#include "log/layout.h"
#include "log/projection.h"
#include "storage/packed.h"

namespace longshore::log {

void counting_view::apply(const event_view& e, storage::overlay& state) {
  std::uint64_t count = 0;
  if (const auto row = state.get(rows_, e.repository)) count = storage::unpacker(*row).number();
  state.put(rows_, e.repository, storage::packer().number(count + 1).number(e.seq.value).take());
}

event push_of(std::string repository, std::string id) {
  event e;
  e.kind = event_kind::push;
  e.origin = "registry";
  e.repository = std::move(repository);
  e.id = std::move(id);
  e.action = "push";
  return e;
}

namespace {

result<append_outcome> wait_for(const std::function<result<void>(on_appended)>& submit) {
  auto told = std::make_shared<std::promise<result<append_outcome>>>();
  auto outcome = told->get_future();
  if (auto taken = submit([told](result<append_outcome> o) { told->set_value(std::move(o)); }); !taken) {
    return pass(std::move(taken));
  }
  return outcome.get();
}

}  // namespace

result<append_outcome> append(sequencer& to, std::vector<event> events) {
  return wait_for([&](on_appended done) { return to.submit(std::move(events), std::move(done)); });
}

result<append_outcome> append_copy(sequencer& to, event_seq first, std::vector<std::string> records,
                                   const hash256& root) {
  return wait_for([&](on_appended done) { return to.submit_copy(first, std::move(records), root, std::move(done)); });
}

storage::database_options log_test::options() const {
  storage::database_options o;
  o.path = scratch_.path() / "db";
  o.families = families_of("log");
  for (auto& spec : quarantine::families()) o.families.push_back(std::move(spec));
  o.families.push_back({"counting.rows", storage::family_kind::lookup});
  return o;
}

void log_test::open(storage::database_options with) {
  close();
  auto db = storage::database::open(std::move(with));
  ASSERT_TRUE(db) << db.error().text;
  db_ = *std::move(db);
  auto log = event_log::open(*db_, "log");
  ASSERT_TRUE(log) << log.error().text;
  log_ = *std::move(log);
  view_ = std::make_unique<counting_view>(*db_);
}

void log_test::start(sequencer_options with) {
  auto started = sequencer::start(*log_, {view_.get()}, clock_, std::move(with));
  ASSERT_TRUE(started) << started.error().text;
  sequencer_ = *std::move(started);
}

void log_test::close() {
  sequencer_.reset();
  view_.reset();
  log_.reset();
  db_.reset();
}

event_seq log_test::add(std::string repository, std::string id) {
  const auto outcome = append(*sequencer_, {push_of(std::move(repository), std::move(id))});
  EXPECT_TRUE(outcome) << outcome.error().text;
  if (!outcome) return {};
  EXPECT_EQ(outcome->appended, 1u);
  return outcome->first;
}

void log_test::add_many(int count, const std::string& prefix) {
  for (int i = 0; i < count; ++i) {
    clock_.advance_us(1'000);
    add("team/app-" + std::to_string(i % 7), prefix + std::to_string(i));
  }
}

std::vector<std::string> log_test::records() const {
  std::vector<std::string> all;
  const auto walked = log_->fold({0}, std::numeric_limits<std::uint64_t>::max(),
                                 [&](event_seq, std::string_view record) -> result<bool> {
                                   all.emplace_back(record);
                                   return true;
                                 });
  EXPECT_TRUE(walked) << walked.error().text;
  return all;
}

std::vector<event> log_test::events() const {
  std::vector<event> all;
  for (const std::string& record : records()) all.push_back(decode(record).value());
  return all;
}

std::string log_test::digest_of_view() const { return view_digest(*log_, *view_).value(); }

std::string log_test::digest_of_rebuilt_view() {
  const auto done = rebuild(*log_, *view_);
  EXPECT_TRUE(done) << done.error().text;
  return digest_of_view();
}

verification log_test::verified() const {
  auto v = verify(*db_, "log");
  EXPECT_TRUE(v) << v.error().text;
  return v.value_or(verification{});
}

}  // namespace longshore::log
