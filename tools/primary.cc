#include "tools/primary.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace longshore::tools {
namespace {

engine::reconcile_settings settings_of(const config& c) {
  engine::reconcile_settings s;
  s.repositories = c.reconcile.repositories;
  s.immutable_tags = c.reconcile.immutable_tags;
  s.repositories_at_once = c.reconcile.repositories_concurrent;
  s.requests_per_second = c.reconcile.requests_per_second;
  s.every_ms = c.reconcile.every.count();
  s.digest_check_every_ms = c.reconcile.digest_check_every.count();
  s.on_hint = c.reconcile.on_hint;
  s.sole = std::ranges::count_if(c.sources, [](const auto& of) { return of.registry.has_value(); }) == 1;
  return s;
}

}  // namespace

primary::primary(primary_world world, const config& c)
    : world_(world), random_(fresh_seed()), records_(world.journal, c.site.name) {}

result<std::unique_ptr<primary>> primary::create(boost::asio::any_io_executor on, primary_world world,
                                                 const config& c) {
  std::unique_ptr<primary> p(new primary(world, c));
  for (const source_settings& s : c.sources) {
    if (!s.registry) continue;
    auto registry = make_registry_client(on, world.now, *s.registry, world.limits.of_source(s.name));
    if (!registry) return pass(std::move(registry), "the registry of the source " + s.name);
    source made;
    made.pauses = std::make_unique<engine::timer_pauses>();
    made.registry = *std::move(registry);
    made.reconciler = std::make_unique<engine::reconciler>(
        on,
        engine::reconcile_world{
            s.name, *made.registry, world.log, *world.logs.log, *world.logs.desired, *world.logs.reconciled,
            p->records_, *made.pauses, world.now, p->random_, settings_of(c), [name = s.name](const std::string& why) {
              spdlog::critical("source {}: nothing is reconciled until the site is started again: {}", name, why);
            }});
    p->sources_.push_back(std::move(made));
  }
  return p;
}

result<void> primary::attach(api::ingest& incoming) {
  auto read = world_.logs.heard->sources([&](const engine::heard_source& s) {
    incoming.remember(s.name, s.instances, s.recorded, s.seq);
    return true;
  });
  if (!read) return pass(std::move(read), "reading what was last heard of the sources");
  incoming.on_doubt([this](const std::string& source, const std::string& reason) {
    for (const auto& s : sources_) {
      if (s.reconciler->source() == source) s.reconciler->suspect(reason);
    }
  });
  return {};
}

result<void> primary::start() {
  for (const source& s : sources_) {
    if (auto started = s.reconciler->start(); !started) return started;
  }
  return {};
}

boost::asio::awaitable<void> primary::stop() {
  for (const source& s : sources_) co_await s.reconciler->stop();
}

std::vector<engine::reconciler*> primary::reconcilers() const {
  std::vector<engine::reconciler*> all;
  for (const source& s : sources_) all.push_back(s.reconciler.get());
  return all;
}

std::vector<engine::reconciler_status> primary::status() const {
  std::vector<engine::reconciler_status> all;
  for (const source& s : sources_) {
    auto one = s.reconciler->status();
    if (!one) {
      engine::reconciler_status unreadable;
      unreadable.source = s.reconciler->source();
      unreadable.halted = one.error().text;
      one = std::move(unreadable);
    }
    all.push_back(*std::move(one));
  }
  return all;
}

void tell_reconciles(const log::committed& made) {
  using log::event_kind;
  for (const std::string& record : *made.records) {
    const auto e = log::view_of(record);
    if (!e) {
      spdlog::error("the journal wrote a record that it cannot read: {}", e.error().text);
      continue;
    }
    const bool broken_off =
        e->kind == event_kind::reconcile_position && e->detail.find("\"broken_off\":\"\"") == std::string_view::npos;
    if (e->kind == event_kind::reconcile_started || e->kind == event_kind::reconcile_ended) {
      const bool well = e->detail.find("\"complete\":false") == std::string_view::npos;
      spdlog::log(well ? spdlog::level::info : spdlog::level::warn, "{}: {}", log::name_of(e->kind), e->detail);
    } else if (broken_off) {
      spdlog::warn("a reconcile broke off and will be taken up again: {}", e->detail);
    } else if (e->kind == event_kind::source_noted && e->detail.find("suspected") != std::string_view::npos) {
      spdlog::warn("notifications may have been lost: {}", e->detail);
    }
  }
}

}  // namespace longshore::tools
