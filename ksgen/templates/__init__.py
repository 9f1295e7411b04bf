# SPDX-License-Identifier: GPL-2.0-or-later
"""The environment that kickstarts and boot files are rendered in."""

from ksgen.templates.own import idle_templates
from ksgen.templates.sandbox import ORDER, TEMPLATE_ERRORS, TEMPLATES, GateError, environment, template_problem

__all__ = ["ORDER", "TEMPLATES", "TEMPLATE_ERRORS", "GateError", "environment", "idle_templates", "template_problem"]
