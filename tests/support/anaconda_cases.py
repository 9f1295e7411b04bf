# SPDX-License-Identifier: GPL-2.0-or-later
"""Layouts that real Anaconda has planned: what stands in the inventory, on which disks, in which machine.

record_anaconda.py asks Anaconda and writes what it answered to tests/data/anaconda; test_anaconda.py compares.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.kickstart.page import Templates

RECORDED = Path(__file__).parents[1] / "data" / "anaconda"
RELEASES = {"el9": "rhel-9", "el10": "rhel-10"}

_SITE = """\
all:
  hosts:
    node01.example.com:
      node_release: {release}
      node_image_url: {image_url}
      node_tree_url: http://pxe.example.com/tree/
      node_server_url: http://pxe.example.com/nodes/
      node_root_password_hash: "$6$saltsalt${hash}"
      node_mac: "52:54:00:aa:00:01"
      node_disk: {disks}
{more}
"""
_DISK = '{{wwn: "0x500000000000000{number}", size: {{min: {size}, max: {size}}}}}'


@dataclasses.dataclass(frozen=True)
class Case:
    """`size` is that of each disk, with its unit; `more` are the lines of the inventory that make the case."""

    name: str
    size: str
    more: tuple[str, ...] = ()
    disks: int = 1
    memory_mib: int = 16384
    image_url: str = "http://pxe.example.com/node.squashfs.img"

    @property
    def is_uefi(self) -> bool:
        """An open firmware is planned for UEFI, which leaves the smaller pool."""
        return "node_firmware: bios" not in self.more

    def host(self, release: str, directory: Path) -> Host:
        """The host, read from an inventory file as an operator's is."""
        disks = ", ".join(_DISK.format(number=n, size=self.size) for n in range(1, self.disks + 1))
        more = "\n".join(f"      {line}" for line in self.more)
        text = _SITE.format(release=release, image_url=self.image_url, hash="A" * 86, disks=f"[{disks}]", more=more)
        path = directory / "hosts.yaml"
        path.write_text(text)
        site, problems = reader.read([path])
        (host,), more_problems = read_hosts(site)
        unexpected = [p for p in (*problems, *more_problems) if p.severity == "error" and p.code != "does-not-fit"]
        assert not unexpected, unexpected
        return host

    def kickstart(self, release: str, directory: Path) -> str:
        """The whole kickstart, as ksgen writes it."""
        text, problems = Templates().render(self.host(release, directory))
        assert text is not None, problems
        return text


def storage_commands(kickstart: str) -> list[str]:
    """The lines of a kickstart that Anaconda's storage module reads."""
    words = ("ignoredisk", "zerombr", "clearpart", "bootloader", "reqpart", "part", "raid", "volgroup", "logvol")
    commands = kickstart.partition("\n%")[0].splitlines()
    return [line for line in commands if line.split(" ")[0] in words]


UEFI, BIOS = "node_firmware: uefi", "node_firmware: bios"
MINIMAL = "node_layout: minimal"
EXT4 = "node_filesystem: ext4"
MIRROR = "node_raid: 1"
HOST = "node_kind: host"


def _sizes() -> list[Case]:
    """Every size with either firmware, and with the layout that a disk of that size is for."""
    standard = (
        "57 GiB", "60 GiB", "64 GiB", "70 GiB", "80 GiB", "100 GiB", "128 GiB", "468851544 KiB", "937692504 KiB",
        "1 TiB", "1920 GB", "4 TiB", "16 TiB", "32 TiB", "64 TiB",
    )  # fmt: skip
    minimal = ("28 GiB", "32 GiB", "64 GiB", "2 TiB", "64 TiB")
    found = [
        Case(f"standard-{word}-{size.replace(' ', '')}", size, (line,))
        for size in standard
        for word, line in (("uefi", UEFI), ("bios", BIOS))
    ]
    found += [
        Case(f"minimal-{word}-{size.replace(' ', '')}", size, (line, MINIMAL))
        for size in minimal
        for word, line in (("uefi", UEFI), ("bios", BIOS))
    ]
    return found


CASES = (
    *_sizes(),
    Case("minimal-uefi-26GiB-root-6", "26 GiB", (UEFI, MINIMAL, "node_root_size: 6 GiB")),
    Case("minimal-bios-26GiB-root-6", "26 GiB", (BIOS, MINIMAL, "node_root_size: 6 GiB")),
    Case("minimal-ext4-26GiB-no-swap", "26 GiB", (UEFI, MINIMAL, EXT4, "node_swap_size: 0")),
    Case("open-firmware-100GiB", "100 GiB"),
    Case("open-firmware-4TiB-ext4", "4 TiB", (EXT4,)),
    # the smallest disk to the extent, and one extent more
    Case("tightest-uefi", "57947 MiB", (UEFI,)),
    Case("tightest-uefi-and-an-extent", "57951 MiB", (UEFI,)),
    Case("tightest-bios", "57348 MiB", (BIOS,)),
    Case("odd-bytes", "134217727 KiB", (UEFI,)),
    # file system
    Case("ext4-64GiB", "64 GiB", (UEFI, EXT4)),
    Case("ext4-bios-250GiB", "250 GiB", (BIOS, EXT4)),
    Case("ext4-mirror", "250 GiB", (UEFI, EXT4, MIRROR), disks=2),
    # swap
    Case("swap-none", "100 GiB", (UEFI, "node_swap_size: 0")),
    Case("swap-1GiB", "60 GiB", (UEFI, "node_swap_size: 1 GiB")),
    Case("swap-odd", "100 GiB", (UEFI, "node_swap_size: 4097 MiB")),
    Case("swap-64GiB", "400 GiB", (BIOS, "node_swap_size: 64 GiB")),
    *(
        Case(f"swap-recommended-{mib}MiB", "200 GiB", (UEFI, "node_swap_size: recommended"), memory_mib=mib)
        for mib in (2048, 6000, 8192, 16384, 65535, 131072)
    ),
    Case("swap-recommended-tenth", "100 GiB", (BIOS, "node_swap_size: recommended"), memory_mib=60000),
    Case("swap-recommended-joined", "100 GiB", (UEFI, "node_swap_size: recommended"), disks=2, memory_mib=60000),
    Case("swap-recommended-mirror", "100 GiB", (UEFI, "node_swap_size: recommended", MIRROR), 2, 60000),
    # root and images
    Case("root-6GiB", "60 GiB", (UEFI, "node_root_size: 6 GiB")),
    Case("root-odd", "100 GiB", (UEFI, "node_root_size: 7001 MiB")),
    Case("root-50GiB", "250 GiB", (BIOS, "node_root_size: 50 GiB")),
    Case("image-2GiB", "80 GiB", (UEFI, "node_image_size: 2 GiB")),
    Case("image-3.3GB", "120 GiB", (UEFI, "node_image_size: 3.3 GB")),
    Case("image-4GiB-local", "120 GiB", (BIOS, "node_image_size: 4 GiB"), image_url="file:///run/install/repo/node.img"),
    Case("images-1", "100 GiB", (UEFI, "node_images: 1")),
    Case("images-8", "500 GiB", (UEFI, "node_images: 8")),
    # boot
    Case("boot-4GiB-uefi", "100 GiB", (UEFI, "node_boot_size: 4 GiB")),
    Case("boot-odd-bios", "100 GiB", (BIOS, "node_boot_size: 1.7 GB")),
    Case("boot-4GiB-mirror", "100 GiB", (UEFI, MIRROR, "node_boot_size: 4 GiB"), disks=2),
    Case("boot-4GiB-tightest", "59995 MiB", (UEFI, "node_boot_size: 4 GiB")),
    # volumes and names
    Case("var-50GiB", "250 GiB", (UEFI, "node_volumes: {/var: 50 GiB}")),
    Case("var-odd", "250 GiB", (UEFI, "node_volumes: {/var: 5121 MiB, /var/log: 9 GB}")),
    Case("minimal-with-log", "100 GiB", (UEFI, MINIMAL, "node_volumes: {/var/log: 8 GiB}")),
    Case("more-volumes", "500 GiB", (BIOS, "node_volumes: {/data: 99 GiB, /var/lib/img: 20 GiB, /srv/a.b-c: 1 GiB}")),
    Case("names", "100 GiB", (UEFI, "node_vg: HostVG", "node_pool: HostPool")),
    Case("names-with-dashes", "100 GiB", (UEFI, "node_vg: host-vg", "node_pool: pool-1")),
    Case("kernel-arguments", "100 GiB", (UEFI, "node_kernel_args: intel_iommu=on iommu=pt", "node_boot_timeout: 9")),
    # several disks
    Case("joined-2x200-uefi", "200 GiB", (UEFI,), disks=2),
    Case("joined-2x200-bios", "200 GiB", (BIOS,), disks=2),
    Case("joined-2x32", "32 GiB", (UEFI,), disks=2),
    Case("joined-3x100", "100 GiB", (UEFI,), disks=3),
    Case("joined-4x1TiB-ext4", "1 TiB", (BIOS, EXT4), disks=4),
    Case("joined-2x20-minimal", "20 GiB", (BIOS, MINIMAL), disks=2),
    Case("joined-2x64TiB", "64 TiB", (UEFI,), disks=2),
    Case("mirror-60GiB-uefi", "60 GiB", (UEFI, MIRROR), disks=2),
    Case("mirror-60GiB-bios", "60 GiB", (BIOS, MIRROR), disks=2),
    Case("mirror-open", "100 GiB", (MIRROR,), disks=2),
    Case("mirror-200GiB-uefi", "200 GiB", (UEFI, MIRROR), disks=2),
    Case("mirror-200GiB-bios", "200 GiB", (BIOS, MIRROR), disks=2),
    Case("mirror-480GB", "468851544 KiB", (UEFI, MIRROR), disks=2),
    Case("mirror-minimal-28GiB", "28 GiB", (UEFI, MIRROR, MINIMAL), disks=2),
    Case("mirror-4TiB", "4 TiB", (BIOS, MIRROR), disks=2),
    Case("mirror-64TiB", "64 TiB", (UEFI, MIRROR), disks=2),
    Case("mirror-tightest", "57981 MiB", (UEFI, MIRROR), disks=2),
    Case("mirror-image-and-names", "250 GiB", (BIOS, MIRROR, "node_image_size: 2.6 GiB", "node_vg: v.g"), 2),
    # plain hosts
    *(
        Case(f"host-{word}-{size.replace(' ', '')}", size, (line, HOST))
        for size in ("74 GiB", "128 GiB", "468851544 KiB", "4 TiB", "64 TiB")
        for word, line in (("uefi", UEFI), ("bios", BIOS))
    ),
    Case("host-tightest-uefi", "70235 MiB", (UEFI, HOST)),
    Case("host-tightest-bios", "69636 MiB", (BIOS, HOST)),
    Case("host-tightest-mirror", "70301 MiB", (UEFI, HOST, MIRROR), disks=2),
    Case("host-mirror-128GiB-uefi", "128 GiB", (UEFI, HOST, MIRROR), disks=2),
    Case("host-mirror-128GiB-bios", "128 GiB", (BIOS, HOST, MIRROR), disks=2),
    Case("host-mirror-64TiB", "64 TiB", (UEFI, HOST, MIRROR), disks=2),
    Case("host-joined-2x48GiB", "48 GiB", (UEFI, HOST), disks=2),
    Case("host-ext4", "250 GiB", (BIOS, HOST, EXT4)),
    Case("host-swap-none", "128 GiB", (UEFI, HOST, "node_swap_size: 0")),
    Case("host-root-odd", "128 GiB", (UEFI, HOST, "node_root_size: 7001 MiB", "node_boot_size: 1 GiB")),
    Case("host-more-volumes", "500 GiB", (UEFI, HOST, "node_volumes: {/data: 99 GiB, /var: 33 GB}", "node_vg: h-g")),
)  # fmt: skip

# What plan() refuses. As pools are written everywhere, `--size=1 --grow`, Anaconda takes the over-provisioned ones.
REFUSED = (
    Case("refused-uefi-56GiB", "56 GiB", (UEFI,)),
    Case("refused-uefi-one-MiB-short", "57946 MiB", (UEFI,)),
    Case("refused-uefi-1GiB-short", "56320 MiB", (UEFI,)),
    Case("refused-uefi-500MiB-short", "57447 MiB", (UEFI,)),
    Case("refused-bios-300MiB-short", "57048 MiB", (BIOS,)),
    Case("refused-mirror-700MiB-short", "57281 MiB", (UEFI, MIRROR), disks=2),
    Case("refused-bios-55GiB", "55 GiB", (BIOS,)),
    Case("refused-bios-40GiB", "40 GiB", (BIOS,)),
    Case("refused-minimal-26GiB", "26 GiB", (UEFI, MINIMAL)),
    Case("refused-image-4GiB", "62 GiB", (UEFI, "node_image_size: 4 GiB")),
    Case("refused-swap-64GiB", "115 GiB", (UEFI, "node_swap_size: 64 GiB")),
    Case("refused-mirror-56GiB", "56 GiB", (BIOS, MIRROR), disks=2),
    Case("refused-boot-4GiB-one-MiB-short", "59994 MiB", (UEFI, "node_boot_size: 4 GiB")),
    Case("refused-joined-2x28GiB", "28 GiB", (UEFI,), disks=2),
    Case("refused-host-uefi-one-MiB-short", "70234 MiB", (UEFI, HOST)),
    Case("refused-host-bios-one-MiB-short", "69635 MiB", (BIOS, HOST)),
    Case("refused-host-mirror-one-MiB-short", "70300 MiB", (UEFI, HOST, MIRROR), disks=2),
    Case("refused-host-64GiB", "64 GiB", (UEFI, HOST)),
)
