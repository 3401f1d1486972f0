#!/usr/bin/env python3
"""The house rules, as a test.

usage: tidy.py ROOT        checks the tree at ROOT; prints each breach as file:line: rule; exit 1 when there is one
       tidy.py --control   checks a made-up tree that breaks every rule; exit 1 when a breach goes unseen
"""

import os
import re
import sys
import tempfile

LAYERS = ["storage", "log", "engine", "api", "tools"]  # each may include itself and what stands before it
CODE_FOLDERS = LAYERS + ["bench", "tests"]
LINE_MAX, HEADER_MAX, SOURCE_MAX, FUNCTION_MAX = 120, 150, 400, 70

# What only one layer may name, outside of the tests.
OWNED = [
    ("storage", re.compile(r"\brocksdb(/|::)"), "only storage names RocksDB"),
    ("log", re.compile(r"\bflatbuffers(/|::)"), "only log names FlatBuffers"),
    ("api", re.compile(r"\bboost(/beast|::beast)\b"), "only api names Beast"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/')
# Spelt in halves, or this file would break its own rule.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
EMPTY_CATCH = re.compile(r"catch\s*\([^)]*\)\s*\{\s*\}")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(")
OPENS_NO_FUNCTION = re.compile(r"^(namespace|struct|class|enum|union|extern)\b")
TEXT_SUFFIXES = (".h", ".cc", ".py", ".cmake", ".txt", ".md", ".fbs", ".toml", ".sh", ".json")


def files_under(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in ("build", ".git", "__pycache__", "corpus"))
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def is_script(path, lines):
    return "." not in os.path.basename(path) and bool(lines) and lines[0].startswith("#!")


def functions(lines):
    """Yields (first line, length) of each function body that opens and closes at the margin."""
    opened = None
    for number, line in enumerate(lines, 1):
        if line.startswith(("}", "};")) and opened is not None:
            yield opened, number - opened + 1
            opened = None
        elif line and not line[0].isspace() and line.endswith("{") and not OPENS_NO_FUNCTION.match(line):
            opened = number


class checker:
    def __init__(self, root):
        self.root = root
        self.breaches = []

    def breach(self, path, line, rule):
        self.breaches.append((path, line, rule))

    def check_layers(self, path, lines):
        folder = path.split(os.sep)[0]
        if folder not in LAYERS or path.startswith(os.path.join("tools", "cmake")):
            return
        allowed = LAYERS[: LAYERS.index(folder) + 1]
        for number, line in enumerate(lines, 1):
            include = INCLUDE.match(line)
            if include and include.group(1) in CODE_FOLDERS and include.group(1) not in allowed:
                self.breach(path, number, f"include points upward: {folder} must not include {include.group(1)}")
            for owner, pattern, rule in OWNED:
                if folder != owner and pattern.search(line):
                    self.breach(path, number, rule)

    def check_shape(self, path, lines):
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_MAX:
                self.breach(path, number, f"line longer than {LINE_MAX} columns")
            if SLEEP.search(line) and not path.startswith(("tests/e2e", "tests/crash", "bench")):
                self.breach(path, number, "sleeps: wait for the event that is meant")
        for match in EMPTY_CATCH.finditer("\n".join(lines)):
            number = "\n".join(lines)[: match.start()].count("\n") + 1
            self.breach(path, number, "an exception is swallowed")
        if path.endswith(".h"):
            if len(lines) < 3 or lines[0] != "#pragma once" and lines[0][:2] != "//":
                self.breach(path, 1, "a header begins with #pragma once")
            elif not any(line.startswith("//") for line in lines[:6]):
                self.breach(path, 1, "a header opens by saying what it is")
        if path.startswith("tests"):
            return
        most = HEADER_MAX if path.endswith(".h") else SOURCE_MAX
        if len(lines) > most:
            self.breach(path, len(lines), f"longer than {most} lines")
        for number, length in functions(lines):
            if length > FUNCTION_MAX:
                self.breach(path, number, f"function of {length} lines, longer than {FUNCTION_MAX}")

    def check_registered(self, path):
        """A source that no CMakeLists.txt names is compiled by nobody, and a test in it can never fail."""
        folder = os.path.dirname(path)
        while folder:
            lists = os.path.join(self.root, folder, "CMakeLists.txt")
            if os.path.exists(lists):
                with open(lists, encoding="utf-8") as text:
                    name = re.escape(os.path.relpath(path, folder))
                    if re.search(rf"(^|[\s/\"]){name}($|[\s)\"])", text.read()):
                        return
            folder = os.path.dirname(folder)
        self.breach(path, 1, "named in no CMakeLists.txt")

    def check_file(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as text:
            lines = text.read().splitlines()
        if not path.endswith(TEXT_SUFFIXES) and not is_script(path, lines):
            return
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                self.breach(path, number, "unfinished work is not checked in")
        if path.endswith((".h", ".cc")) and path.split(os.sep)[0] in CODE_FOLDERS:
            self.check_layers(path, lines)
            self.check_shape(path, lines)
            if path.endswith(".cc") and not path.startswith(os.path.join("tools", "cmake")):
                self.check_registered(path)

    def run(self):
        for folder in [""] + CODE_FOLDERS:
            here = os.path.join(self.root, folder)
            if os.path.isdir(here) and not os.path.exists(os.path.join(here, "README.md")):
                self.breach(os.path.join(folder, "README.md"), 1, "missing: every folder says what it is for")
        for path in files_under(self.root):
            if path.split(os.sep)[0] in CODE_FOLDERS or os.sep not in path:
                self.check_file(path)
        return self.breaches


def control():
    """A tree that breaks each rule once, with the breaches that must be seen in it, and one clean file."""
    word = "TO" + "DO"
    head = "#pragma once\n\n// What it is.\n"
    body = "".join(f"  step({n});\n" for n in range(FUNCTION_MAX))
    tree = {
        "storage/CMakeLists.txt": "clean.cc up.cc caught.cc slept.cc",
        "storage/clean.cc": '#include "storage/clean.h"\n\nint f() {\n  return 1;\n}\n',
        "storage/clean.h": head,
        "storage/up.cc": '#include "log/event.h"\n',
        "storage/caught.cc": "void f() {\n  try {\n    g();\n  } catch (...) {\n  }\n}\n",
        "storage/slept.cc": "void f() { std::this_thread::sleep_for(t); }\n",
        "log/CMakeLists.txt": "rocks.cc long.cc",
        "log/README.md": "log",
        "log/rocks.cc": "rocksdb::DB* db;\n",
        "log/long.cc": "\n" * (SOURCE_MAX + 1),
        "log/long.h": head + "\n" * HEADER_MAX,
        "log/mute.h": "#pragma once\n\nint f();\n",
        "engine/CMakeLists.txt": "flat.cc beast.cc function.cc",
        "engine/flat.cc": "flatbuffers::Verifier v;\n",
        "engine/beast.cc": "#include <boost/beast/http.hpp>\n",
        "engine/function.cc": "int f() {\n" + body + "}\n",
        "tools/wide.h": head + "// " + "x" * LINE_MAX + "\n",
        "tools/script": f"#!/bin/sh\n# {word}: finish\n",
        "tests/unit/lost_test.cc": "TEST(a, b) {}\n",
        "tests/unit/CMakeLists.txt": "found_test.cc also_lost_test.cc.in",
        "tests/unit/found_test.cc": "TEST(a, b) {}\n",
    }
    expected = {
        ("storage/up.cc", "include points upward"), ("storage/caught.cc", "an exception is swallowed"),
        ("storage/slept.cc", "sleeps"), ("log/rocks.cc", "only storage names RocksDB"),
        ("log/long.cc", "longer than 400"), ("log/long.h", "longer than 150"),
        ("log/mute.h", "a header opens by saying"), ("engine/flat.cc", "only log names FlatBuffers"),
        ("engine/beast.cc", "only api names Beast"), ("engine/function.cc", "function of 72 lines"),
        ("tools/wide.h", "line longer than"), ("tools/script", "unfinished work"),
        ("tests/unit/lost_test.cc", "named in no CMakeLists.txt"), ("storage/README.md", "missing"),
    }
    with tempfile.TemporaryDirectory(prefix="longshore-tidy-") as root:
        for path, text in tree.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                out.write(text)
        breaches = checker(root).run()
    failures = [f"not seen: {path}: {rule}" for path, rule in sorted(expected)
                if not any(p == path and r.startswith(rule) for p, _, r in breaches)]
    clean = {"storage/clean.cc", "storage/clean.h", "tests/unit/found_test.cc"}
    failures += [f"seen where there is none: {p}:{n}: {r}" for p, n, r in breaches if p in clean]
    for failure in failures:
        print(failure)
    print(f"control: {len(expected)} breaches made, {len(failures)} misjudged")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--control"]:
        return control()
    if len(arguments) != 1 or not os.path.isdir(arguments[0]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    breaches = checker(arguments[0]).run()
    for path, line, rule in breaches:
        print(f"{path}:{line}: {rule}")
    print(f"tidy: {len(breaches)} breaches of the house rules")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
