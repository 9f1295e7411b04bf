# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts in the language that the person chose.

`_("{count} images").format(count=n)`: translated first, filled in afterwards, so that the catalogue knows the text.
"""

import gettext

DOMAIN = "org_ovirt_node"


def _(text: str) -> str:
    """Look it up at each call: Anaconda's modules start before the language is chosen (Boss, SetLocale)."""
    return gettext.dgettext(DOMAIN, text)


def N_(text: str) -> str:
    """Mark a text that is translated where it is used."""
    return text
