#!/usr/bin/env python3
"""Finds shapes of code that GCC 12 compiles wrongly around co_await, and calls this project bans.

Usage: tools/lint_coroutines.py [FILE...]   (default: all sources)

GCC 12 runs destructors of some temporaries inside a co_await expression twice (GCC 107288, 95599
and others; docs/coroutines.md). So a statement with co_await must hold no braced initialiser, no
lambda, and must not be a condition, an operand of ?: or an argument of another call.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Pattern on a whole statement that contains co_await, and what is wrong with it.
STATEMENT_RULES = [
    (re.compile(r"co_await[^;]*[(,]\s*(?:[A-Za-z_:<>]+)?\{"), "a braced initialiser inside a co_await expression"),
    (re.compile(r"co_await[^;]*\[[^\]]*\]\s*(?:\(|\{|mutable)"), "a lambda inside a co_await expression"),
    (re.compile(r"\?[^;:]*co_await|:\s*co_await[^;]*;$"), "co_await inside ?:"),
]
# Patterns on single lines of any file.
LINE_RULES = [
    (re.compile(r"\bstd::regex\b"), "std::regex recurses for every character (libstdc++ PR86164)"),
    (re.compile(r"\basio::detached\b"), "detached work: every child belongs to a task_group"),
    (re.compile(r"\bbeast::iequals\b"), "beast::iequals reads past the end before Boost 1.88"),
    (re.compile(r"beast/zlib|beast::zlib"), "Beast's private zlib is an old one (CVE-2018-25032)"),
    (re.compile(r"\[[^\]\n]+\]\s*\([^)]*\)\s*(?:mutable\s*)?->\s*(?:boost::)?(?:asio::)?awaitable"), "a lambda that is a coroutine and captures"),
    (re.compile(r"\bTODO\b|\bFIXME\b"), "a TODO: open an issue instead"),
]
PURE = [
    "archive/tar_header", "archive/tar_reader", "archive/pax_records", "archive/entry_name", "archive/entry_table",
    "archive/encoding", "archive/decoder", "archive/docker_manifest", "archive/oci_document", "archive/contents",
    "archive/read_contents", "archive/manifest_graph", "archive/docker_image", "transport/pool_state",
    "auth/auth_challenge", "auth/auth_file", "auth/token_request", "transport/address_class", "transport/proxy",
    "transport/server_words", "registry/upload_fsm", "registry/upload_habits", "registry/retry_policy",
    "registry/manifest_builder", "engine/targets", "engine/image_tree", "engine/push_plan", "server/request_framing", "server/request_guard",
    "server/htpasswd", "server/failure_limit", "server/known_logins", "server/login_sessions", "server/secrets",
    "transport/address_block",
    "server/push_request", "server/route", "engine/event_json", "cli/progress_text",
]


def without_comments(text):
    """Comments and string contents blanked, line ends kept."""
    def blank(match):
        piece = match.group(0)
        if piece.startswith(("'", '"')):
            return piece[0] + " " * (len(piece) - 2) + piece[-1]
        return re.sub(r"[^\n]", " ", piece)
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", blank, text, flags=re.S)


def statements(text):
    """(line, statement) for each statement that contains co_await."""
    start = 0
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char in ";{}":
            piece = text[start:at + 1]
            if "co_await" in piece:
                offset = len(piece) - len(piece.lstrip())
                yield text.count("\n", 0, start + offset) + 1, piece.strip()
            start = at + 1


def enclosing_calls(statement):
    """The word before each parenthesis that encloses a co_await."""
    openers = []
    for match in re.finditer(r"(\w*)\s*\(|\)|\bco_await\b", statement):
        if match.group(0) == ")":
            if openers:
                openers.pop()
        elif match.group(0) == "co_await":
            yield from openers
        else:
            openers.append(match.group(1))


def parenthesis_trouble(statement):
    words = set(enclosing_calls(statement))
    if words & {"if", "while", "switch", "for"}:
        yield "co_await inside a condition"
    if words - {"if", "while", "switch", "for", "return", "co_return", ""}:
        yield "co_await inside the arguments of a call"


def check(path):
    text = without_comments(path.read_text())
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in LINE_RULES:
            if pattern.search(line):
                yield number, why
    for number, statement in statements(text):
        for pattern, why in STATEMENT_RULES:
            if pattern.search(statement):
                yield number, why
        for why in parenthesis_trouble(statement):
            yield number, why
    try:
        relative = path.resolve().relative_to(ROOT / "src")
    except ValueError:
        return
    if str(relative.with_suffix("")) in PURE and re.search(r"boost/asio|boost/beast", path.read_text()):
        yield 1, "decisions are plain code: no Asio or Beast in this file"


def main():
    if len(sys.argv) > 1:
        paths = [pathlib.Path(name) for name in sys.argv[1:]]
    else:
        paths = sorted(p for folder in ("src", "include", "tests", "bench") for p in (ROOT / folder).rglob("*.[ch]pp"))
    found = 0
    for path in paths:
        for number, why in check(path):
            found += 1
            print(f"{path}:{number}: {why}")
    print(f"lint_coroutines: {len(paths)} files, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
