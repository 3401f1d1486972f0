#include "engine/uploads.h"

#include <boost/json.hpp>

#include "engine/item_rows.h"
#include "engine/reference.h"
#include "storage/packed.h"

namespace longshore::engine {
namespace {

// Row: uploads.open  repository NUL digest -> size, offset, location, cookies, at, and where it is known the
// registry (storage/packed.h)

std::string pack(const open_upload& u) {
  storage::packer out;
  out.number(u.size)
      .number(u.offset)
      .text(u.session.location)
      .text(u.session.cookies)
      .number(static_cast<std::uint64_t>(u.at.us));
  if (!u.session.registry.empty()) out.text(u.session.registry);
  return out.take();
}

result<open_upload> unpack(std::string_view key, std::string_view value) {
  const auto end = key.find('\0');
  storage::unpacker in(value);
  open_upload u;
  u.size = in.number();
  u.offset = in.number();
  u.session.location = in.text();
  u.session.cookies = in.text();
  u.at = {static_cast<std::int64_t>(in.number())};
  if (in.more()) u.session.registry = in.text();
  if (!in.ok() || end == std::string_view::npos) {
    return fail(errc::corrupt,
                "a row of uploads.open cannot be read; run `longshore rebuild-views` on this data directory");
  }
  u.repository = key.substr(0, end);
  u.digest = key.substr(end + 1);
  return u;
}

}  // namespace

std::optional<open_upload> upload_in(const log::event_view& e) {
  if (e.kind != log::event_kind::upload_opened || e.digest.empty() || !is_repository_name(e.repository)) {
    return std::nullopt;
  }
  boost::system::error_code ec;
  const auto parsed = boost::json::parse({e.detail.data(), e.detail.size()}, ec);
  if (ec || !parsed.is_object()) return std::nullopt;
  const auto text = [&](const char* field) {
    const auto* v = parsed.get_object().if_contains(field);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  open_upload u{std::string(e.repository),
                std::string(e.digest),
                e.size,
                0,
                {text("location"), text("cookies"), text("registry")},
                e.recorded};
  if (const auto* v = parsed.get_object().if_contains("offset"); v != nullptr && v->is_number()) {
    const auto offset = v->to_number<std::uint64_t>(ec);
    if (!ec) u.offset = offset;
  }
  if (u.session.location.empty() || u.offset > u.size) return std::nullopt;
  return u;
}

void uploads::apply(const log::event_view& e, storage::overlay& state) {
  if (const auto u = upload_in(e)) {
    state.put(open_, item_rows::joined(u->repository, u->digest), pack(*u));
  } else if (e.kind == log::event_kind::upload_closed) {
    state.erase(open_, item_rows::joined(e.repository, e.digest));
  }
}

result<std::optional<open_upload>> uploads::find(std::string_view repository, std::string_view digest) const {
  const auto key = item_rows::joined(repository, digest);
  auto row = db_->get(open_, key);
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<open_upload>();
  auto u = unpack(key, **row);
  if (!u) return pass(std::move(u));
  return std::optional(*std::move(u));
}

result<std::vector<open_upload>> uploads::list(std::size_t most) const {
  std::vector<open_upload> out;
  auto rows = db_->range(open_, {});
  for (; rows.valid() && out.size() < most; rows.next()) {
    auto u = unpack(rows.key(), rows.value());
    if (!u) return pass(std::move(u));
    out.push_back(*std::move(u));
  }
  if (auto read = rows.status(); !read) return pass(std::move(read));
  return out;
}

}  // namespace longshore::engine
