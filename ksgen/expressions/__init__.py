# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions and vaulted values become values: `{{ … }}` as Ansible reads it."""

from ksgen.expressions.hosts import Expressions, Rendered

__all__ = ["Expressions", "Rendered"]
