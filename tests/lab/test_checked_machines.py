# SPDX-License-Identifier: GPL-2.0-or-later
"""programs/checks.py in a real kernel, on machines that lack something: what it says, and that no disk changes.

Two machines run one case after the other. They reach servers of this test on the loopback, as QEMU's user network has
them at 10.0.2.2. Nothing here needs udev, without which a machine without KVM is up sooner.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import image_servers
import pytest
from image_servers import Site

from ksgen.addon import updates
from lab.console import Console
from lab.machine import GIB, Disk, Machine, Result, digest, run
from lab.root import RECIPE, Kernel
from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Wanted, WantedAddress, WantedLink

pytestmark = pytest.mark.lab

PROGRAM = Path(checks.__file__)
SERVER, OWN, SILENT, FAR = "10.0.2.2", "10.0.2.15", "10.0.2.77", "192.0.2.10"
NAME = "pxe.example.com"
MAC = "52:54:00:aa:00:01"
FROM = f", from {OWN} on eth0"
LINK = (WantedLink(MAC),)
NO_LINK = "needed: a link on each interface of node_network"
FIVE_MINUTES = 300
MEMORY = 2304  # MiB; less would be refused
LONGEST = 900  # seconds for all cases of a machine on a quiet host

UP = f"ip link set eth0 up; ip addr add {OWN}/24 dev eth0"
ROUTED = f"{UP}; ip route add default via {SERVER}"
UNPLUGGED = (
    'echo "lab: unplug"; ip link set eth0 up\nwhile [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.5; done'
)


@dataclasses.dataclass(frozen=True)
class Case:
    """What is checked, after these commands; `stops` is what is said of each check that fails."""

    wanted: Wanted
    stops: Mapping[str, str] = dataclasses.field(default_factory=dict)
    network: str = ROUTED


def script(cases: Mapping[str, Case]) -> str:
    """Each case begins with an interface that is off."""
    lines = ["ip link set lo up"]
    for name, case in cases.items():
        lines += ["ip addr flush dev eth0; ip link set eth0 down; : >/etc/resolv.conf", case.network]
        lines += [
            f'echo "lab: case {name}"',
            f"python3 -S checks.py {name}.json 1 1 >$OUT/{name}; echo $? >$OUT/{name}.status",
        ]
    return "\n".join((*lines, "date -u +%Y >$OUT/year", ""))


def without_udev(kernel: Kernel, directory: Path) -> Path:
    """The lab's initramfs with another /start behind it, which takes the place of the first one."""
    start = "".join(line for line in (RECIPE / "start").read_text().splitlines(keepends=True) if "udev" not in line)
    path = directory / "initramfs.cpio"
    path.write_bytes(kernel.initramfs.read_bytes() + updates.archive([updates.File("start", start.encode())]))
    return path


def checked(
    cases: Mapping[str, Case],
    machine: Machine,
    directory: Path,
    person: Callable[[Console], None] | None = None,
    **files: Path,
) -> Result:
    """Run the cases; the disk is the same afterwards, all of it."""
    assert machine.kernel is not None
    disk = Disk(directory / "disk.raw", 8 * GIB, serial="S3EVNX0K001")
    disk.file.write_bytes(b"data of another system" * 1000)
    with disk.file.open("ab") as file:
        file.truncate(disk.size)
    before = digest(disk.file)
    wanted = {f"{name}.json": checks.written(case.wanted) for name, case in cases.items()}
    machine = dataclasses.replace(machine, disks=(disk,), initrd=without_udev(machine.kernel, directory))
    job = {"run": script(cases), "checks.py": PROGRAM, **wanted, **files}
    result = run(machine, job, timeout=LONGEST, person=person)
    assert result.has_ended, result.console
    assert digest(disk.file) == before
    return result


def assert_told(case: Case, name: str, result: Result) -> None:
    """Each failure is in the log and on the console, and nothing else has failed."""
    said = result.text(name)
    assert result.text(f"{name}.status") == ("1\n" if case.stops else "0\n"), said
    errors = [line for line in said.rpartition("the installation stops here")[2].splitlines() if ": error: " in line]
    if case.stops:
        assert "ovirt-node: the installation stops here; nothing has been written to any disk." in said
        assert errors == [f"ovirt-node: error: {check}: {text}" for check, text in case.stops.items()]
        for line in errors:
            assert line in result.console


class Cable:
    """The link of the machine's NIC, by QEMU's own protocol."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "qmp"
        self.arguments = ("-qmp", f"unix:{self._path},server=on,wait=off")

    def set(self, is_plugged: bool) -> None:
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self._path))
            file = monitor.makefile("rw")
            file.readline()
            for command, arguments in (("qmp_capabilities", {}), ("set_link", {"name": "nic", "up": is_plugged})):
                file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                file.flush()
                assert "return" in json.loads(file.readline())


def nic(more: str = "") -> tuple[str, ...]:
    return ("-netdev", "user,id=nic", "-device", f"virtio-net-pci,netdev=nic,mac={MAC}{more}")


# --- a machine that nothing is wrong with, in networks that have faults ---


@dataclasses.dataclass(frozen=True)
class Networks:
    """What was asked, and what the machine has said."""

    cases: Mapping[str, Case]
    result: Result


@pytest.fixture(scope="module")
def site_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    (directory / "node.img").write_bytes(b"hsqs" * 1000)
    return directory


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_servers.authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def secure(site_root: Path, authority: Path) -> Iterator[Site]:
    certificate = image_servers.certificate(authority.with_name("server.pem"), authority, f"IP:{SERVER}")
    with image_servers.serving(site_root, certificate) as site:
        yield site


def image(url: str) -> tuple[WantedAddress, ...]:
    return (WantedAddress("image", url),)


def of(site: Site, path: str = "node.img") -> str:
    return f"{site.scheme}://{SERVER}:{site.server_address[1]}/{path}"


def network_cases(plain: Site, secure: Site, later: int) -> dict[str, Case]:
    gone = of(plain, "gone.img")
    return {
        "good": Case(Wanted("el10", LINK, image(of(plain)))),
        "slow": Case(
            Wanted("el9", (WantedLink(MAC, speed=10000),)),
            {"link": f"eth0 ({MAC}) has 100 Mbit/s; 10 Gbit/s is required; {NO_LINK}"},
        ),
        "wrong-gateway": Case(
            Wanted("el9", LINK, image(f"http://{FAR}/node.img")),
            {
                "image": f"cannot connect to {FAR} port 80 ({FAR}){FROM}: the gateway {SILENT} does not answer; "
                f"needed: a connection to {FAR}"
            },
            f"{UP}; ip route add default via {SILENT}",
        ),
        "no-gateway": Case(
            Wanted("el9", LINK, image(f"http://{FAR}/node.img")),
            {"image": f"there is no route to {FAR} ({FAR}): Network is unreachable; needed: a route to {FAR}"},
            UP,
        ),
        "dns-gone": Case(
            Wanted("el9", LINK, image(f"http://{NAME}/node.img")),
            {
                "image": f"{NAME} cannot be resolved: Temporary failure in name resolution; name servers: {SILENT}; "
                f"needed: the address of {NAME}"
            },
            f"{ROUTED}; echo nameserver {SILENT} >/etc/resolv.conf",
        ),
        "unknown-authority": Case(
            Wanted("el9", LINK, image(of(secure))),
            {
                "image": f"the certificate of {SERVER} is not from a trusted authority{FROM}: unable to get local "
                "issuer certificate; needed: a certificate that the installer trusts"
            },
        ),
        "404": Case(
            Wanted("el9", LINK, image(gone)),
            {"image": f"{gone}: HTTP status 404 Not Found{FROM}; needed: HTTP status 200"},
        ),
        "no-link": Case(Wanted("el9", LINK), {"link": f"eth0 ({MAC}) has no link; {NO_LINK}"}, UNPLUGGED),
        "plugged-in-later": Case(Wanted("el9", LINK, wait=3600), {}, UNPLUGGED),
        "served-later": Case(Wanted("el9", LINK, image(f"http://{SERVER}:{later}/node.img"), wait=3600)),
    }


@pytest.fixture(scope="module")
def networks(
    kernel: Kernel, vm_root: Path, site_root: Path, secure: Site, tmp_path_factory: pytest.TempPathFactory
) -> Networks:
    """All cases in one machine; a person unplugs and plugs its cable, and starts a server five minutes late."""
    directory = tmp_path_factory.mktemp("networks")
    cable = Cable(directory)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    late = Site(site_root)
    late.socket.close()
    serving = threading.Thread(target=late.serve_forever, daemon=True)

    def person(console: Console) -> None:
        console.wait_for("lab: unplug", LONGEST)
        cable.set(False)
        console.wait_for("lab: case plugged-in-later", LONGEST)
        console.wait_for("the installation waits for this", LONGEST)
        cable.set(True)
        console.wait_for("lab: case served-later", LONGEST)
        console.wait_for("the installation waits for this", LONGEST)
        time.sleep(FIVE_MINUTES)
        late.socket = socket.create_server(("127.0.0.1", port))
        serving.start()

    machine = Machine(
        kernel=kernel, root=vm_root, memory=MEMORY, more=(*nic(",speed=100,duplex=full"), *cable.arguments)
    )
    try:
        with image_servers.serving(site_root) as plain:
            cases = network_cases(plain, secure, port)
            return Networks(cases, checked(cases, machine, directory, person))
    finally:
        if serving.is_alive():
            late.shutdown()
        late.server_close()


@pytest.mark.parametrize(
    "name",
    ["good", "slow", "wrong-gateway", "no-gateway", "dns-gone", "unknown-authority", "404", "no-link"],
)
def test_network(name: str, networks: Networks) -> None:
    assert_told(networks.cases[name], name, networks.result)


def test_good_machine_is_told_what_it_has(networks: Networks) -> None:
    said = networks.result.text("good")
    assert f"/node.img: 4000 bytes, Range requests{FROM}\n" in said
    assert f"ovirt-node: ok: link: eth0 ({MAC}) 100 Mbit/s\n" in said
    assert f"that of the boot arguments: eth0 {OWN}/24; name servers none; " in said


@pytest.mark.parametrize("name", ["plugged-in-later", "served-later"])
def test_it_goes_on_by_itself(name: str, networks: Networks) -> None:
    said = networks.result.text(name)
    assert_told(networks.cases[name], name, networks.result)
    assert "the installation waits for this; it stops in " in said
    assert "ovirt-node: repaired after " in said
    assert said.count("the installation waits for this") >= (FIVE_MINUTES / 60 if name == "served-later" else 1)


# --- a machine with an old processor, whose clock has lost its battery ---


def test_old_processor_and_a_clock_ten_years_back(
    kernel: Kernel, vm_root: Path, secure: Site, authority: Path, tmp_path: Path
) -> None:
    """The authority is trusted, and its certificates are not valid yet."""
    now = time.gmtime().tm_year
    old = "popcnt, sse4_1, sse4_2, ssse3"
    cases = {
        "el9": Case(Wanted("el9", LINK)),
        "el10": Case(Wanted("el10", LINK, skip=("virtualization",))),
        "clock": Case(
            Wanted("el9", LINK, image(of(secure)), skip=("virtualization", "cpu")),
            network=f"{ROUTED}; export SSL_CERT_FILE=/job/ca.pem",
        ),
    }
    more = (*nic(), "-cpu", "qemu64,svm=off", "-rtc", f"base={now - 10}-01-02T12:00:00")
    machine = Machine(kernel=kernel, root=vm_root, memory=MEMORY, more=more)
    result = checked(cases, machine, tmp_path, **{"ca.pem": authority})
    assert int(result.text("year")) == now - 10
    for name in cases:
        assert result.text(f"{name}.status") == "1\n", result.text(name)
    assert "error: virtualization: the processor shows neither vmx nor svm: QEMU Virtual CPU" in result.text("el9")
    assert f" lacks {old}; needed: x86-64-v2, for which EL9 is compiled\n" in result.text("el9")
    assert f" lacks {old}, avx, avx2, bmi1, bmi2, f16c, fma, abm, movbe, xsave; needed: x86-64-v3" in result.text(
        "el10"
    )
    assert "ovirt-node: waived by node_checks: error: virtualization: " in result.text("el10")
    said = result.text("clock")
    assert f"ovirt-node: error: image: the certificate of {SERVER} is not valid at {now - 10}-01-02 " in said
    assert "ovirt-node: error: clock: the clock is " in said
    assert f" days behind that of {SERVER}; needed: at most 5 minutes" in said
    assert "error: clock: the clock is " in result.console
