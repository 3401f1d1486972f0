#include "engine/reconcile_records.h"

#include <boost/json.hpp>

#include "engine/journal_records.h"

namespace longshore::engine::record {
namespace {

namespace json = boost::json;

json::string_view view(std::string_view s) { return {s.data(), s.size()}; }

log::event of(log::event_kind kind, const json::object& detail) {
  log::event e;
  e.kind = kind;
  e.detail = json::serialize(detail);
  return e;
}

json::object about(const std::string& source, const std::string& run) { return {{"source", source}, {"run", run}}; }

void add(json::object& to, const reconcile_counts& c) {
  to["repositories"] = c.repositories;
  to["done"] = c.done;
  to["failed"] = c.failed;
  to["tags"] = c.tags;
  to["requests"] = c.requests;
  to["found"] = c.found;
}

std::string_view word_of(noted what) {
  switch (what) {
    case noted::suspected:
      return "suspected";
    case noted::watched:
      return "watched";
    case noted::released:
      return "released";
  }
  return "";
}

}  // namespace

log::event reconcile_started(const std::string& source, const reconcile_record& run) {
  json::object detail = about(source, run.run);
  detail["mode"] = view(name_of(run.mode));
  detail["why"] = storable(run.why);
  detail["whole"] = run.whole;
  return of(log::event_kind::reconcile_started, detail);
}

log::event repository_reconciled(const std::string& source, const std::string& run, std::string repository,
                                 reconcile_mode mode, std::uint64_t tags, std::uint64_t requests, std::uint64_t found) {
  json::object detail = about(source, run);
  detail["mode"] = view(name_of(mode));
  detail["tags"] = tags;
  detail["requests"] = requests;
  detail["found"] = found;
  log::event e = of(log::event_kind::repository_reconciled, detail);
  e.repository = std::move(repository);
  return e;
}

log::event repository_left(const std::string& source, const std::string& run, std::string repository) {
  json::object detail = about(source, run);
  detail["left"] = true;
  log::event e = of(log::event_kind::repository_reconciled, detail);
  e.repository = std::move(repository);
  return e;
}

log::event reconcile_position(const std::string& source, const reconcile_record& run) {
  json::object detail = about(source, run.run);
  detail["through"] = run.through;
  detail["broken_off"] = storable(run.reason);
  add(detail, run.counts);
  return of(log::event_kind::reconcile_position, detail);
}

log::event reconcile_ended(const std::string& source, const reconcile_record& run) {
  json::object detail = about(source, run.run);
  detail["mode"] = view(name_of(run.mode));
  detail["why"] = storable(run.why);
  detail["whole"] = run.whole;
  detail["complete"] = run.complete;
  detail["reason"] = storable(run.reason);
  if (!run.catalog_refused.empty()) detail["catalog_refused"] = storable(run.catalog_refused);
  detail["started_us"] = run.started.us;
  add(detail, run.counts);
  return of(log::event_kind::reconcile_ended, detail);
}

log::event source_noted(const std::string& source, noted what, std::string_view reason) {
  return of(log::event_kind::source_noted,
            {{"source", source}, {"what", view(word_of(what))}, {"reason", storable(reason)}});
}

}  // namespace longshore::engine::record
