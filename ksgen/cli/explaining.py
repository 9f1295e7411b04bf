# SPDX-License-Identifier: GPL-2.0-or-later
"""What `explain` does: it shows the values of a host, and where they come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from ksgen.cli.edges import DONE, PROBLEMS, show_problems
from ksgen.cli.selection import read, unknown_host
from ksgen.host import Default, Explanation, explain_default, explain_host, has_no_effect
from ksgen.variables import misspelt


def explain(hosts: str, host: str, variable: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Print the values of a host, or one of them or its default, and exit."""
    site, report = read([hosts], passwords)
    entry = next((entry for entry in site.hosts if entry.name == host), None)
    if entry is None:
        raise click.UsageError(unknown_host("host", host, [one.name for one in site.hosts]))
    if variable is not None and variable not in entry.variables:
        default = explain_default(variable, entry)
        if default is None:
            meant = misspelt(variable)
            cure = f"; did you mean {meant!r}?" if meant else ""
            raise click.UsageError(f"{host} has no variable {variable!r}{cure}")
        click.echo(json.dumps({variable: default.to_json()}, indent=1) if as_json else default_text(default))
        sys.exit(DONE)
    explanations, problems = explain_host(entry, site)
    report.extend(problems)
    found = [one for one in explanations if variable in (None, one.name)]
    if as_json:
        click.echo(json.dumps({one.name: one.to_json() for one in found}, indent=1))
    else:
        for one in found:
            click.echo("\n".join(explanation_text(one)))
            if has_no_effect(one.name, entry):
                click.echo("  without effect on a plain host (docs/hosts.md)")
    show_problems([p for p in report.problems if p.host in (host, None)], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.errors_of([host]) else DONE)


def explanation_text(found: Explanation) -> Iterator[str]:
    """A variable, its origin, and the values that it overrode."""
    yield f"{found.name}: {_value_text(found.value)}" if not found.failure else f"{found.name}: (no value here)"
    if found.template is not None:
        yield f"  template {_value_text(found.template)}"
    if found.failure:
        yield f"  {found.failure}"
    other = "" if found.is_own else "; not a variable of ksgen"
    yield f"  from {found.mark.file}:{found.mark.line}, {found.origin}{other}"
    for lost in found.overrides:
        yield f"  over {_value_text(lost.value)}"
        yield f"    from {lost.mark.file}:{lost.mark.line}, {lost.origin}: {lost.because}"


def default_text(found: Default) -> str:
    """A variable that is not set."""
    return f"{found.name}: not set; {found.words}, from {found.source}"


def _value_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
