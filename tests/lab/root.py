# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machines of the lab are made of, from Debian packages by the recipe beside this file.

Kept outside the checkout, under the hash of the recipe: a changed one builds anew, beside the old. The packages come
from the apt sources of this machine that name SUITE, or from the files in LAB_APT_SOURCES.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import glob
import hashlib
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

from ksgen.rehearsal import programs

RECIPE = Path(__file__).with_name("recipe")
SUITE = "bookworm"
_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources")
_UNREAD = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")

OVMF_CODE, OVMF_VARIABLES = (f"/usr/share/OVMF/OVMF_{part}_4M.fd" for part in ("CODE", "VARS"))
# program or file: the Debian package that has it
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    OVMF_CODE: "ovmf",
    OVMF_VARIABLES: "ovmf",
    "setpriv": "util-linux",
    "mmdebstrap": "mmdebstrap",
    "mksquashfs": "squashfs-tools",
    "unsquashfs": "squashfs-tools",
    "mkfs.ext4": "e2fsprogs",
    "cpio": "cpio",
    "modprobe": "kmod",
    "depmod": "kmod",
    "dpkg": "dpkg",
    "libvirtd": "libvirt-daemon-system",
    "virsh": "libvirt-clients",
    "/usr/lib/python3/dist-packages/libvirt.py": "python3-libvirt",
}


# Debian's kernel has SELinux, and it is off; imgbase wants it, as EL has it.
SELINUX = "security=selinux selinux=1 enforcing=0"


class LabError(Exception):
    """The lab cannot run here; the text says what to install or to set."""


@functools.cache
def program(name: str) -> str:
    """The path of a program or file; one that is missing is an error that names its Debian package."""
    found = programs.located(name)
    if found is None:
        raise LabError(f"{name} is not here: install the Debian package {PACKAGES[name]}")
    return found


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel with an initramfs that runs jobs; `modules` holds lib/modules of the whole package."""

    version: str
    vmlinuz: Path
    initramfs: Path
    modules: Path


def cache() -> Path:
    return Path(os.environ.get("LAB_CACHE") or Path.home() / ".cache" / "ovirt-node-lab")


def words(name: str) -> list[str]:
    """The words of a file of the recipe."""
    lines = (RECIPE / name).read_text().splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def apt_sources() -> list[str]:
    """The files that tell mmdebstrap where this machine's packages come from."""
    given = os.environ.get("LAB_APT_SOURCES", "").split()
    there = given or [path for pattern in _SOURCES for path in sorted(glob.glob(pattern)) if SUITE in _text(path)]
    if not there:
        raise LabError(f"no apt source here names {SUITE}: write one into a file and name it in LAB_APT_SOURCES")
    return there


def _text(path: str) -> str:
    return Path(path).read_text(errors="replace")


def kept(kind: str, make: Callable[[Path], None], *files: str, beside: str = "") -> Path:
    """A directory in the cache; `make` fills it, once, whoever else asks meanwhile.

    Its name is the hash of all that decides what is in it: these files of the recipe, what is said beside them, and the
    code of `make`.
    """
    digest = hashlib.sha256(f"{SUITE} {beside} {inspect.getsource(make)}".encode())
    for file in files:
        digest.update((RECIPE / file).read_bytes())
    name = f"{kind}-{digest.hexdigest()[:16]}"
    directory = cache() / name
    with _lock(name):
        if not directory.is_dir():
            with tempfile.TemporaryDirectory(dir=cache(), prefix="new-") as work:
                made = Path(work) / name
                made.mkdir()
                make(made)
                made.rename(directory)
    return directory


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(name: str, *arguments: str | Path, stdin: IO[bytes] | None = None, cwd: Path | None = None) -> str:
    """Standard output of a program that has to succeed."""
    command = [program(name) if name in PACKAGES else name, *map(str, arguments)]
    done = subprocess.run(command, text=True, capture_output=True, stdin=stdin, cwd=cwd)
    if done.returncode:
        raise LabError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr[-4000:]}")
    return str(done.stdout)


def debian(packages: list[str], image: Path, *hooks: str) -> None:
    """A squashfs image of a Debian root with these packages, after these hooks of mmdebstrap."""
    tree = image.with_suffix(".tar")
    options = [f"--dpkgopt=path-exclude={path}" for path in _UNREAD]
    options += [f"--customize-hook={hook}" for hook in hooks]
    run(
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}", *options, SUITE, tree,
        *apt_sources(),
    )  # fmt: skip
    with tree.open("rb") as file:
        run("mksquashfs", "-", image, "-tar", "-comp", "lz4", "-noappend", "-quiet", "-no-progress", stdin=file)
    tree.unlink()


def vm_root() -> Path:
    """The root of the machines that run jobs: an installer's tools, and blivet."""

    def make(directory: Path) -> None:
        blivet = _blivet(directory)
        debian(
            words("packages.txt"),
            directory / "root.squashfs",
            f"copy-in {blivet / 'blivet'} /usr/lib/python3/dist-packages",
            f"upload {RECIPE / 'mpathconf'} /usr/sbin/mpathconf",
            'chmod 755 "$1/usr/sbin/mpathconf"',
            # EL's rule, and blivet, call the first partition of mpatha mpatha1; Debian's mpatha-part1.
            'sed -i "s/ -p -part//" "$1/usr/lib/udev/rules.d/60-kpartx.rules"',
        )
        shutil.rmtree(blivet)

    return kept("root", make, "packages.txt", "blivet.txt", "mpathconf") / "root.squashfs"


def _blivet(directory: Path) -> Path:
    """The source tree, from the package index that pip uses."""
    downloads = directory / "pip"
    run(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", f"--dest={downloads}",
        f"--requirement={RECIPE / 'blivet.txt'}",
    )  # fmt: skip
    (archive,) = downloads.iterdir()
    run("tar", "xf", archive, "-C", downloads, "--no-same-owner")
    tree = directory / "blivet"
    (downloads / archive.name.removesuffix(".tar.gz")).rename(tree)
    shutil.rmtree(downloads)
    return tree


def kernel() -> Kernel:
    """Debian's kernel, unpacked and never installed, and the initramfs of the lab."""
    package = kept("kernel", _unpack_kernel)
    (vmlinuz,) = (package / "boot").glob("vmlinuz-*")
    version = vmlinuz.name.removeprefix("vmlinuz-")

    def add(top: Path) -> None:
        copy_modules(package, version, top)
        shutil.copy(RECIPE / "start", top / "start")

    def make(directory: Path) -> None:
        init, first = (RECIPE / "initramfs-init").read_text(), words("first-modules.txt")
        initramfs(package, version, directory / "initramfs.cpio", init, first, add)

    recipe = ("first-modules.txt", "modules.txt", "initramfs-init", "start")
    made = kept("initramfs", make, *recipe, beside=version) / "initramfs.cpio"
    return Kernel(version, vmlinuz, made, package)


NVR = "ovirt-node-ng-4.5.7-0.20261101.0"
NEXT_NVR = "ovirt-node-ng-4.5.8-0.20261201.0"


# What an image has beside what a node needs to start: nothing; a network (NetworkManager, authorities, sudo); or also
# what acts on a site's content (firewalld, dracut, dnf, and a repository of small packages in /srv/repository). A real
# dracut takes several minutes of an installation without KVM.
More = Literal["", "network", "content"]


def node_image(more: More = "") -> Path:
    """A node-like image: a whole system that imgbased takes for a node's, without imgbased itself."""
    parts = kernel()
    packages, further = ["image-packages.txt"], list[str]()
    recipe = ["image-finish", "image-strip", "grubby", "first-modules.txt", "modules.txt"]
    finish, release = list[str](), ""
    if more:
        packages, further = [*packages, "network-packages.txt"], ["network-modules.txt"]
        recipe += ["network-finish", "network-modules.txt"]
        finish = [f"upload {RECIPE / 'network-finish'} /var/tmp/finish", 'chroot "$1" bash /var/tmp/finish']
    if more == "content":
        packages, further = [*packages, "content-packages.txt"], [*further, "content-modules.txt"]
        recipe += ["content-finish", "content-modules.txt"]
        driver = parts.modules / "lib" / "modules" / parts.version / "kernel" / "drivers" / "net" / "dummy.ko"
        # dracut and depmod ask for the kernel by the name of its modules' directory.
        release = parts.version
        finish += [
            f"upload {driver} /var/tmp/driver.ko",
            f"upload {RECIPE / 'content-finish'} /var/tmp/finish",
            f'chroot "$1" bash /var/tmp/finish {parts.version}',
        ]

    def make(directory: Path) -> None:
        tree = directory / "tree"
        copy_modules(parts.modules, parts.version, tree, [word for name in further for word in words(name)])
        debian(
            [word for name in packages for word in words(name)],
            directory / "image.squashfs",
            'mkdir -p "$1/usr/lib/modules"',
            f"sync-in {tree / 'lib' / 'modules'} /usr/lib/modules",
            f"upload {parts.vmlinuz} /boot/vmlinuz-{parts.version}",
            f"upload {parts.modules / 'boot' / ('config-' + parts.version)} /boot/config-{parts.version}",
            f"upload {RECIPE / 'grubby'} /usr/sbin/grubby",
            f"upload {RECIPE / 'image-finish'} /var/tmp/finish",
            f'chmod 755 "$1/usr/sbin/grubby"; chroot "$1" bash /var/tmp/finish {parts.version} {NVR} {release}',
            *finish,
            f"upload {RECIPE / 'image-strip'} /var/tmp/finish",
            'chroot "$1" bash /var/tmp/finish && rm "$1/var/tmp/finish"',
        )
        shutil.rmtree(tree)

    return kept("image", make, *packages, *recipe, beside=f"{parts.version} {NVR} {more}") / "image.squashfs"


def live_image(
    imgbase: bytes, nvr: str, *compression: str, release: str = "el9", more: More = "", filler_mib: int = 0
) -> Path:
    """The image with imgbase in it under that name, as a node's is published: a file system within a squashfs.

    `filler_mib`: the size of a file that makes it larger, and is easy to compress.
    """
    image, number = node_image(more), release.removeprefix("el")

    def make(directory: Path) -> None:
        tree, live = directory / "tree", directory / "live" / "LiveOS"
        run("unsquashfs", "-quiet", "-no-progress", "-dest", tree, image)
        # A node image has none, where imgbase makes its own.
        run("find", tree / "dev", "-mindepth", "1", "-delete")
        (directory / "imgbase.tar").write_bytes(imgbase)
        run("tar", "xf", directory / "imgbase.tar", "-C", tree)
        (tree / "usr/share/imgbase/build/meta/nvr").write_text(nvr)
        for etc in ("etc", "usr/share/factory/etc"):
            (tree / etc / "system-release-cpe").write_text(f"cpe:/o:centos:centos:{number}\n")
        names = tree / "usr/lib/os-release"
        names.write_text(names.read_text().replace('VERSION_ID="9"', f'VERSION_ID="{number}"'))
        # As the package of shim has it: firmware without a boot entry, of another machine or after one disk has failed,
        # starts this one.
        efi = tree / "boot/efi/EFI"
        (efi / "BOOT").mkdir()
        shutil.copy(efi / "centos/shimx64.efi", efi / "BOOT/BOOTX64.EFI")
        live.mkdir(parents=True)
        if filler_mib:
            run("fallocate", "-l", f"{filler_mib}MiB", tree / "usr/share/filler")
        run("mkfs.ext4", "-q", "-d", tree, live / "rootfs.img", f"{3 * 1024 + filler_mib}M")
        shutil.rmtree(tree)
        squashfs = directory / "live.squashfs"
        run("mksquashfs", live.parent, squashfs, "-comp", *compression, "-noappend", "-quiet", "-no-progress")
        shutil.rmtree(live.parent)

    beside = f"{image} {nvr} {compression} {release} {filler_mib} {hashlib.sha256(imgbase).hexdigest()}"
    return kept("live", make, beside=beside) / "live.squashfs"


def _unpack_kernel(directory: Path) -> None:
    # linux-image-amd64 only depends on the package of the current version.
    find = "apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: *\\(linux-image-[0-9][^ ]*\\)/\\1/p' | head -n 1"
    fetch = f'chroot "$1" sh -c "cd /srv && apt-get download -q \\$({find}) busybox-static"'
    run(
        "mmdebstrap", "--quiet", "--variant=apt", f"--customize-hook={fetch}",
        f"--customize-hook=sync-out /srv {directory}", SUITE, "/dev/null", *apt_sources(),
    )  # fmt: skip
    for package in directory.glob("*.deb"):
        run("dpkg", "-x", package, directory)
        package.unlink()
    (version,) = (path.name for path in (directory / "lib" / "modules").iterdir())
    run("depmod", "-b", directory, version)


def initramfs(
    package: Path, version: str, path: Path, init: str, first: list[str], add: Callable[[Path], None] | None = None
) -> Path:
    """busybox, the program /init, the modules that it loads, whose files /modules/order names; and what `add` adds."""
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        top = Path(work)
        for place in ("bin", "dev", "etc", "modules", "proc", "sys"):
            (top / place).mkdir()
        source, target = package / "lib" / "modules" / version, Path("lib") / "modules" / version
        names = modules(package, version, first)
        for name in names:
            (top / target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, top / target / name)
        (top / "modules" / "order").write_text("".join(f"/{target / name}\n" for name in names))
        shutil.copy(package / "bin" / "busybox", top / "bin" / "busybox")
        (top / "bin" / "sh").symlink_to("busybox")
        (top / "init").write_text(init)
        if add is not None:
            add(top)
        (top / "init").chmod(0o755)
        return archive(top, path)


def copy_modules(kernel: Path, version: str, root: Path, more: Sequence[str] = ()) -> None:
    """The modules of the recipe and some more, into lib/modules below `root`."""
    source, target = kernel / "lib" / "modules" / version, root / "lib" / "modules" / version
    names = modules(kernel, version, [*words("first-modules.txt"), *words("modules.txt"), *more])
    for name in (*names, "modules.order", "modules.builtin", "modules.builtin.modinfo"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target / name)
    run("depmod", "-b", root, version)


def modules(kernel: Path, version: str, wanted: list[str]) -> list[str]:
    """The files of modules and of all that they need, in the order of loading, below lib/modules/VERSION."""
    source = kernel / "lib" / "modules" / version
    order: dict[str, None] = {}
    for module in wanted:
        for line in run("modprobe", "-d", kernel, "-S", version, "--show-depends", module).splitlines():
            word, path = line.split()[:2]
            if word == "insmod":
                order[str(Path(path).relative_to(source))] = None
    return list(order)


def archive(root: Path, path: Path) -> Path:
    """An initramfs, or a piece of one: a tree as cpio."""
    names = run("find", ".", cwd=root)
    with path.open("wb") as file:
        subprocess.run(
            [program("cpio"), "-o", "-H", "newc", "--quiet", "--owner=0:0"],
            cwd=root, input=names.encode(), stdout=file, check=True,
        )  # fmt: skip
    return path
