#pragma once

#include <functional>
#include <string>

#include "base/types.h"

namespace medlar::hub {

/// A GET by HTTP or HTTPS; redirects are followed, the token goes to the first host alone.
struct HttpRequest {
  std::string url;
  std::string token;  ///< of "Authorization: Bearer", none where empty
  i64 from = 0;       ///< first byte wanted
};

/// Called with the body as it comes; `at` is where the bytes stand in the whole file: a server that
/// cannot begin in the middle begins at 0. Throws to stop.
using HttpSink = std::function<void(i64 at, Bytes bytes)>;

/// Throws io for a host that cannot be reached, a broken connection or a status other than 2xx (not
/// found 404, unauthorised 401 and 403 said as such), and what the sink throws.
void http_get(const HttpRequest& request, const HttpSink& sink);

/// The body as a text of at most max_bytes. Throws as http_get, and limit_exceeded.
std::string http_text(const HttpRequest& request, i64 max_bytes);

}  // namespace medlar::hub
