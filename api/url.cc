#include "api/url.h"

#include <algorithm>
#include <array>
#include <boost/url.hpp>

namespace longshore::api {
namespace {

namespace urls = boost::urls;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t shown_max = 200;
  return "\"" + std::string(text.substr(0, shown_max)) + (text.size() > shown_max ? "...\"" : "\"");
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

result<url> from_view(const urls::url_view_base& v, std::string_view text) {
  url out;
  out.scheme = lower(std::string_view(v.scheme()));
  if (out.scheme != "http" && out.scheme != "https") {
    return fail(errc::invalid, quoted(text) + " must begin with http:// or https://");
  }
  if (v.has_userinfo()) {
    return fail(errc::invalid, "the address of " + v.host() +
                                   " holds a user name or password; put credentials where the configuration "
                                   "asks for them");
  }
  out.host = lower(v.host_type() == urls::host_type::ipv6 ? v.host_address() : v.host());
  if (out.host.empty()) return fail(errc::invalid, quoted(text) + " names no host");
  const bool is_address = v.host_type() == urls::host_type::ipv6;
  if (!is_address && !std::all_of(out.host.begin(), out.host.end(), unreserved)) {
    return fail(errc::invalid, quoted(text) + " names a host that cannot be one");
  }
  out.port = v.has_port() && !v.port().empty() ? v.port_number() : (out.secure() ? 443 : 80);
  if (out.port == 0) return fail(errc::invalid, quoted(text) + " has no usable port");
  out.path = std::string(std::string_view(v.encoded_path()));
  if (out.path.empty()) out.path = "/";
  // The library takes what follows a port's digits for a path.
  if (out.path.front() != '/') return fail(errc::invalid, quoted(text) + " has a port that is no number");
  if (v.has_query()) out.query = "?" + std::string(std::string_view(v.encoded_query()));
  return out;
}

std::string escape_but(std::string_view text, std::string_view kept) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c) || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

// fd00:ec2::254, where a cloud keeps by IPv6 what it keeps on the link by IPv4.
constexpr std::array<unsigned char, 16> metadata_v6{0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};

enum class place : std::uint8_t { elsewhere, link, loopback };

place place_of_v4(const std::array<unsigned char, 4>& b) {
  if (b[0] == 127 || b[0] == 0) return place::loopback;
  return b[0] == 169 && b[1] == 254 ? place::link : place::elsewhere;
}

place place_of(std::string_view host) {
  const auto name = lower(host.substr(0, host.find('%')));  // without the zone of an address
  if (name == "localhost" || name.ends_with(".localhost")) return place::loopback;
  if (const auto v4 = urls::parse_ipv4_address(name)) return place_of_v4(v4->to_bytes());
  if (const auto v6 = urls::parse_ipv6_address(name)) {
    const auto b = v6->to_bytes();
    if (v6->is_v4_mapped()) return place_of_v4({b[12], b[13], b[14], b[15]});
    if (v6->is_loopback() || v6->is_unspecified()) return place::loopback;
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return place::link;
    if (b == metadata_v6) return place::link;
  }
  return place::elsewhere;
}

}  // namespace

result<url> url::parse(std::string_view text) {
  const auto parsed = urls::parse_uri(text);
  if (!parsed) {
    return fail(errc::invalid, quoted(text) + " is not a URL; write it as https://host[:port]");
  }
  return from_view(*parsed, text);
}

result<url> url::resolve(std::string_view reference) const {
  const auto ref = urls::parse_uri_reference(reference);
  if (!ref) return fail(errc::invalid, host + " answered with an address that is not a URL: " + quoted(reference));
  const auto base_text = origin() + target();
  const auto base = urls::parse_uri(base_text);
  if (!base) return fail(errc::invalid, quoted(base_text) + " is not a URL");
  urls::url resolved;
  if (const auto done = urls::resolve(*base, *ref, resolved); !done) {
    return fail(errc::invalid, host + " answered with an address that cannot be followed: " + quoted(reference));
  }
  auto out = from_view(resolved, reference);
  // What came in the reference goes back exactly as it came.
  if (out && ref->has_query()) out->query = "?" + std::string(std::string_view(ref->encoded_query()));
  return out;
}

bool url::same_origin(const url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::string url::authority() const {
  auto out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (secure() ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::string url::origin() const { return scheme + "://" + authority(); }

void url::add_query(std::string_view name, std::string_view value) {
  query += query.empty() ? '?' : '&';
  query.append(name).append("=").append(escape(value));
}

std::string escape(std::string_view text) { return escape_but(text, ""); }
std::string escape_path(std::string_view text) { return escape_but(text, "/:"); }

bool is_loopback_host(std::string_view host) { return place_of(host) == place::loopback; }
bool is_local_host(std::string_view host) { return place_of(host) != place::elsewhere; }

}  // namespace longshore::api
