#pragma once

// Which addresses of this machine and its link an answer of a registry may lead to: a registry that is configured to be
// on the loopback may lead to the loopback, everybody else to none of them. Link-local addresses are where clouds keep
// their metadata services. Other addresses of this machine are like anybody's.
//
// The host decides as it was configured: what its name resolves to may change between two requests, at others' will.

#include <cstdint>
#include <string_view>

namespace longshore::api {

enum class local_reach : std::uint8_t { all, loopback, none };

local_reach reach_of(std::string_view registry_host, bool allow_local);
// A name that is neither "localhost" nor an address may be reached as far as this can tell: what it resolves to is
// asked about when it is connected to.
bool may_reach(local_reach reach, std::string_view host);

}  // namespace longshore::api
