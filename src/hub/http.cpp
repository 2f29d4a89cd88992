#include "hub/http.h"

#include <curl/curl.h>

#include <exception>
#include <memory>
#include <span>

#include "base/error.h"

namespace medlar::hub {
namespace {

constexpr long connect_seconds = 30;
constexpr long stalled_seconds = 60;  // without a byte

/// One transfer's state, seen by curl's callbacks.
struct Transfer {
  CURL* curl;
  const HttpSink* sink;
  i64 from;
  i64 at = -1;  ///< of the next byte; unknown before the first
  std::exception_ptr thrown;
};

long status_of(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t total = size * count;
  const long status = status_of(transfer.curl);
  if (status < 200 || status > 299) return total;  // the page of an error
  constexpr long partial_content = 206;
  if (transfer.at < 0) transfer.at = status == partial_content ? transfer.from : 0;
  try {
    (*transfer.sink)(transfer.at, std::as_bytes(std::span(bytes, total)));
  } catch (...) {  // carried over curl's C frames
    transfer.thrown = std::current_exception();
    return 0;
  }
  transfer.at += static_cast<i64>(total);
  return total;
}

/// Made once, on first use; curl asks for that before any thread uses it.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) fail(ErrorCode::io, "libcurl does not start");
}

}  // namespace

void http_get(const HttpRequest& request, const HttpSink& sink) {
  start_curl();
  const std::unique_ptr<CURL, void (*)(CURL*)> owned(curl_easy_init(), curl_easy_cleanup);
  CURL* curl = owned.get();
  if (curl == nullptr) fail(ErrorCode::out_of_memory, "libcurl gives no handle");
  Transfer transfer = {.curl = curl, .sink = &sink, .from = request.from, .thrown = nullptr};
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, curl_slist_free_all);
  if (!request.token.empty()) {
    headers.reset(curl_slist_append(nullptr, ("Authorization: Bearer " + request.token).c_str()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "medlar");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stalled_seconds);
  if (request.from > 0)
    curl_easy_setopt(curl, CURLOPT_RANGE, fmt::format("{}-", request.from).c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  const CURLcode code = curl_easy_perform(curl);
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (code != CURLE_OK)
    fail(ErrorCode::io, "cannot fetch {}: {}", request.url, curl_easy_strerror(code));
  const long status = status_of(curl);
  if (status == 401 || status == 403) {
    fail(ErrorCode::io, "{} answers {}: it needs a token that may read it (HF_TOKEN)", request.url,
         status);
  }
  if (status == 404) fail(ErrorCode::not_found, "{} answers 404: not found", request.url);
  if (status < 200 || status > 299) fail(ErrorCode::io, "{} answers {}", request.url, status);
}

std::string http_text(const HttpRequest& request, i64 max_bytes) {
  std::string text;
  http_get(request, [&](i64, Bytes bytes) {
    if (ssize_of(text) + ssize_of(bytes) > max_bytes)
      fail(ErrorCode::limit_exceeded, "{} answers with over {} bytes", request.url, max_bytes);
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

}  // namespace medlar::hub
