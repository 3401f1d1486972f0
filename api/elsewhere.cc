#include "api/elsewhere.h"

namespace longshore::api {
namespace {

void add(router& to, const char* method, const char* pattern, const char* why) {
  route r;
  r.method = method;
  r.pattern = pattern;
  r.admit = [why](request&) -> std::optional<answer> { return refusal(error{errc::conflict, why}); };
  // Nobody is admitted.
  r.handle = [why](exchange& x) -> boost::asio::awaitable<void> {
    x.reply(refusal(error{errc::conflict, why}));
    co_return;
  };
  to.add(std::move(r));
}

}  // namespace

void mount_elsewhere(router& to) {
  constexpr const char* events =
      "this site is a secondary and takes no notifications: give the registry the address of its primary "
      "(notifications.endpoints[].url)";
  constexpr const char* looks =
      "this site is a secondary and looks at no source: ask its primary (longshore reconcile there)";
  for (const char* path : {"/api/v4/container_registry_event/events", "/v1/events/{source}"}) {
    add(to, "POST", path, events);
  }
  for (const char* method : {"GET", "POST"}) add(to, method, "/v1/reconcile", looks);
}

}  // namespace longshore::api
