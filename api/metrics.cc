#include "api/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace longshore::api {

namespace asio = boost::asio;

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

// Families in the order in which they are first named.
class exposition {
 public:
  void counter(const char* name, const char* help, std::uint64_t value, labels of = {}) {
    add(name, help, MetricType::Counter, std::move(of)).counter.value = static_cast<double>(value);
  }
  void gauge(const char* name, const char* help, double value, labels of = {}) {
    add(name, help, MetricType::Gauge, std::move(of)).gauge.value = value;
  }
  void gauge(const char* name, const char* help, std::uint64_t value, labels of = {}) {
    gauge(name, help, static_cast<double>(value), std::move(of));
  }
  void histogram(const char* name, const char* help, const latency_histogram& h) {
    ClientMetric::Histogram& to = add(name, help, MetricType::Histogram, {}).histogram;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < h.counts().size(); ++i) {
      below += h.counts()[i];
      const double bound = i < latency_histogram::bounds_us.size()
                               ? static_cast<double>(latency_histogram::bounds_us[i]) / 1e6
                               : std::numeric_limits<double>::infinity();
      to.bucket.push_back({below, bound});
    }
    to.sample_count = h.count();
    to.sample_sum = static_cast<double>(h.sum_us()) / 1e6;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& add(const char* name, const char* help, MetricType type, labels of) {
    if (families_.empty() || families_.back().name != name) {
      MetricFamily f;
      f.name = name;
      f.help = help;
      f.type = type;
      families_.push_back(std::move(f));
    }
    ClientMetric m;
    m.label = std::move(of);
    families_.back().metric.push_back(std::move(m));
    return families_.back().metric.back();
  }
  std::vector<MetricFamily> families_;
};

struct source_number {
  const char* name;
  const char* help;
  std::uint64_t source_stats::* number;
};
constexpr source_number source_numbers[] = {
    {"longshore_ingest_bodies_total", "Notifications received, by source", &source_stats::received},
    {"longshore_ingest_events_appended_total", "Events made durable", &source_stats::appended},
    {"longshore_ingest_events_duplicate_total", "Events that were in the log already", &source_stats::duplicates},
    {"longshore_ingest_events_dropped_total", "Pulls dropped by the settings", &source_stats::dropped},
    {"longshore_ingest_quarantined_total", "Bodies put into quarantine", &source_stats::quarantined},
    {"longshore_ingest_unauthorized_total", "Requests that named the source with a wrong token",
     &source_stats::unauthorized},
    {"longshore_ingest_too_large_total", "Bodies over the limit (413): they block the registry's queue",
     &source_stats::too_large},
    {"longshore_ingest_unavailable_total", "Bodies answered 503 or 507", &source_stats::unavailable},
    {"longshore_ingest_registry_restarts_total", "Registry processes seen after another: events may be lost",
     &source_stats::restarts},
};

void add_ingest(exposition& to, const ingest_stats& s) {
  to.histogram("longshore_ingest_ack_seconds", "From a whole notification to its acknowledgement", s.acknowledged);
  to.counter("longshore_ingest_unauthorized_requests_total", "Notifications with a wrong token", s.unauthorized);
  to.counter("longshore_ingest_misdirected_requests_total",
             "Notifications for a source that is not configured, and POSTs to where nothing is", s.misdirected);
  for (const source_number& n : source_numbers) {
    for (const source_stats& of : s.sources) to.counter(n.name, n.help, of.*n.number, {{"source", of.name}});
  }
  for (const source_stats& of : s.sources) {
    to.gauge("longshore_ingest_last_event_timestamp_seconds", "When the source was last heard of",
             static_cast<double>(of.last_event.us) / 1e6, {{"source", of.name}});
  }
}

void add_log(exposition& to, const admin_world& w, const log::sequencer& sequencer) {
  to.gauge("longshore_log_size", "Records in the log", w.log.durable_size());
  to.gauge("longshore_journal_size", "Records in this site's journal", w.journal.durable_size());
  to.gauge("longshore_log_queue", "Events waiting to be made durable", static_cast<std::uint64_t>(sequencer.queued()));
  to.gauge("longshore_log_failed", "1: the log takes nothing until the site is restarted",
           sequencer.failed() ? 1.0 : 0.0);
  to.gauge("longshore_database_failed", "1: nothing is written until the site is restarted",
           w.log.base().poisoned() ? 1.0 : 0.0);
  to.counter("longshore_quarantine_total", "Notifications that could not be understood", w.aside.count());
}

void add_followers(exposition& to, const admin_world& w) {
  const std::uint64_t size = w.log.durable_size();
  const timestamp now = w.now.now();
  const auto all = w.followers.all();
  for (const site_report& s : all) {
    if (!s.refused.empty()) continue;
    to.gauge("longshore_site_lag_events", "Records that a following site has not taken; none: nobody knows",
             size - std::min(size, s.size), {{"site", s.name}});
  }
  for (const site_report& s : all) {
    to.gauge("longshore_site_refused", "1: a following site takes nothing of this log, which is another than its own",
             s.refused.empty() ? 0.0 : 1.0, {{"site", s.name}});
  }
  for (const std::string& name : w.followers.configured()) {
    const wrong_tokens wrong = w.followers.turned_away(name);
    to.gauge("longshore_site_wrong_tokens_in_a_row",
             "Reports in the name of a configured follower, with a token that is not its own, in a row",
             wrong.in_a_row + wrong.of_another, {{"site", name}});
  }
  for (const site_report& s : all) {
    if (s.reported.us == 0) continue;
    to.gauge("longshore_site_report_age_seconds", "Since a following site last reported",
             static_cast<double>(now.us - s.reported.us) / 1e6, {{"site", s.name}});
  }
}

void add_following(exposition& to, const engine::follower_status& f, timestamp now) {
  if (f.is_lag_known()) {
    to.gauge("longshore_follower_lag_events", "Records of the primary that this site has not taken; none: nobody knows",
             f.lag_events());
  }
  to.gauge("longshore_follower_connected", "1: following", f.state == engine::follower_state::following ? 1.0 : 0.0);
  if (f.last_contact.us != 0) {
    to.gauge("longshore_follower_contact_age_seconds", "Since the primary last answered",
             static_cast<double>(now.us - f.last_contact.us) / 1e6);
  }
}

void add_replication(exposition& to, const engine::replicator_status& r) {
  to.gauge("longshore_sync_halted", "1: nothing is brought to the target until the site is restarted",
           r.halted.empty() ? 0.0 : 1.0);
  to.gauge("longshore_sync_running", "Repositories being synced", static_cast<std::uint64_t>(r.running.size()));
  to.gauge("longshore_sync_queued", "Repositories waiting for their turn", static_cast<std::uint64_t>(r.queued));
  to.gauge("longshore_sync_waiting", "Repositories waiting for a retry", static_cast<std::uint64_t>(r.waiting));
  to.counter("longshore_sync_passes_total", "Passes over a repository", r.passes);
  to.counter("longshore_sync_failed_passes_total", "Passes that ended with failures", r.failed_passes);
  const char* const items = "longshore_sync_items_total";
  to.counter(items, "Items settled, by outcome", r.totals.published, {{"outcome", "published"}});
  to.counter(items, "", r.totals.removed, {{"outcome", "removed"}});
  to.counter(items, "", r.totals.unchanged, {{"outcome", "unchanged"}});
  to.counter(items, "", r.totals.failed, {{"outcome", "failed"}});
  to.counter(items, "", r.totals.parked, {{"outcome", "parked"}});
  to.counter(items, "", r.totals.skipped, {{"outcome", "skipped"}});
  const char* const blobs = "longshore_blobs_total";
  to.counter(blobs, "Blobs brought to the target, by way", r.blobs.copied, {{"way", "copied"}});
  to.counter(blobs, "", r.blobs.mounted, {{"way", "mounted"}});
  to.counter(blobs, "", r.blobs.present, {{"way", "present"}});
  to.counter("longshore_blob_resumes_total", "Downloads taken up where they broke off", r.blobs.resumed);
  to.counter("longshore_blob_bytes_copied_total", "Bytes of blobs sent to the target", r.blobs.bytes_copied);
  to.counter("longshore_blob_bytes_mounted_total", "Bytes of blobs mounted instead of sent", r.blobs.bytes_mounted);
  to.counter("longshore_blob_bytes_present_total", "Bytes of blobs that were there already", r.blobs.bytes_present);
  to.gauge("longshore_copy_rate_bytes_per_second", "Bytes of blobs sent to the target, over the last half minute",
           r.bytes_per_second);
  to.gauge("longshore_copy_open_bytes", "Bytes still to come of the images being copied", r.bytes_open);
}

void add_lag(exposition& to, const engine::replication_lag& lag) {
  to.gauge("longshore_replication_lag_seconds", "Since the oldest event that is not settled at the target",
           lag.seconds);
  to.gauge("longshore_oldest_open_item_seq", "The seq of the oldest item that is open; -1: none is",
           lag.oldest ? static_cast<double>(lag.oldest->seq.value) : -1.0);
}

void add_gaps(exposition& to, const ingest_stats& s, const std::vector<engine::reconciler_status>& all, timestamp now) {
  for (const source_stats& of : s.sources) {
    to.gauge("longshore_source_refused_in_a_row", "Notifications refused since one was taken", of.refused_in_a_row,
             {{"source", of.name}});
  }
  const auto each = [&](const char* name, const char* help, auto value) {
    for (const engine::reconciler_status& r : all) to.gauge(name, help, value(r), {{"source", r.source}});
  };
  each("longshore_source_suspected_loss", "1: notifications may have been lost, and no whole reconcile came since",
       [](const auto& r) { return r.reconciled.suspected.empty() ? 0.0 : 1.0; });
  each("longshore_reconcile_complete_age_seconds", "Since the last complete reconcile; -1: there was none",
       [&](const auto& r) {
         const auto& last = r.reconciled.last_complete;
         return last ? static_cast<double>(now.us - last->ended.us) / 1e6 : -1.0;
       });
  each("longshore_reconcile_digests_complete_age_seconds", "Since the last complete one with digests; -1: none",
       [&](const auto& r) {
         const timestamp at = r.reconciled.digests_complete_at;
         return at.us == 0 ? -1.0 : static_cast<double>(now.us - at.us) / 1e6;
       });
  for (const engine::reconciler_status& r : all) {
    if (!r.reconciled.last && !r.reconciled.last_whole) continue;
    to.gauge("longshore_reconcile_last_complete",
             "0: the last reconcile, or the last over all, broke off or was not complete: status says why",
             r.reconciled.incomplete() == nullptr ? 1.0 : 0.0, {{"source", r.source}});
  }
  each("longshore_reconcile_halted", "1: nothing is reconciled until the site is restarted",
       [](const auto& r) { return r.halted.empty() ? 0.0 : 1.0; });
  each("longshore_reconcile_running", "1: a reconcile runs", [](const auto& r) { return r.running ? 1.0 : 0.0; });
  each("longshore_reconcile_last_findings", "What the last complete reconcile found", [](const auto& r) {
    const auto& last = r.reconciled.last_complete;
    return last ? static_cast<double>(last->counts.found) : 0.0;
  });
  each("longshore_reconcile_last_requests", "Requests of the last complete reconcile", [](const auto& r) {
    const auto& last = r.reconciled.last_complete;
    return last ? static_cast<double>(last->counts.requests) : 0.0;
  });
}

// A site that serves and does no longer what it is there for is only half at work.
result<void> at_work(const site_facts& facts, const storage::database& db) {
  if (db.poisoned()) return fail(errc::unavailable, "the database cannot be written any more; restart the site");
  if (facts.replicating && !facts.replicating->halted.empty()) {
    return fail(errc::unavailable, "replication has halted: " + facts.replicating->halted + "; restart the site");
  }
  if (!facts.verifying_halted.empty()) {
    return fail(errc::unavailable, "verifying has halted: " + facts.verifying_halted + "; restart the site");
  }
  for (const engine::reconciler_status& r : facts.reconciling) {
    if (r.halted.empty()) continue;
    return fail(errc::unavailable, "reconciling " + r.source + " has halted: " + r.halted + "; restart the site");
  }
  return {};
}

void add_server(exposition& to, const server_counters& c) {
  to.gauge("longshore_http_connections", "Open connections", c.connections);
  to.counter("longshore_http_requests_total", "Requests handed to a handler", c.requests);
  to.counter("longshore_http_connections_total", "Connections accepted", c.accepted);
  to.counter("longshore_http_turned_away_total", "Connections over the limit", c.turned_away);
  to.counter("longshore_http_timed_out_total", "Connections dropped at a time limit", c.timed_out);
  to.counter("longshore_http_malformed_total", "Requests that were not HTTP", c.malformed);
}

struct registry_number {
  const char* name;
  const char* help;
  const char* label;
  const char* value;
  std::uint64_t host_counters::* number;
};
constexpr registry_number registry_numbers[] = {
    {"longshore_registry_requests_total", "Requests sent to a registry and what it refers to", "", "",
     &host_counters::requests},
    {"longshore_registry_bytes_total", "Bytes exchanged with a registry", "direction", "in", &host_counters::bytes_in},
    {"longshore_registry_bytes_total", "", "direction", "out", &host_counters::bytes_out},
    {"longshore_registry_refusals_total", "Answers that refused, by status", "status", "401",
     &host_counters::unauthorized},
    {"longshore_registry_refusals_total", "", "status", "429", &host_counters::throttled},
    {"longshore_registry_refusals_total", "", "status", "503", &host_counters::unavailable},
    {"longshore_registry_broken_total", "Requests without an answer: time-outs, broken connections", "", "",
     &host_counters::broken},
    {"longshore_registry_retry_after_total", "Answers that asked to be left alone for a while", "", "",
     &host_counters::retry_afters},
    {"longshore_registry_halvings_total", "Times that the connections allowed were halved", "", "",
     &host_counters::halvings},
};

void add_registries(exposition& to, const std::vector<host_limits_view>& all, timestamp now) {
  for (const registry_number& n : registry_numbers) {
    for (const host_limits_view& v : all) {
      labels of{{"registry", v.host}};
      if (*n.label != '\0') of.push_back({n.label, n.value});
      to.counter(n.name, n.help, v.counters.*n.number, std::move(of));
    }
  }
  const auto gauge = [&](const char* name, const char* help, auto value_of) {
    for (const host_limits_view& v : all)
      to.gauge(name, help, static_cast<double>(value_of(v)), {{"registry", v.host}});
  };
  gauge("longshore_registry_connections_allowed", "Connections that may be used at once by each role",
        [](const host_limits_view& v) { return v.connections_allowed; });
  gauge("longshore_registry_requests_in_vain",
        "In a row, without an answer or with 401, 429 or 5xx; one that is served ends it",
        [](const host_limits_view& v) { return v.vain.in_a_row; });
  gauge("longshore_registry_requests_waiting", "Requests held back by limits",
        [](const host_limits_view& v) { return v.requests_waiting; });
  gauge("longshore_registry_transfers_waiting", "Bodies held back by limits",
        [](const host_limits_view& v) { return v.transfers_waiting; });
  gauge("longshore_registry_limit_bytes_per_second", "0: none",
        [](const host_limits_view& v) { return v.bytes_per_second; });
  gauge("longshore_registry_limit_requests_per_second", "0: none",
        [](const host_limits_view& v) { return v.requests_per_second; });
  gauge("longshore_registry_left_alone_seconds", "Until a registry that asked for it is asked again",
        [now](const host_limits_view& v) {
          return v.left_alone_until ? static_cast<double>(v.left_alone_until->us - now.us) / 1e6 : 0.0;
        });
}

void add_repositories(exposition& to, const repository_counts& counts, bool replicates) {
  if (!replicates) {
    return to.gauge("longshore_log_repositories", "Repositories that the log speaks of", counts.total());
  }
  for (const engine::sync_state s : all_sync_states) {
    to.gauge("longshore_repositories", "Repositories, by state", counts.of(s), {{"state", std::string(name_of(s))}});
  }
  to.gauge("longshore_items_failed", "Items that failed and will be tried again", counts.failed);
  to.gauge("longshore_items_parked", "Items that will not be tried again by themselves", counts.parked);
  to.gauge("longshore_items_skipped", "Items that a filter or an operator leaves out", counts.skipped);
  to.gauge("longshore_items_sparse", "Items published without all their platforms", counts.sparse);
  to.gauge("longshore_repositories_verified", "Repositories found equal and whole at some time", counts.verified);
  to.gauge("longshore_verify_mismatches", "Mismatches found in repositories since they were last clean",
           counts.mismatches);
  if (counts.oldest_verified.us != 0) {
    to.gauge("longshore_verify_oldest_timestamp_seconds", "When the repository verified longest ago was verified",
             static_cast<double>(counts.oldest_verified.us) / 1e6);
  }
}

}  // namespace

void metrics::mount(router& to) {
  const auto add = [&](const char* path, handler handle) {
    route r;
    r.method = "GET";
    r.pattern = path;
    r.handle = std::move(handle);
    r.body_bytes_max = 0;
    to.add(std::move(r));
  };
  add("/metrics", [this](exchange& x) { return scrape(x); });
  add("/readyz", [this](exchange& x) { return readiness(x); });
  add("/healthz", [](exchange& x) -> asio::awaitable<void> {
    x.reply(text_answer("ok\n"));
    co_return;
  });
}

asio::awaitable<void> metrics::scrape(exchange& x) {
  const admin_world& w = world_.shown;
  const auto counted = co_await census_.figures();
  if (!counted) co_return x.reply(refusal(counted.error()));
  exposition to;
  const site_facts facts = w.facts();
  to.gauge("longshore_info", "Version and role of this site", 1.0,
           {{"version", facts.version}, {"role", facts.role}, {"site", facts.name}});
  if (w.incoming != nullptr) add_ingest(to, w.incoming->stats());
  add_log(to, w, world_.to);
  add_followers(to, w);
  if (facts.following) {
    add_following(to, *facts.following, w.now.now());
    add_lag(to, engine::lag_of(counted->oldest, *facts.following, w.now.now()));
  }
  if (w.incoming != nullptr) add_gaps(to, w.incoming->stats(), facts.reconciling, w.now.now());
  if (facts.replicating) {
    add_replication(to, *facts.replicating);
    to.gauge("longshore_verify_halted", "1: nothing is verified by itself until the site is restarted",
             facts.verifying_halted.empty() ? 0.0 : 1.0);
    to.gauge("longshore_target_suspected_loss", "1: the target may have lost content that was brought there",
             facts.target_suspected.empty() ? 0.0 : 1.0);
  }
  add_registries(to, facts.registries, w.now.now());
  add_repositories(to, counted->counts, facts.replicating.has_value());
  const server_counters* server = w.server ? w.server() : nullptr;
  if (server != nullptr) add_server(to, *server);
  answer a = text_answer(to.text());
  a.content_type = "text/plain; version=0.0.4; charset=utf-8";
  x.reply(std::move(a));
}

asio::awaitable<void> metrics::readiness(exchange& x) {
  auto ready = world_.ready ? world_.ready() : result<void>();
  if (ready) ready = at_work(world_.shown.facts(), world_.shown.log.base());
  x.reply(ready ? text_answer("ready\n") : text_answer(ready.error().text + "\n", 503));
  co_return;
}

}  // namespace longshore::api
