# SPDX-License-Identifier: GPL-2.0-or-later
"""Publishes the files of a site: all or none of them, and nothing if nothing has changed.

`changes` and `amended` decide and only read; `publish` writes, as generations.py describes. A caller whose
files depend on what is published takes generations.locked itself, decides, and calls `carry_out`.
"""

from __future__ import annotations

import dataclasses
import difflib
import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from ksgen.problems import Finding, Mark, Problem, Severity
from ksgen.publish import generations, manifest
from ksgen.publish.generations import Content, Entry, Generation, encoded
from ksgen.publish.manifest import Manifest, NewerFormat
from ksgen.redaction import Span, quoted_span, redacted

# Kickstarts hold the hashes of passwords, armed/ and arming.json the permissions to fetch them, and the manifest lists
# them all: these are for the owner and the web server's group. The rest is world-readable, because dnsmasq serves only
# world-readable files over TFTP (dnsmasq(8), tftp-root).
_PRIVATE, _PUBLIC = 0o640, 0o644
_PRIVATE_FILES = ("ks/", "armed/", "arming.json", "discovery/", "discovery.json", manifest.NAME)

# Index of a line, and where in it a secret begins and ends.
Place = tuple[int, int, int]

_AWAY = "move it away, or publish to another directory"
_IN_THE_WAY_SHOWN = 10  # of a whole foreign tree the first files are enough


@dataclasses.dataclass(frozen=True)
class Site:
    """What is to be published: files by their path in the tree, and what the manifest says about them.

    `owners` names the host that a file belongs to; a file without an owner belongs to the whole site. `sources` are
    the files that were read, name: SHA-256. `limit` names the hosts whose files may be touched, None for all of them;
    files of others must not be among `files`. `group` is the group id for what is written. `secrets` are the places of
    secrets in the files, as far as they are known.
    """

    files: Mapping[str, Content]
    owners: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ksgen: str = ""
    limit: frozenset[str] | None = None
    group: int | None = None
    secrets: Mapping[str, tuple[Place, ...]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.files:
            parts = name.split("/")
            if not name.isprintable() or parts[0] == generations.STATE or {"", ".", ".."} & set(parts):
                raise ValueError(f"not a path in a tree: {name!r}")
        if self.limit is not None and (others := set(self.owners.values()) - self.limit):
            raise ValueError(f"files of hosts that are not selected: {sorted(others)}")


class Change(NamedTuple):
    """A file that differs; `old` is the path of its present content, None for a new file; `new` is None if removed.

    `note` says what differs if the content is the same. The places of secrets are those of the old content and of
    the new one. `owner` is the host that the file belongs to, None for one of the whole site.
    """

    path: str
    old: str | None
    new: Content | None
    note: str | None = None
    old_secrets: tuple[Place, ...] = ()
    new_secrets: tuple[Place, ...] = ()
    owner: str | None = None

    def to_json(self, directory: Path) -> dict[str, object]:
        """The change as `ksgen --json` prints it."""
        (name,) = redacted(
            [self.path.removeprefix(f"{directory}/")]
        )  # the name of a permission is the permission itself
        what = "removed" if self.new is None else "changed" if self.old else "added"
        return {"file": name, "host": self.owner, "change": what}


@dataclasses.dataclass(frozen=True)
class Publication:
    """What publishing a site into a directory would do. Its manifest does not count as a change.

    `problems` are those of the published tree; an error among them stops the publication.
    """

    site: Site
    present: Generation
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    entries: Mapping[str, Entry] = dataclasses.field(default_factory=dict)
    group: int | None = None
    is_needed: bool = False

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


def changes(directory: Path, site: Site) -> Publication:
    """Compare a site with what is published. Raises OSError."""
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is not a directory", str(directory))
    present = generations.present(directory)
    known, problems = _read_manifest(present, site.limit)
    problems += _in_the_way(directory, site)
    problems += _of_other_hosts(directory, site, known)
    if any(problem.severity == "error" for problem in problems):
        return Publication(site, present, problems=tuple(problems))

    found: list[Change] = []
    entries: dict[str, Entry] = {}
    files: dict[str, manifest.Entry] = {}
    for name, content in sorted(site.files.items()):
        data = encoded(content)
        files[name] = manifest.entry(site.owners.get(name), data, site.secrets.get(name, ()))
        change, entries[name] = _compared(present, name, content, data, site.group)
        if change:
            secrets = known.files[name].secrets if name in known.files else ()
            new = files[name]
            found.append(change._replace(old_secrets=secrets, new_secrets=new.secrets, owner=new.host))
    for name in sorted(present.names - set(site.files) - {manifest.NAME}):
        entry = known.files.get(name)
        left = _left(present, name, entry, site.limit)
        if isinstance(left, Change):
            found.append(left._replace(old_secrets=entry.secrets, owner=entry.host) if entry else left)
        elif left != "dropped":
            entries[name] = Entry(None, present.mode(name), is_linked=False)
            files.update({name: entry} if entry else {})
            problems += [left] if isinstance(left, Problem) else []

    text = manifest.to_text(Manifest(site.ksgen, site.sources, files))
    change, entries[manifest.NAME] = _compared(present, manifest.NAME, text, text.encode(), site.group)
    is_needed = bool(found or change or set(entries) != present.names)
    return Publication(site, present, tuple(found), tuple(problems), entries, _group(present, site), is_needed)


def amended(directory: Path, texts: Mapping[str, Content], removed: Collection[str] = ()) -> Publication:
    """Change the contents of a few published files and remove others; the rest is kept. Raises OSError.

    It needs neither the inventory nor a readable manifest, so that it works in an emergency.
    """
    present = generations.present(directory)
    site = Site(texts)
    known, problems = _read_manifest(present, limit=None)
    problems += _in_the_way(directory, site)
    if any(problem.severity == "error" for problem in problems):
        return Publication(site, present, problems=tuple(problems))
    # An unreadable manifest is kept: the next run for the whole site rewrites it, and says so.
    is_readable = not problems
    found: list[Change] = []
    entries: dict[str, Entry] = {}
    files = dict(known.files)
    for name in sorted({*present.names, *texts} - {manifest.NAME}):
        if name in removed:
            found.append(Change(f"{directory}/{name}", present.place(name), None))
            files.pop(name, None)
        elif name in texts:
            content = texts[name]
            data = encoded(content)
            change, entries[name] = _compared(present, name, content, data, None)
            found += [change] if change else []
            files[name] = manifest.entry(known.files[name].host if name in known.files else None, data)
        else:
            entries[name] = Entry(None, present.mode(name), is_linked=False)
    if is_readable:
        text = manifest.to_text(Manifest(known.ksgen, known.sources, files))
        _, entries[manifest.NAME] = _compared(present, manifest.NAME, text, text.encode(), None)
    elif manifest.NAME in present.names:
        entries[manifest.NAME] = Entry(None, _PRIVATE, is_linked=False)
    return Publication(site, present, tuple(found), (), entries, _group(present, site), bool(found))


def publish(wanted: Publication) -> Publication:
    """Publish and return what was done, which differs if another run has published first. Raises OSError.

    After an OSError, and if there are errors among the problems, the published files are unchanged.
    """
    directory = wanted.present.directory
    if wanted.errors or not (wanted.is_needed or generations.has_leftovers(directory)):
        return wanted
    with generations.locked(directory):
        if generations.present(directory) != wanted.present:
            wanted = changes(directory, wanted.site)
        carry_out(wanted)
    return wanted


def carry_out(wanted: Publication, last: Callable[[], None] | None = None) -> None:
    """Write what was decided. The caller holds the lock, and has decided under it or checked that nothing changed.

    `last` is called immediately before the files become visible, also if no file changes. Raises OSError; then,
    and if there are errors among the problems, the published files are unchanged.
    """
    generations.sweep(wanted.present.directory)
    if wanted.errors:
        return
    if wanted.is_needed:
        generations.switch(wanted.present, wanted.entries, wanted.group, last)
    elif last is not None:
        last()


def diff(change: Change) -> Iterator[str]:
    """The change as a unified diff, without secrets. Raises OSError."""
    (name,) = redacted([change.path])  # the name of a permission is the permission itself
    if change.note:
        yield f"{name}: {change.note}"
        return
    old = Path(change.old).read_bytes() if change.old else b""
    new = encoded(change.new or b"")
    try:
        before, after = (content.decode().split("\n") for content in (old, new))
        is_text = b"\0" not in old + new
    except UnicodeDecodeError:
        is_text = False
    sides = (name if change.old else os.devnull, name if change.new is not None else os.devnull)
    if not is_text:
        yield f"binary files {sides[0]} ({len(old)} bytes) and {sides[1]} ({len(new)} bytes) differ"
        return
    # The secrets are compared as well, so that a new password shows as a change.
    groups = [*difflib.SequenceMatcher(None, before, after).get_grouped_opcodes()]
    shown_before = redacted(before, _spans(before, change.old_secrets))
    shown_after = redacted(after, _spans(after, change.new_secrets))
    yield from (f"--- {sides[0]}", f"+++ {sides[1]}") if groups else ()
    for group in groups:
        (_, old_from, _, new_from, _), (_, _, old_to, _, new_to) = group[0], group[-1]
        yield f"@@ -{_lines_text(old_from, old_to)} +{_lines_text(new_from, new_to)} @@"
        for tag, old_first, old_last, new_first, new_last in group:
            if tag == "equal":
                # A secret on one side is hidden on the other side too.
                pairs = zip(shown_before[old_first:old_last], after[new_first:new_last], strict=True)
                yield from (
                    f" {was if was != line else now}"
                    for (was, line), now in zip(pairs, shown_after[new_first:new_last], strict=True)
                )
            else:
                yield from (f"-{line}" for line in shown_before[old_first:old_last])
                yield from (f"+{line}" for line in shown_after[new_first:new_last])


def _spans(lines: list[str], places: Iterable[Place]) -> dict[int, list[Span]]:
    """The places of secrets, by line, with the replacement; in an edited file they may be anywhere."""
    found: dict[int, list[Span]] = {}
    for number, start, end in places:
        if number < len(lines) and start < end <= len(lines[number]):
            found.setdefault(number, []).append(quoted_span(lines[number], start, end))
    return found


def _lines_text(start: int, stop: int) -> str:
    """Which lines, as a unified diff has them: the first, and how many where it is not one (POSIX, diff)."""
    count = stop - start
    return str(start + 1) if count == 1 else f"{start + 1 if count else start},{count}"


# --- deciding --------------------------------------------------------------------------------------------------------


def _problem(path: Path, code: str, message: str, severity: Severity = "error", hint: str | None = None) -> Problem:
    return Finding(code, message, severity, hint).at(Mark(str(path), 1))


def _read_manifest(present: Generation, limit: frozenset[str] | None) -> tuple[Manifest, list[Problem]]:
    nothing = Manifest("", {}, {})
    if present.number == 0:
        return nothing, []
    path = present.directory / manifest.NAME
    try:
        is_there = manifest.NAME in present.names
        found = manifest.from_bytes(present.path(manifest.NAME).read_bytes()) if is_there else None
    except NewerFormat as newer:
        message = f"written by a newer ksgen ({newer}; this one supports {manifest.FORMAT})"
        return nothing, [_problem(path, "manifest-newer", message, hint="update ksgen")]
    if found is not None:
        return found, []
    message = "not a manifest of ksgen; file owners are unknown"
    if limit is None:
        return nothing, [_problem(path, "manifest-unreadable", message, "warning", "this run rewrites it")]
    return nothing, [_problem(path, "manifest-unreadable", message, hint="publish the whole site once")]


def _in_the_way(directory: Path, site: Site) -> list[Problem]:
    found = list(generations.obstacles(directory, [*sorted(site.files), manifest.NAME]))
    problems = [
        _problem(path, "output-in-the-way", f"a {kind} not created by ksgen is in the way", hint=_AWAY)
        for path, kind in found[:_IN_THE_WAY_SHOWN]
    ]
    if more := len(found) - len(problems):
        problems.append(_problem(directory, "output-in-the-way", f"{more} more files are in the way", hint=_AWAY))
    return problems


def _of_other_hosts(directory: Path, site: Site, known: Manifest) -> list[Problem]:
    """A MAC address that moved from one host to another takes its boot file along."""
    if site.limit is None:
        return []
    hosts = {name: entry.host for name, entry in known.files.items() if name in site.files and entry.host is not None}
    return [
        _problem(
            directory / name,
            "output-of-another-host",
            f"belongs to {host}, which is not selected",
            hint=f"publish both hosts, {host} and {site.owners[name]}" if name in site.owners else None,
        )
        for name, host in sorted(hosts.items())
        if host not in site.limit
    ]


def _group(present: Generation, site: Site) -> int | None:
    """The requested group, otherwise that of the existing tree, if this user may set it."""
    if site.group is not None:
        return site.group
    try:
        group = (present.path("") if present.number else present.directory).stat().st_gid
    except FileNotFoundError:
        return None
    return group if os.geteuid() == 0 or group in (os.getegid(), *os.getgroups()) else None


def _compared(
    present: Generation, name: str, content: Content, data: bytes, group: int | None
) -> tuple[Change | None, Entry]:
    """The change of a file, and its entry in the next generation."""
    path = f"{present.directory}/{name}"
    mode = _PRIVATE if name.startswith(_PRIVATE_FILES) else _PUBLIC
    anew = Entry(content, mode)
    if name not in present.names:
        return Change(path, None, content), anew
    old = present.place(name)
    with open(os.open(old, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if status.st_size != len(data) or file.readall() != data:
            return Change(path, old, content), anew
    if (was := stat.S_IMODE(status.st_mode)) != mode:
        return Change(path, old, content, f"mode {was:04o} becomes {mode:04o}"), anew
    if group is not None and status.st_gid != group:
        return Change(path, old, content, f"group {status.st_gid} becomes {group}"), anew
    if not generations.has_link(present.directory, name):
        return Change(path, None, content), Entry(None, mode)
    return None, Entry(None, mode)


def _left(
    present: Generation, name: str, entry: manifest.Entry | None, limit: frozenset[str] | None
) -> Change | Problem | Literal["carried", "dropped"]:
    """What happens to a published file that this run does not generate."""
    if limit is not None and (entry is None or entry.host not in limit):
        return "carried"
    path = present.directory / name
    if not generations.has_link(present.directory, name):
        return "dropped"  # it was removed or replaced by hand
    content = present.path(name).read_bytes()
    if entry and entry == manifest.entry(entry.host, content, entry.secrets):
        return Change(str(path), present.place(name), None)
    message = "no longer generated, but kept: " + (
        "it was modified after publication" if entry else "it is not in the manifest"
    )
    return _problem(path, "output-edited", message, "warning", "remove it if it is not needed")
