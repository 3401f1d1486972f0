#include "tools/doctor.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "engine/failure.h"
#include "tools/clients.h"
#include "tools/command.h"

namespace longshore::tools {

namespace {

constexpr std::size_t names_max = 10'000;  // of a catalog

// Runs one coroutine to its end, on a loop of its own.
template <class T>
result<T> wait_for(boost::asio::io_context& loop, engine::task<T> work) {
  std::exception_ptr thrown;
  std::optional<result<T>> answer;
  boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr e, result<T> r) {
    thrown = e;
    answer = std::move(r);
  });
  loop.restart();
  while (!answer && !thrown) loop.run_one();
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*answer);
}

std::string registry_remedy(const error& e, const registry_settings& r) {
  switch (e.code) {
    case errc::unauthorized:
      if (r.token) {
        return "the registry's auth.token settings must name this issuer (\"" + r.token->issuer +
               "\") and service (\"" + r.token->audience +
               "\"), and its rootcertbundle must hold the key's certificate";
      }
      return r.username.empty() && r.docker_config.empty()
                 ? "it wants credentials: give username and password_file, docker_config, or a [.token] section"
                 : "check the user name and the password, or renew what docker_config points to";
    case errc::denied:
      return "let this account list repositories, or go on without the catalog";
    case errc::unavailable:
    case errc::timed_out:
      return "is " + r.url + " the right address, is the registry running, does a firewall close it?";
    case errc::corrupt:
      return "something that is not a registry answers at " + r.url;
    default:
      return "look at the registry's own log";
  }
}

engine::task<> put(engine::registry& target, std::string repository, std::string ref, std::string bytes) {
  auto stored = co_await target.put_manifest(std::move(repository), std::move(ref),
                                             "application/vnd.oci.image.manifest.v1+json", std::move(bytes));
  if (!stored) co_return pass(std::move(stored));
  co_return result<void>();
}

}  // namespace

std::string_view name_of(verdict v) {
  switch (v) {
    case verdict::good:
      return "ok";
    case verdict::attention:
      return "attention";
    case verdict::bad:
      return "FAILED";
  }
  return "?";
}

catalog check_registry(const std::string& what, const std::string& section, const registry_settings& r,
                       const on_checked& told) {
  boost::asio::io_context loop(1);
  system_clock now;
  auto client = make_registry_client(loop.get_executor(), now, r);
  if (!client) {
    told({what, verdict::bad, client.error().text, "correct the section [" + section + "]"});
    return std::nullopt;
  }
  const result<void> ping = wait_for(loop, (*client)->ping());
  if (!ping) {
    told({what, verdict::bad, engine::describe(ping.error()), registry_remedy(ping.error(), r)});
    return std::nullopt;
  }
  told({what, verdict::good, r.url + " answers and takes the credentials", ""});
  std::set<std::string> names;
  auto listed = wait_for(loop, (*client)->list_repositories(std::nullopt));
  while (listed) {
    names.insert(listed->names.begin(), listed->names.end());
    if (!listed->next || names.size() >= names_max) break;
    listed = wait_for(loop, (*client)->list_repositories(std::exchange(listed->next, std::nullopt)));
  }
  if (listed) {
    const bool more = listed->next.has_value();
    told({what + " catalog", verdict::good,
          (more ? "at least " : "") + counted(names.size(), "repository", "repositories") + " listed", ""});
    if (!more) return names;
  } else if (listed.error().code == errc::unavailable || listed.error().code == errc::timed_out) {
    told({what + " catalog", verdict::bad, listed.error().text, registry_remedy(listed.error(), r)});
  } else {
    told({what + " catalog", verdict::attention, listed.error().text,
          "replication works without it; only finding repositories that were never notified does not"});
  }
  return std::nullopt;
}

// With bytes that are no manifest: a registry that takes pushes refuses these, and keeps nothing. Of an upload that is
// begun and cancelled, Distribution keeps a file.
void check_pushing(const registry_settings& target, const std::string& repository, const on_checked& told) {
  constexpr const char* what = "target_registry pushes";
  constexpr const char* bytes = "longshore doctor: no manifest";
  boost::asio::io_context loop(1);
  system_clock now;
  auto client = make_registry_client(loop.get_executor(), now, target);
  if (!client) return;  // told before
  const auto d = digest::of(bytes);
  const auto pushed = wait_for(loop, put(**client, repository, d.text(), bytes));
  if (pushed) {  // it takes anything
    const auto removed = wait_for(loop, (*client)->delete_manifest(repository, d));
    if (removed) return told({what, verdict::good, "it takes them", ""});
    return told({what, verdict::attention,
                 "it takes what is no manifest, and does not delete it: " + removed.error().text,
                 "delete the manifest " + repository + "@" + d.text() + " there by hand"});
  }
  const error& e = pushed.error();
  const auto says = [&](const char* code) { return e.text.find(code) != std::string::npos; };
  if (says("MANIFEST_INVALID") || says("DIGEST_INVALID")) {
    return told({what, verdict::good, "they are allowed; whether its storage takes the bytes is not tried", ""});
  }
  if (e.code == errc::not_found) {
    return told({what, verdict::attention,
                 "not tried: it makes no repositories by itself, and has no " + repository +
                     ": what is pushed into a repository that is not there fails",
                 "create the projects or repositories there beforehand; longshore doctor --push-to NAME tries one that "
                 "it has"});
  }
  if (e.code == errc::unsupported) {
    return told(
        {what, verdict::bad, e.text,
         "it takes no pushes: let it (Distribution: storage.maintenance.readonly), or name another registry, if "
         "it is a pull-through cache; then longshore unpark '**'"});
  }
  if (e.code == errc::denied || e.code == errc::unauthorized) {
    return told({what, verdict::attention, e.text,
                 "let this account push; where it may push into some repositories only, those that are replicated must "
                 "be among them"});
  }
  told({what, verdict::attention, "could not be tried: " + e.text, registry_remedy(e, target)});
}

void check_primary(const config& c, const on_checked& told) {
  boost::asio::io_context loop(1);
  system_clock now;
  auto peer = make_peer_client(loop.get_executor(), now, *c.primary);
  if (!peer) {
    told({"primary", verdict::bad, peer.error().text, "correct the section [primary]"});
    return;
  }
  const auto page = wait_for(loop, (*peer)->read({0}, 1, 0));
  if (page) {
    told({"primary", verdict::good,
          c.primary->url + " lets this site follow; its log has " + std::to_string(page->durable_size) + " records",
          ""});
    return;
  }
  const bool token = page.error().code == errc::unauthorized || page.error().code == errc::denied;
  told({"primary", verdict::bad, page.error().text,
        token ? "the primary must have a [[follower]] with this site's [primary] token"
              : "is " + c.primary->url + " the right address, and is the primary running?"});
}

void run_checks(const config& c, const doctor_settings& settings, const on_checked& told) {
  told({"configuration", verdict::good,
        (c.file.empty() ? std::string("the environment") : c.file.string()) + ": site " + c.site.name, ""});
  for (const std::string& warning : c.warnings) told({"configuration", verdict::attention, warning, "see above"});
  check_data_dir(c, told);
  seen_registries seen;
  for (const source_settings& s : c.sources) {
    if (s.registry)
      seen.sources[s.name] =
          check_registry("source " + s.name + ": its registry", "source.registry", *s.registry, told);
  }
  if (c.source_registry) check_registry("source_registry", "source_registry", *c.source_registry, told);
  if (c.target_registry) {
    seen.target = check_registry("target_registry", "target_registry", *c.target_registry, told);
    check_pushing(*c.target_registry, settings.push_to, told);
  }
  if (c.site.role == site_role::secondary) check_primary(c, told);
  check_site(c, settings.url, settings.ca_file, told, seen);
}

}  // namespace longshore::tools
