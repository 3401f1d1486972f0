#pragma once

// GET /: one self-contained page that shows a site's state to a person. It holds no data of the site: the visitor types
// an administrator's token, which stays in that browser tab, and the page asks /v1/status, /v1/repositories and, where
// something failed or is parked, /v1/items with it.

#include "api/router.h"

namespace longshore::api {

void mount_dashboard(router& to);

}  // namespace longshore::api
