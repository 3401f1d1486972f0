#include "engine/actual_rows.h"

#include "engine/item_rows.h"
#include "storage/packed.h"

namespace longshore::engine::actual_rows {
namespace {

std::uint64_t packed(timestamp t) { return static_cast<std::uint64_t>(t.us); }

}  // namespace

std::string pack(const actual_repository& r) {
  return storage::packer()
      .number(static_cast<std::uint64_t>(r.state))
      .number(r.synced_size)
      .number(r.retry_count)
      .text(r.last_sync_failure)
      .number(packed(r.retry_at))
      .number(packed(r.last_synced_at))
      .number(packed(r.created_at))
      .number(packed(r.started_at))
      .number(r.parked)
      .number(r.failed)
      .number(r.skipped)
      .number(r.sparse)
      .text(r.filter)
      .number(r.reopened ? 1 : 0)
      .number(packed(r.verified_at))
      .text(r.checksum)
      .number(r.mismatches)
      .number(r.deletes_allowed ? 1 : 0)
      .number(r.apart)
      .number(r.doubted)
      .number(r.amiss)
      .text(r.amiss_reason)
      .take();
}

std::optional<actual_repository> unpack_repository(std::string_view name, std::string_view value) {
  storage::unpacker in(value);
  actual_repository r;
  r.name = name;
  r.state = static_cast<sync_state>(in.number());
  r.synced_size = in.number();
  r.retry_count = in.number();
  r.last_sync_failure = in.text();
  r.retry_at = unpacked(in.number());
  r.last_synced_at = unpacked(in.number());
  r.created_at = unpacked(in.number());
  r.started_at = unpacked(in.number());
  r.parked = in.number();
  r.failed = in.number();
  r.skipped = in.number();
  r.sparse = in.number();
  r.filter = in.text();
  r.reopened = in.number() != 0;
  if (in.more()) {
    r.verified_at = unpacked(in.number());
    r.checksum = in.text();
    r.mismatches = in.number();
    r.deletes_allowed = in.number() != 0;
  }
  if (in.more()) r.apart = in.number();
  if (in.more()) r.doubted = in.number();
  if (in.more()) {
    r.amiss = in.number();
    r.amiss_reason = in.text();
  }
  if (!in.ok() || r.state > sync_state::failed) return std::nullopt;
  return r;
}

std::string pack(const actual_item& i) {
  return storage::packer()
      .number(static_cast<std::uint64_t>(i.state))
      .text(i.digest)
      .number(i.done_size)
      .number(i.tried_size)
      .text(i.reason)
      .text(i.code)
      .number(packed(i.at))
      .number(packed(i.verified_at))
      .number(i.apart ? 1 : 0)
      .number(i.amiss ? 1 : 0)
      .take();
}

std::optional<actual_item> unpack_item(std::string_view key, std::string_view value) {
  const auto at = item_rows::read_item_key(key);
  if (!at) return std::nullopt;
  storage::unpacker in(value);
  actual_item i;
  i.repository = at->repository;
  i.is_tag = at->is_tag;
  i.ref = at->ref;
  i.state = static_cast<item_state>(in.number());
  i.digest = in.text();
  i.done_size = in.number();
  i.tried_size = in.number();
  i.reason = in.text();
  i.code = in.text();
  i.at = unpacked(in.number());
  i.verified_at = unpacked(in.number());
  if (in.more()) i.apart = in.number() != 0;
  if (in.more()) i.amiss = in.number() != 0;
  if (!in.ok() || i.state > item_state::skipped) return std::nullopt;
  return i;
}

}  // namespace longshore::engine::actual_rows
