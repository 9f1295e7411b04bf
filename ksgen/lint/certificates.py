# SPDX-License-Identifier: GPL-2.0-or-later
"""`%certificate`, as the installer of a release reads it."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart

OPTION = "certificate-option"


def option(ks: Kickstart) -> Iterator[Found]:
    """pykickstart takes --type and no --dir for every release; that of EL9's installer has --dir alone."""
    for section in ks.all_sections("%certificate"):
        names = {word.partition("=")[0] for word in section.args}
        if ks.release == "el9" and "--type" in names:
            hint = "--dir=/etc/pki/ca-trust/source/anchors, and update-ca-trust in a %post"
            if "--dir" in names:
                hint = "remove --type; run update-ca-trust in a %post"
            yield Found(section.line, "%certificate of EL9 does not have --type yet; the installer stops at it", hint)


CHECKS = (Check(OPTION, "error", option, "pyanaconda, modules/security/certificates; pykickstart, branch rhel9"),)
