#include "tools/copy_state.h"

#include "api/local/local_directory.h"
#include "tools/config_value.h"

namespace longshore::tools {
namespace {

constexpr const char* target_file = "copy-target";

// The state is worthless for another target, and would be believed: it says whose it is. False: nobody's.
result<bool> is_of(const std::filesystem::path& directory, const std::string& target) {
  const std::filesystem::path file = directory / target_file;
  std::error_code ec;
  if (!std::filesystem::exists(file, ec)) return false;
  auto kept = read_small_file(file, 4'096);
  if (!kept) return pass(std::move(kept));
  if (*kept == target + "\n") return true;
  return fail(errc::conflict, directory.string() + " is the state of copies to " + kept->substr(0, kept->find('\n')) +
                                  ", not to " + target + ": name another --state directory");
}

// Of a directory that says nothing: a first run that was cut short left it empty. A site would believe what is
// recorded.
result<void> check_unused(const std::filesystem::path& directory, const site_logs& logs) {
  if (logs.log->durable_size() == 0 && logs.journal->durable_size() == 0) return {};
  return fail(errc::conflict, directory.string() + " is the data directory of a site: name another --state directory");
}

// On disk before anything is recorded.
result<void> write_target(const std::filesystem::path& directory, const std::string& target) {
  auto in = api::local_directory::open(directory);
  if (!in) return pass(std::move(in));
  return in->write_file(target_file, target + "\n");
}

}  // namespace

// is_new: nobody's until now, and nothing recorded there.
result<std::unique_ptr<copy_state>> copy_state::load(const std::filesystem::path& directory, const std::string& target,
                                                     store_access access, bool& is_new) {
  auto store = open_site_store(directory, access);
  if (!store) return pass(std::move(store));
  auto ours = is_of(directory, target);
  if (!ours) return pass(std::move(ours));
  auto logs = open_site_logs(*store);
  if (!logs) return pass(std::move(logs));
  is_new = !*ours;
  if (is_new) {
    if (auto unused = check_unused(directory, *logs); !unused) return pass(std::move(unused));
  }
  return std::unique_ptr<copy_state>(new copy_state(*std::move(store), *std::move(logs)));
}

result<std::unique_ptr<copy_state>> copy_state::look(const std::filesystem::path& directory,
                                                     const std::string& target) {
  bool is_new = false;
  auto loaded = load(directory, target, store_access::read_only, is_new);
  if (!loaded) return loaded;
  copy_state& state = **loaded;
  state.where_ =
      std::make_unique<engine::journaled_locations>(*state.logs_.locations, *state.logs_.actual, *state.logs_.uploads);
  return loaded;
}

result<std::unique_ptr<copy_state>> copy_state::open(const std::filesystem::path& directory, const std::string& target,
                                                     clock& now) {
  bool is_new = false;
  auto loaded = load(directory, target, store_access::create, is_new);
  if (!loaded) return loaded;
  if (is_new) {
    if (auto written = write_target(directory, target); !written) return pass(std::move(written));
  }
  std::unique_ptr<copy_state> state = *std::move(loaded);
  auto sequencer = log::sequencer::start(
      *state->logs_.journal, {state->logs_.actual.get(), state->logs_.locations.get(), state->logs_.uploads.get()}, now,
      {});
  if (!sequencer) return pass(std::move(sequencer));
  state->sequencer_ = *std::move(sequencer);
  state->records_ = std::make_unique<engine::journal>(*state->sequencer_, "copy");
  state->where_ = std::make_unique<engine::journaled_locations>(*state->records_, *state->logs_.locations,
                                                                *state->logs_.actual, *state->logs_.uploads);
  return state;
}

copy_state::~copy_state() {
  if (sequencer_) sequencer_->stop();
}

result<std::optional<std::string>> copy_state::published(const std::string& repository, const std::string& ref) const {
  auto item = logs_.actual->item(repository, ref);
  if (!item) return pass(std::move(item));
  if (!*item || (*item)->state != engine::item_state::done || (*item)->digest.empty()) {
    return std::optional<std::string>();
  }
  return std::optional((*item)->digest);
}

}  // namespace longshore::tools
