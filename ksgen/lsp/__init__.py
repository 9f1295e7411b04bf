# SPDX-License-Identifier: GPL-2.0-or-later
"""The language server: the findings of ksgen, completion and help, for editors."""

from ksgen.lsp.server import serve

__all__ = ["serve"]
