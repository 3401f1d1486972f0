#include "api/admin_json.h"

#include <boost/json.hpp>

namespace longshore::api {

namespace json = boost::json;

namespace {

json::string_view view(std::string_view s) { return {s.data(), s.size()}; }
json::value text(std::string_view s) { return s.empty() ? json::value(nullptr) : json::value(view(s)); }
json::value seq(const std::optional<event_seq>& s) { return s ? json::value(s->value) : json::value(nullptr); }
// Seconds since, to three digits.
json::value age(timestamp t, timestamp now) {
  if (t.us == 0) return nullptr;
  return static_cast<double>((now.us - t.us) / 1'000) / 1'000.0;
}

// A body is anybody's bytes; JSON text is not.
std::string printable_body(std::string_view body) {
  std::string shown(body);
  for (char& c : shown) {
    const auto u = static_cast<unsigned char>(c);
    if ((u < 0x20 && c != '\n' && c != '\t' && c != '\r') || u > 0x7e) c = '?';
  }
  return shown;
}

json::object json_of_progress(const engine::sync_progress& p) {
  return {{"published", p.published}, {"removed", p.removed}, {"unchanged", p.unchanged},  {"failed", p.failed},
          {"parked", p.parked},       {"skipped", p.skipped}, {"bytes_sent", p.bytes_sent}};
}

json::object json_of_image(const engine::image_progress& i, timestamp now) {
  return {{"image", i.ref},
          {"started", json_of(i.started)},
          {"seconds", age(i.started, now)},
          {"blobs", i.blobs},
          {"blobs_copied", i.blobs_copied},
          {"blobs_mounted", i.blobs_mounted},
          {"blobs_present", i.blobs_present},
          {"bytes", i.bytes},
          {"bytes_copied", i.bytes_copied},
          {"bytes_mounted", i.bytes_mounted},
          {"bytes_present", i.bytes_present}};
}

}  // namespace

json::value json_of(timestamp t) { return t.us == 0 ? json::value(nullptr) : json::value(to_rfc3339(t)); }

json::object json_of_logged(const engine::repository_state& r) {
  return {{"name", r.name}, {"newest_seq", seq(r.newest_seq)}, {"created_at", json_of(r.created_at)}};
}

json::object json_of(const engine::repository_state& r) {
  return {{"name", r.name},
          {"state", view(engine::name_of(r.state))},
          {"synced_seq", seq(r.synced_seq)},
          {"newest_seq", seq(r.newest_seq)},
          {"retry_count", r.retry_count},
          {"last_sync_failure", text(r.last_sync_failure)},
          {"retry_at", json_of(r.retry_at)},
          {"last_synced_at", json_of(r.last_synced_at)},
          {"created_at", json_of(r.created_at)},
          {"failed_items", r.failed},
          {"parked_items", r.parked},
          {"skipped_items", r.skipped},
          {"sparse_items", r.sparse},
          {"wrong_bytes", r.doubted},
          {"skipped_by", text(r.skipped_by)}};
}

json::object json_of(const engine::actual_item& item) {
  return {{item.is_tag ? "tag" : "digest_ref", item.ref},
          {"state", view(engine::name_of(item.state))},
          {"digest", text(item.digest)},
          {"code", text(item.code)},
          {"reason", text(item.reason)},
          {"at", json_of(item.at)},
          {"verified_at", json_of(item.verified_at)}};
}

json::object json_of(const engine::follower_status& f, timestamp now) {
  return {{"state", view(engine::name_of(f.state))},
          {"error", text(f.reason)},
          {"lag_events", f.is_lag_known() ? json::value(f.lag_events()) : json::value(nullptr)},
          {"primary_size", f.primary_size},
          {"own_size", f.own_size},
          {"retry_at", json_of(f.retry_at)},
          {"last_contact", json_of(f.last_contact)},
          {"seconds_since_contact", age(f.last_contact, now)}};
}

json::object json_of(const engine::replicator_status& r, timestamp now) {
  json::array running;
  for (const auto& job : r.running) {
    json::object o{{"repository", job.repository}, {"started", json_of(job.started)}};
    for (auto& [key, value] : json_of_progress(job.progress)) o.emplace(key, value);
    json::array images;
    for (const engine::image_progress& i : job.progress.images) images.push_back(json_of_image(i, now));
    o.emplace("images", std::move(images));
    running.push_back(std::move(o));
  }
  const engine::copier_counters& b = r.blobs;
  const auto left = engine::seconds_left(r.bytes_open, r.bytes_per_second);
  return {{"error", text(r.halted)},
          {"queued", r.queued},
          {"waiting_for_retry", r.waiting},
          {"passes", r.passes},
          {"failed_passes", r.failed_passes},
          {"bytes_per_second", static_cast<std::uint64_t>(r.bytes_per_second)},
          {"bytes_open", r.bytes_open},
          {"seconds_left", left ? json::value(*left) : json::value(nullptr)},
          {"running", std::move(running)},
          {"items", json_of_progress(r.totals)},
          {"blobs", json::object{{"copied", b.copied},
                                 {"mounted", b.mounted},
                                 {"present", b.present},
                                 {"resumed", b.resumed},
                                 {"mounts_refused", b.mounts_refused},
                                 {"bytes_copied", b.bytes_copied},
                                 {"bytes_mounted", b.bytes_mounted},
                                 {"bytes_present", b.bytes_present}}}};
}

json::object json_of(const repository_counts& counts) {
  json::object o;
  std::uint64_t total = 0;
  for (const engine::sync_state s : all_sync_states) {
    o.emplace(view(engine::name_of(s)), counts.of(s));
    total += counts.of(s);
  }
  o.emplace("total", total);
  o.emplace("troubled", counts.troubled);
  o.emplace("failed_items", counts.failed);
  o.emplace("parked_items", counts.parked);
  o.emplace("skipped_items", counts.skipped);
  o.emplace("sparse_items", counts.sparse);
  o.emplace("skipped_with_wrong_bytes", counts.skipped_doubted);
  o.emplace("verified", counts.verified);
  o.emplace("oldest_verified_at", json_of(counts.oldest_verified));
  return o;
}

json::object json_of(const verifying_facts& v, const std::string& halted) {
  json::object o{{"error", text(halted)},
                 {"last", nullptr},
                 {"looks_by_itself", v.looks_by_itself},
                 {"not_compared", v.not_compared},
                 {"first_not_compared", text(v.first_not_compared)}};
  if (v.last.number == 0) return o;
  o["last"] = json::object{{"running", v.last.running},
                           {"finished", json_of(v.last.finished)},
                           {"repositories", v.last.total},
                           {"clean", v.last.clean},
                           {"mismatches", v.last.mismatches_found}};
  return o;
}

json::object json_of(const site_verdict& v) {
  return {{"state", view(name_of(v.state))}, {"to_do", json::array(v.to_do.begin(), v.to_do.end())}};
}

json::object json_of(const ingest_stats& s) {
  return {
      {"unauthorized", s.unauthorized}, {"misdirected", s.misdirected}, {"misdirected_last", text(s.misdirected_last)}};
}

json::object json_of(const source_stats& s) {
  return {{"name", s.name},
          {"last_event", json_of(s.last_event)},
          {"received", s.received},
          {"appended", s.appended},
          {"duplicates", s.duplicates},
          {"dropped", s.dropped},
          {"quarantined", s.quarantined},
          {"unauthorized", s.unauthorized},
          {"too_large", s.too_large},
          {"unavailable", s.unavailable},
          {"registry_restarts", s.restarts}};
}

json::object json_of(const server_counters& c) {
  return {{"connections", c.connections}, {"accepted", c.accepted},   {"turned_away", c.turned_away},
          {"evicted", c.evicted},         {"timed_out", c.timed_out}, {"requests", c.requests},
          {"malformed", c.malformed},     {"too_large", c.too_large}};
}

json::object json_of(const site_report& s, std::uint64_t log_size, timestamp now) {
  boost::system::error_code ec;
  json::value summary = json::parse(s.summary, ec);
  // A position in another history than this log's is no distance to its end.
  const json::value lag = s.refused.empty() ? json::value(log_size > s.size ? log_size - s.size : 0) : json::value();
  return {{"name", s.name},
          {"size", s.size},
          {"lag_events", lag},
          {"refused", text(s.refused)},
          {"began_anew", json_of(s.set_back)},
          {"reported", json_of(s.reported)},
          {"seconds_since_report", age(s.reported, now)},
          {"summary", ec ? json::value(json::object()) : std::move(summary)}};
}

json::array json_of_configured(const sites& all) {
  json::array followers;
  for (const std::string& name : all.configured()) {
    const wrong_tokens wrong = all.turned_away(name);
    followers.push_back(json::object{{"name", name},
                                     {"wrong_tokens_in_a_row", wrong.in_a_row},
                                     {"wrong_token_at", json_of(wrong.at)},
                                     {"others_token_in_a_row", wrong.of_another},
                                     {"others_token_at", json_of(wrong.of_another_at)},
                                     {"others_token_of", text(wrong.owner)}});
  }
  return followers;
}

json::object json_of(const log::quarantined& q, std::size_t body_bytes_max) {
  return {{"number", q.number},
          {"received", json_of(q.received)},
          {"source", q.source},
          {"reason", printable_body(q.reason)},
          {"content_type", printable_body(q.content_type)},
          {"body_bytes", q.body.size()},
          {"body", printable_body(std::string_view(q.body).substr(0, body_bytes_max))}};
}

}  // namespace longshore::api
