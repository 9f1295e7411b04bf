# SPDX-License-Identifier: GPL-2.0-or-later
"""The subpackages of ksgen and of the add-on, and which of them imports which: for the README's table and for the test.

A subpackage is a folder or a single module.
"""

from __future__ import annotations

from typing import NamedTuple


class Package(NamedTuple):
    """What a subpackage is for, and what it imports: of its own package, and, for ksgen, of the add-on."""

    what: str
    imports: str = ""
    of_addon: str = ""


# From the top layer down: a subpackage imports only those below it.
KSGEN = {
    "cli": Package(
        "the command: options, questions, what a terminal shows",
        "addon bmc grammar host inventory iso kickstart lint lsp match media netboot preflight problems publish "
        "redaction rehearsal reports rollout server store targets templates variables version",
        "facts layout presentation",
    ),
    "rollout": Package("installing many hosts, some at once: what is done next, decided and carried out", "reports"),
    "server": Package(
        "`ksgen serve`: takes the reports of machines, and answers people",
        "netboot redaction reports store",
        "facts layout presentation",
    ),
    "bmc": Package(
        "controllers of machines by Redfish: power, boot, virtual media, what they know",
        "host problems redaction variables",
    ),
    "store": Package("the database of `ksgen serve`, and its migrations", "reports"),
    "lsp": Package(
        "the language server: findings, completion and help in an editor",
        "grammar host inventory lint problems targets variables",
    ),
    "match": Package(
        "the resolvers at the desk: which disk and which NIC a host would get, from the facts of machines; the "
        "kickstart that discovers them, and their entries",
        "host kickstart problems variables version",
        "facts programs",
    ),
    "rehearsal": Package(
        "a host as a virtual machine: installed as published, booted, and compared with its plan",
        "addon host media netboot problems reports variables",
        "layout programs",
    ),
    "netboot": Package(
        "boot files, server configuration and arming: who boots what, until when",
        "addon host iso media problems redaction reports templates variables",
        "facts",
    ),
    "kickstart": Package(
        "the checked kickstart of a host, rendered from its plan",
        "grammar host lint problems redaction syntax templates variables version",
        "layout programs section",
    ),
    "templates": Package("the environment that kickstarts and boot files are rendered in", "problems variables"),
    "preflight": Package(
        "checks of images, install trees and repositories as the installer will fetch them",
        "host media problems redaction variables",
        "layout",
    ),
    "iso": Package(
        "the installation ISO of a node or of a site, planned and written",
        "addon grammar media problems redaction variables",
        "programs",
    ),
    "host": Package(
        "typed hosts from variables, with the location of each value",
        "expressions inventory problems redaction syntax variables",
        "layout",
    ),
    "expressions": Package("`{{ }}` as Ansible evaluates it", "inventory problems redaction syntax"),
    "inventory": Package("groups, hosts and files, merged as Ansible does", "problems syntax"),
    "lint": Package(
        "checks of any kickstart, written by ksgen or by hand",
        "grammar problems redaction targets variables",
        "layout section",
    ),
    "syntax": Package("YAML and JSON, parsed to values with line and column", "problems"),
    "grammar": Package(
        "pykickstart's grammar of a release, and a kickstart as it reads it", "problems targets", "layout"
    ),
    "variables": Package("the `node_` variables and their types", "problems redaction", "layout programs"),
    "media": Package("images, ISOs, install trees and repositories, read without unpacking", "problems", "programs"),
    "addon": Package("the add-on as an image for `inst.updates`", "", "layout"),
    "publish": Package(
        "publication: all or nothing, atomic, incremental; and what it would change", "problems redaction"
    ),
    "reports": Package("what machines report of their installation, and the states that follow from it"),
    "problems": Package("problem codes, and problems with their location", "redaction"),
    "redaction": Package("detection and redaction of secrets"),
    "version": Package("the version of this installation"),
    "targets": Package("what a kickstart can be for: releases, and what is installed"),
}
ADDON = {
    "service": Package(
        "the D-Bus process: state, interface, the reader of the kickstart, storage, tasks",
        "constants erasure gate hook i18n layout programs section storage_kickstart structures",
    ),
    "gui": Package("the graphical spoke", "i18n layout presentation remote"),
    "tui": Package("the text spoke", "i18n presentation remote"),
    "remote": Package("the D-Bus client of the spokes", "constants i18n layout presentation section structures"),
    "presentation": Package("rows, bars and texts of a layout, for both spokes and `ksgen plan`", "layout"),
    "gate": Package("the check of the layout that Anaconda has planned", "layout programs section"),
    "erasure": Package("what is on the disks that the node layout erases, and whether it may go", "layout programs"),
    "storage_kickstart": Package("the kickstart that Storage is given for the node layout", "layout"),
    "hook": Package("the arguments of the hook, and the scripts that run before it", "layout programs section"),
    "section": Package("parser and writer of `%addon org_ovirt_node`", "layout"),
    "layout": Package("the policy: every size with its source; plan, checks, capacity, storage commands"),
    "facts": Package(
        "what the programs that find disks and interfaces read of a machine, as a file, and the machine that it makes; "
        "the program that discovers machines",
        "programs",
    ),
    "programs": Package(
        "standalone programs in the installer, one file each: checks.py checks the machine and its network in %pre, "
        "disks.py and nics.py find disks and interfaces, names.py names interfaces, selector.py chooses a host of a "
        "site's ISO, imgbase.py is the hook, report.py tells `ksgen serve` how it goes"
    ),
    "constants": Package("D-Bus names"),
    "structures": Package("D-Bus data structures"),
    "i18n": Package("translated texts"),
}


def table() -> str:
    """Both packages as tables in Markdown."""
    return "\n\n".join(
        f"| `{name}/` | what it is for | imports |\n|---|---|---|\n" + "\n".join(map(_row, packages.items()))
        for name, packages in (("ksgen", KSGEN), ("org_ovirt_node", ADDON))
    )


def _row(entry: tuple[str, Package]) -> str:
    name, package = entry
    addon = [f"org_ovirt_node.{other}" for other in package.of_addon.split()]
    return f"| `{name}` | {package.what} | {', '.join([*package.imports.split(), *addon])} |"
