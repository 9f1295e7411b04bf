# SPDX-License-Identifier: GPL-2.0-or-later
"""What the modules of the stand-in do: check their arguments, take note of them, answer from a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_COMMON: dict[str, Any] = {
    "auth": {"type": "dict"},
    "fetch_nested": {"type": "bool", "default": False},
    "nested_attributes": {"type": "list", "elements": "str", "default": []},
}
_OF_CHANGES: dict[str, Any] = {
    "timeout": {"type": "int", "default": 180},
    "wait": {"type": "bool", "default": True},
    "poll_interval": {"type": "int", "default": 3},
}


def run(name: str, spec: dict[str, Any], is_info: bool = False, is_common: bool = True) -> None:
    common = {**_COMMON, **({} if is_info else _OF_CHANGES)} if is_common else {}
    module = AnsibleModule(argument_spec={**common, **spec}, supports_check_mode=True)
    given = {key: value for key, value in module.params.items() if value is not None}
    with Path(os.environ["STAND_IN_LOG"]).open("a") as log:
        log.write(json.dumps([name, given]) + "\n")
    answers = json.loads(Path(os.environ["STAND_IN_ANSWERS"]).read_text())
    answer = answers.get(f"{name} {given.get('pattern', given.get('name', ''))}", answers.get(name, {}))
    if "failed" in answer:
        module.fail_json(msg=answer["failed"])
    module.exit_json(**{"changed": False, **answer})
