#pragma once

// A log in a database of its own, with a sequencer and a view that counts; opened and reopened at will.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "log/event_log.h"
#include "log/quarantine.h"
#include "log/sequencer.h"
#include "log/verifier.h"
#include "storage/database.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/scratch.h"

namespace longshore::log {

// Per repository: how many records, and the seq of the last. Depends on its own rows, so a lost or doubled fold shows.
class counting_view final : public view {
 public:
  explicit counting_view(const storage::database& db) : rows_(db.named("counting.rows")) {}
  std::string_view name() const override { return "counting"; }
  std::uint64_t format() const override { return format_; }
  void set_format(std::uint64_t f) { format_ = f; }
  std::vector<storage::family> families() const override { return {rows_}; }
  void apply(const event_view& e, storage::overlay& state) override;

 private:
  storage::family rows_;
  std::uint64_t format_ = 1;
};

// An event of a repository, with an id.
event push_of(std::string repository, std::string id);

// Submits and waits for the completion; a refusal comes back the same way.
result<append_outcome> append(sequencer& to, std::vector<event> events);
result<append_outcome> append_copy(sequencer& to, event_seq first, std::vector<std::string> records,
                                   const hash256& root);

class log_test : public ::testing::Test {
 protected:
  storage::database_options options() const;
  // Opens what is closed: the database, the log, the view.
  void open(storage::database_options with);
  void open() { open(options()); }
  void start(sequencer_options with = {});
  void open_and_start(sequencer_options with = {}) {
    open();
    start(std::move(with));
  }
  void close();

  // Appends one event and expects it to be new.
  event_seq add(std::string repository, std::string id);
  void add_many(int count, const std::string& prefix = "e");
  std::vector<event> events() const;  // all of the log, decoded
  std::vector<std::string> records() const;
  std::string digest_of_view() const;
  std::string digest_of_rebuilt_view();  // after a rebuild
  // What the verifier says; the database stays open.
  verification verified() const;

  longshore::testing::scratch scratch_;
  manual_clock clock_{{1'700'000'000'000'000}};
  std::unique_ptr<storage::database> db_;
  std::unique_ptr<event_log> log_;
  std::unique_ptr<counting_view> view_;
  std::unique_ptr<sequencer> sequencer_;
};

}  // namespace longshore::log
