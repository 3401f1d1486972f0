#pragma once

// What only a primary does, asked of a secondary: 409, and where it is done. Anyone is told; no body is read.

#include "api/router.h"

namespace longshore::api {

// The paths of notifications and of reconciling.
void mount_elsewhere(router& to);

}  // namespace longshore::api
