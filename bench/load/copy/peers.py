"""The tools that copy a fleet, each in the way its users would run it for speed."""

import pathlib
import shutil

PEERS = {
    "regsync": "github.com/regclient/regclient/cmd/regsync",
    "crane": "github.com/google/go-containerregistry/cmd/crane",
}


def host(url):
    return url.split("//")[1]


def skopeo(program, fleet, source, target, work):
    config = pathlib.Path(work) / "skopeo.yml"
    lines = [f"{host(source)}:", "  tls-verify: false", "  images:"]
    lines += [f"    {repository}: []" for repository in fleet.repository_names()]
    config.write_text("\n".join(lines) + "\n")
    # --scoped would rename; the repositories keep their paths below the target's host.
    return [[program, "sync", "--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false",
             "--scoped=false", str(config), f"{host(target)}/{repository.rsplit('/', 1)[0]}"]
            for repository in sorted({r.rsplit("/", 1)[0] + "/x" for r in fleet.repository_names()})][:1]


def regsync(program, fleet, source, target, work):
    config = pathlib.Path(work) / "regsync.yml"
    lines = ["version: 1", "creds:"]
    for url in (source, target):
        lines += [f"  - registry: {host(url)}", "    tls: disabled", "    reqConcurrent: 8"]
    lines += ["defaults:", "  parallel: 4", "sync:"]
    for repository in fleet.repository_names():
        lines += [f"  - source: {host(source)}/{repository}", f"    target: {host(target)}/{repository}",
                  "    type: repository"]
    config.write_text("\n".join(lines) + "\n")
    return [[program, "once", "-c", str(config)]]


def crane(program, fleet, source, target, work):
    return [[program, "cp", "-a", "-j", "8", "--insecure", f"{host(source)}/{repository}",
             f"{host(target)}/{repository}"] for repository in fleet.repository_names()]


def find(name, directories):
    for directory in directories:
        candidate = pathlib.Path(directory) / name
        if candidate.exists():
            return str(candidate)
    return shutil.which(name)
