# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel modules, drivers from packages, parameters of the running kernel, huge pages."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from ksgen.variables.packages import PackageName
from ksgen.variables.values import STRICT, a_text, one_line, refuse, shown

_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# modprobe.d(5): a line of options; a backslash would continue it.
_OPTIONS = re.compile(r"[A-Za-z0-9_]+(?:=[A-Za-z0-9_.,:/@+-]*)?(?: [A-Za-z0-9_]+(?:=[A-Za-z0-9_.,:/@+-]*)?)*")
_SYSCTL = re.compile(r"[A-Za-z0-9_*-]+(?:[./][A-Za-z0-9_*:@-]+)+")


def _module(value: object) -> str:
    text = a_text(value, "vfio_pci")
    if not _MODULE.fullmatch(text):
        hint = "the name as lsmod prints it, without .ko"
        refuse("module-name", f"{shown(text)} is not the name of a kernel module", hint)
    return text


def _options(value: object) -> str:
    text = a_text(value, '"nested=1"')
    if not _OPTIONS.fullmatch(text):
        refuse("module-options", f"{shown(text)} is not a line of module options", 'such as "max_vfs=8 debug=0"')
    return text


Module = Annotated[str, BeforeValidator(_module)]


class Modules(BaseModel):
    """Modules that are loaded at boot, their options, and modules that are not loaded for a device."""

    model_config = STRICT

    load: list[Module] = Field(default_factory=list)
    options: dict[Module, Annotated[str, BeforeValidator(_options)]] = Field(default_factory=dict)
    blacklist: list[Module] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_consistent(self) -> Modules:
        both = sorted(_plain(self.load) & _plain(self.blacklist))
        if both:
            refuse("module-both", f"{both[0]} is in load and in blacklist", "remove one of them")
        if not (self.load or self.options or self.blacklist):
            refuse("list-empty", "nothing is loaded, set or blacklisted here", "add load:, options: or blacklist:")
        return self


def _plain(names: list[str]) -> set[str]:
    return {name.replace("-", "_") for name in names}


class Driver(BaseModel):
    """A package with kernel modules that the initramfs needs too."""

    model_config = STRICT

    package: PackageName
    modules: list[Module] = Field(min_length=1)


def _sysctl_key(value: object) -> str:
    text = a_text(value, "vm.swappiness")
    if not _SYSCTL.fullmatch(text) or len(text) > 255:
        hint = "as `sysctl -a` prints it: vm.swappiness"
        refuse("sysctl-key", f"{shown(text)} is not the name of a kernel parameter", hint)
    return text


def _sysctl_value(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64:
        return str(value)
    if not isinstance(value, str):
        refuse("sysctl-value", f"{shown(value)} is not a value of a kernel parameter", 'a number, or a string: "1"')
    text = one_line(value.replace("\t", " ")).strip()
    if not text:
        refuse("sysctl-value", "the value is empty", "remove it, or write a value")
    return text


Sysctl = dict[
    Annotated[str, BeforeValidator(_sysctl_key)],
    Annotated[str, BeforeValidator(_sysctl_value), Field(json_schema_extra={"type": ["integer", "string"]})],
]

# --- huge pages ------------------------------------------------------------------------------------------------------

HUGE_PAGES = {"1G": 2**30, "2M": 2**20 * 2}  # bytes; x86-64 and aarch64 with 4 KiB pages
_MEMORY_MAX = 64 * 2**40  # bytes; more than any machine that EL9 and EL10 support


def _huge_pages(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        refuse("hugepages", f"{shown(value)} is not a mapping of page sizes to numbers", "such as {1G: 64}")
    for size, count in value.items():
        if size not in HUGE_PAGES:
            refuse("hugepages", f"{shown(size)} is not a size of huge pages", "write 1G or 2M")
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            refuse("hugepages", f"{shown(count)} is not a number of pages", "write a number: {1G: 64}")
    return value


def _not_too_many(value: dict[str, int]) -> dict[str, int]:
    if huge_bytes(value) > _MEMORY_MAX:
        refuse("hugepages", "the pages are more memory than a machine can have", "the number of pages, not of bytes")
    return value


# What a node needs beside the pages of its virtual machines: vdsm's host_mem_reserve and the services of a host.
BESIDE_PAGES = 8 * 2**30  # bytes


def huge_bytes(pages: dict[str, int]) -> int:
    """The memory that huge pages take, in bytes."""
    return sum(HUGE_PAGES[size] * count for size, count in pages.items())


def huge_page_arguments(pages: dict[str, int]) -> tuple[str, ...]:
    """Arguments of the kernel: a number of pages is of the size before it, and the largest size is the default."""
    sizes = sorted(pages, key=lambda size: -HUGE_PAGES[size])
    each = (f"hugepagesz={size} hugepages={pages[size]}" for size in sizes)
    words = " ".join(each).split()
    return (f"default_hugepagesz={sizes[0]}", *words) if sizes else ()


HugePages = Annotated[dict[str, int], BeforeValidator(_huge_pages), AfterValidator(_not_too_many)]
