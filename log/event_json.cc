// An event for people and other programs: one line of JSON.

#include <openssl/evp.h>

#include <boost/json.hpp>

#include "log/event.h"

namespace longshore::log {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

// The size of the UTF-8 sequence that s begins with; 0 when it begins with none. RFC 3629 section 4.
std::size_t sequence_size(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto tail = [&](std::size_t i, unsigned least = 0x80, unsigned most = 0xbf) {
    return i < s.size() && byte(i) >= least && byte(i) <= most;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return tail(1) ? 2 : 0;
  if (first < 0xf0) {
    return tail(1, first == 0xe0 ? 0xa0u : 0x80u, first == 0xed ? 0x9fu : 0xbfu) && tail(2) ? 3 : 0;
  }
  return tail(1, first == 0xf0 ? 0x90u : 0x80u, first == 0xf4 ? 0x8fu : 0xbfu) && tail(2) && tail(3) ? 4 : 0;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const std::size_t size = sequence_size(s);
    if (size == 0) return false;
    s.remove_prefix(size);
  }
  return true;
}

boost::json::string to_utf8(std::string_view s) {
  boost::json::string clean;
  clean.reserve(s.size());
  while (!s.empty()) {
    const std::size_t size = sequence_size(s);
    if (size == 0) {
      clean.append(boost::json::string_view(replacement.data(), replacement.size()));
      s.remove_prefix(1);
    } else {
      clean.append(boost::json::string_view(s.data(), size));
      s.remove_prefix(size);
    }
  }
  return clean;
}

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a NUL
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void add_detail(boost::json::object& to, std::string_view detail) {
  if (detail.empty()) return;
  boost::system::error_code ec;
  boost::json::value value = boost::json::parse(boost::json::string_view(detail.data(), detail.size()), ec);
  if (!ec) {
    to.emplace("detail", std::move(value));
  } else if (is_utf8(detail)) {
    to.emplace("detail_text", boost::json::string(boost::json::string_view(detail.data(), detail.size())));
  } else {
    to.emplace("detail_base64", to_base64(detail));
  }
}

}  // namespace

std::string to_json(const event& e) {
  boost::json::object line;
  const auto add = [&](const char* field, std::string_view value) {
    if (!value.empty()) line.emplace(field, to_utf8(value));
  };
  line.emplace("seq", e.seq.value);
  line.emplace("recorded", to_rfc3339(e.recorded));
  const std::string_view kind = name_of(e.kind);
  line.emplace("kind", boost::json::string_view(kind.data(), kind.size()));
  add("origin", e.origin);
  add("id", e.id);
  if (e.occurred.us != 0) line.emplace("occurred", to_rfc3339(e.occurred));
  add("repository", e.repository);
  add("tag", e.tag);
  add("digest", e.digest);
  add("media_type", e.media_type);
  if (e.size != 0) line.emplace("size", e.size);
  add("from_repository", e.from_repository);
  add("actor", e.actor);
  add("request_id", e.request_id);
  add("request_addr", e.request_addr);
  add("request_host", e.request_host);
  add("request_method", e.request_method);
  add("request_useragent", e.request_useragent);
  add("instance", e.instance);
  add("action", e.action);
  add_detail(line, e.detail);
  return boost::json::serialize(line);
}

}  // namespace longshore::log
