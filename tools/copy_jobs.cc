#include "tools/copy_jobs.h"

#include <sstream>

#include "engine/reference.h"
#include "tools/config_value.h"

namespace longshore::tools {
namespace {

constexpr std::size_t jobs_bytes_max = 16u << 20;
constexpr std::string_view docker_prefix = "docker://";

// The host and what follows its '/', of a docker:// text; nothing for other texts.
struct split_text {
  std::string host, rest;
  bool has_slash = false;
};
std::optional<split_text> split(std::string_view text) {
  if (!text.starts_with(docker_prefix)) return std::nullopt;
  text.remove_prefix(docker_prefix.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return split_text{std::string(text), {}, false};
  return split_text{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1)), true};
}

// A host is checked by having it name a repository.
result<copy_end_point> whole_registry(const split_text& s, std::string repositories) {
  auto at = api::parse_image_reference("docker://" + s.host + "/a");
  if (!at) return pass(std::move(at));
  at->repository.clear();
  return copy_end_point{*std::move(at), true, std::move(repositories)};
}

result<copy_end_point> parse_source(const std::string& text) {
  if (const auto s = split(text); s && (s->rest.empty() || s->rest.find('*') != std::string::npos)) {
    return whole_registry(*s, s->rest.empty() ? "**" : s->rest);
  }
  auto at = api::parse_image_reference(text);
  if (!at) return pass(std::move(at));
  const bool many = at->transport == api::image_transport::distribution && at->repository.empty();
  return copy_end_point{*std::move(at), many, many ? "**" : ""};
}

result<copy_end_point> parse_target(const std::string& text) {
  if (const auto s = split(text); s && (s->rest.empty() || s->rest.ends_with('/'))) {
    const std::string prefix = s->rest.empty() ? "" : s->rest.substr(0, s->rest.size() - 1);
    if (!prefix.empty() && !engine::is_repository_name(prefix)) {
      return fail(errc::invalid, "\"" + prefix + "\" cannot begin a repository's name");
    }
    return whole_registry(*s, prefix);
  }
  auto at = api::parse_image_reference(text);
  if (!at) return pass(std::move(at));
  if (at->transport == api::image_transport::distribution) {
    return fail(errc::invalid, text + " can only be a source: copy to the registry that owns the storage");
  }
  return copy_end_point{*std::move(at), false, {}};
}

// The failure, which says of what it is, once.
std::unexpected<error> naming(const std::string& text, error why) {
  if (why.text.find(text) == std::string::npos) why.text = text + ": " + why.text;
  return std::unexpected(std::move(why));
}

result<void> check_pair(const copy_job& job) {
  if (job.from.many && !job.to.many) {
    return fail(errc::invalid, "many repositories do not fit into one: as the target write docker://" +
                                   (job.to.at.transport == api::image_transport::docker ? job.to.at.location : "HOST") +
                                   " or docker://HOST/PREFIX/");
  }
  const api::image_reference& to = job.to.at;
  if (to.digest && (!job.from.at.digest || *to.digest != *job.from.at.digest)) {
    return fail(errc::invalid, "a digest names its own content only: leave @" + to.digest->text() + " out");
  }
  const bool one = job.from.at.tag || job.from.at.digest;
  if (!one && (to.tag || to.digest)) {
    return fail(errc::invalid, "all tags do not fit under one: name the source's tag, or leave the target's out");
  }
  return {};
}

}  // namespace

result<copy_job> parse_job(const std::string& from, const std::string& to) {
  copy_job job;
  job.source = from;
  job.target = to;
  job.text = from + " -> " + to;
  auto source = parse_source(from);
  if (!source) return naming(from, std::move(source).error());
  auto target = parse_target(to);
  if (!target) return naming(to, std::move(target).error());
  job.from = *std::move(source);
  job.to = *std::move(target);
  // One repository into a registry as a whole: under its own name.
  if (!job.from.many && job.to.many) {
    if (job.from.at.repository.empty()) {
      return fail(errc::invalid, from + " has no repository's name: name one in " + to);
    }
    job.to.at.repository =
        job.to.repositories.empty() ? job.from.at.repository : job.to.repositories + "/" + job.from.at.repository;
    job.to.many = false;
    job.to.repositories.clear();
  }
  if (auto fits = check_pair(job); !fits) return pass(std::move(fits), job.text);
  return job;
}

result<void> check_one_registry(const std::vector<copy_job>& jobs, copy_end_point copy_job::* side,
                                const std::string& option) {
  std::string only;
  for (const copy_job& job : jobs) {
    const api::image_reference& at = (job.*side).at;
    if (at.transport != api::image_transport::docker || at.location == only) continue;
    if (!only.empty()) {
      return fail(errc::invalid, option + " is for one registry, and " + only + " and " + at.location +
                                     " are named: copy to or from each by itself, or log in to each and give "
                                     "--docker-config, which holds a password of its own for each");
    }
    only = at.location;
  }
  return {};
}

result<std::vector<copy_job>> read_jobs(const std::filesystem::path& file) {
  auto text = read_small_file(file, jobs_bytes_max);
  if (!text) return pass(std::move(text));
  std::vector<copy_job> jobs;
  std::istringstream lines(*text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string from, to, more;
    if (!(words >> from) || from.starts_with('#')) continue;
    if (!(words >> to) || (words >> more && !more.starts_with('#'))) {
      return fail(errc::invalid, file.string() + ":" + std::to_string(number) + ": expected \"SRC DST\"");
    }
    auto job = parse_job(from, to);
    if (!job) return pass(std::move(job), file.string() + ":" + std::to_string(number));
    jobs.push_back(*std::move(job));
  }
  if (jobs.empty()) return fail(errc::invalid, file.string() + " names nothing to copy: expected lines \"SRC DST\"");
  return jobs;
}

}  // namespace longshore::tools
