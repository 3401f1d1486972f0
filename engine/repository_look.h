#pragma once

// One look at one repository of the source: what the log does not know of it is appended to the log.
//
// run() returns when everything that was found is durable in the log. A registry that refuses, fails or answers with
// something else is in the report (`failed`), and then nothing is concluded from what it did not say. Fails when the
// log or a view cannot be used, with errc::stopped when the pauses were stopped. An event of the repository that came
// between the last look at the log and the findings makes it look again. One look per repository at a time; one
// executor; world and pace must outlive it.

#include "engine/reconcile_decisions.h"
#include "engine/source_reader.h"

namespace longshore::engine {

struct look_report {
  std::uint64_t tags = 0, requests = 0, found = 0;
  bool vanished = false;        // the source lists less than half of the tags that the log knows: nothing was concluded
  std::optional<error> failed;  // the listing, or some of the questions: what was answered is recorded
};

// A repository most of whose tags are gone.
enum class if_vanished : bool {
  report,  // may be one of many: whether that is believed is decided when all were looked at
  record   // as any other finding
};

class repository_look {
 public:
  repository_look(const reconcile_world& world, pace& turns, std::string run, std::string repository,
                  reconcile_mode mode, if_vanished then)
      : world_(&world),
        reader_(world, turns),
        run_(std::move(run)),
        repository_(std::move(repository)),
        mode_(mode),
        if_vanished_(then) {}

  task<look_report> run();

 private:
  task<bool> look();  // true: overtaken by an event
  task<std::optional<listed_tags>> list();
  task<> ask(std::vector<tag_question> questions, tag_answers& answers);
  task<bool> append(std::vector<finding> found, std::uint64_t checked);
  result<known_tags> known() const;
  result<bool> overtaken(std::uint64_t from, std::uint64_t to) const;
  log::event event_of(const finding& f, const known_tags& said) const;

  const reconcile_world* world_;
  source_reader reader_;
  std::string run_, repository_;
  reconcile_mode mode_;
  if_vanished if_vanished_;
  look_report report_;
};

}  // namespace longshore::engine
