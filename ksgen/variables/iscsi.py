# SPDX-License-Identifier: GPL-2.0-or-later
"""The name by which a host is known to iSCSI targets."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

from ksgen.variables.values import a_text, refuse, shown

INITIATOR_LONGEST = 223  # bytes; RFC 7143, 4.2.7.1
# RFC 7143, 4.2.7.5: the month in which a domain belonged to the author of the name, and the domain, reversed. What
# follows the colon is in the characters that normalization (RFC 3722) leaves.
_IQN = re.compile(r"iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[a-z0-9.:-]+)?")
_EUI = re.compile(r"eui\.[0-9A-Fa-f]{16}")
_NAA = re.compile(r"naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32})")
_EXAMPLE = "iqn.2001-04.com.example:node01"


def initiator_name(value: object) -> str:
    """An iSCSI name: `iqn.YYYY-MM.DOMAIN:NAME`, or `eui.` and `naa.` with their hexadecimal digits."""
    text = a_text(value, _EXAMPLE)
    if len(text) > INITIATOR_LONGEST:
        found = f"{len(text)} characters exceed the limit of {INITIATOR_LONGEST} for an iSCSI name"
        refuse("text-too-long", found, "use a shorter one")
    if _IQN.fullmatch(text) or _EUI.fullmatch(text) or _NAA.fullmatch(text):
        return text
    if _IQN.fullmatch(text.lower()):
        refuse("initiator-name", f"{shown(value)} has capitals, which an iSCSI name cannot", f"write {text.lower()}")
    cure = f"the year and month from which you had the domain, and the domain in reverse order: {_EXAMPLE}"
    refuse("initiator-name", f"{shown(value)} is not an iSCSI name", cure)


InitiatorName = Annotated[str, BeforeValidator(initiator_name)]
