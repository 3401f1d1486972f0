#include "tools/site_store.h"

#include <utility>

#include "log/quarantine.h"
#include "tools/offline.h"

namespace longshore::tools {

namespace {

void add(std::vector<storage::family_spec>& to, std::vector<storage::family_spec> more) {
  for (storage::family_spec& spec : more) to.push_back(std::move(spec));
}

}  // namespace

std::vector<storage::family_spec> site_families() {
  std::vector<storage::family_spec> all = log::families_of(replicated_log);
  add(all, log::families_of(journal_log));
  add(all, log::quarantine::families());
  add(all, engine::desired::family_specs());
  add(all, engine::heard::family_specs());
  add(all, engine::actual::family_specs());
  add(all, engine::locations::family_specs());
  add(all, engine::uploads::family_specs());
  add(all, engine::named_target::family_specs());
  add(all, engine::reconciled::family_specs());
  return all;
}

result<site_store> open_site_store(const std::filesystem::path& path, store_access access) {
  const bool create = access == store_access::create;
  result<storage::data_dir> dir = storage::data_dir::open(path, create);
  if (!dir) return pass(std::move(dir), "opening data directory " + path.string());
  storage::database_options options;
  options.path = dir->database_path();
  options.families = site_families();
  options.create = create;
  options.read_only = access == store_access::read_only;
  result<std::unique_ptr<storage::database>> db = storage::database::open(std::move(options));
  if (!db && db.error().code == errc::corrupt) {
    return fail(errc::corrupt, damage_in(db.error().text) +
                                   ". It cannot be opened: restore the directory from a copy of it; a secondary may "
                                   "begin anew with an empty one instead");
  }
  if (!db) return pass(std::move(db));
  if (access != store_access::read_only) {
    // Of a full disk the site itself tells; the next start notes it.
    if (auto noted = dir->note_database(); !noted && noted.error().code != errc::no_space)
      return pass(std::move(noted));
  }
  return site_store{std::move(*dir), std::move(*db)};
}

result<site_logs> open_site_logs(site_store& store) {
  result<std::unique_ptr<log::event_log>> log = log::event_log::open(*store.db, replicated_log);
  if (!log) return pass(std::move(log), "opening the log");
  result<std::unique_ptr<log::event_log>> journal = log::event_log::open(*store.db, journal_log);
  if (!journal) return pass(std::move(journal), "opening the journal");
  return site_logs{std::move(*log),
                   std::move(*journal),
                   std::make_unique<engine::desired>(*store.db),
                   std::make_unique<engine::heard>(*store.db),
                   std::make_unique<engine::actual>(*store.db),
                   std::make_unique<engine::locations>(*store.db),
                   std::make_unique<engine::uploads>(*store.db),
                   std::make_unique<engine::named_target>(*store.db),
                   std::make_unique<engine::reconciled>(*store.db)};
}

}  // namespace longshore::tools
