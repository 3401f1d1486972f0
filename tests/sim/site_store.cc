#include "tests/sim/site_store.h"

#include "engine/actual.h"
#include "engine/desired.h"
#include "engine/locations.h"
#include "engine/reconciled.h"
#include "engine/uploads.h"
#include "log/layout.h"
#include "storage/env/ensure.h"

namespace longshore::sim {

std::vector<storage::family_spec> all_families() {
  std::vector<storage::family_spec> all;
  for (auto more : {log::families_of("log"), log::families_of("journal"), engine::desired::family_specs(),
                    engine::actual::family_specs(), engine::locations::family_specs(), engine::uploads::family_specs(),
                    engine::reconciled::family_specs()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

void give_identity(storage::database& db, const std::string& log_name, std::string_view identity) {
  storage::write_batch batch;
  batch.put(db.named(log_name + ".meta"), log::identity_key, identity);
  const auto done = db.commit(batch, storage::durability::synced);
  ensure(done.has_value(), "a memory database takes a commit");
}

std::unique_ptr<log::event_log> open_log(storage::database& db, const std::string& name) {
  auto opened = log::event_log::open(db, name);
  ensure(opened.has_value(), "the log could not be opened again after a crash");
  return *std::move(opened);
}

}  // namespace longshore::sim
