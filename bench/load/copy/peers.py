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
    """One run per team: skopeo keeps only the last part of a repository's name below the target it is given."""
    commands = []
    teams = sorted({name.rsplit("/", 1)[0] for name in fleet.repository_names()})
    for team in teams:
        config = pathlib.Path(work) / f"skopeo-{team}.yml"
        lines = [f"{host(source)}:", "  tls-verify: false", "  images:"]
        lines += [f"    {name}: []" for name in fleet.repository_names() if name.startswith(team + "/")]
        config.write_text("\n".join(lines) + "\n")
        commands.append([program, "sync", "--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false",
                         str(config), f"{host(target)}/{team}"])
    return commands


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
