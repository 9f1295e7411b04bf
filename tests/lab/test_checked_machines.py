# SPDX-License-Identifier: GPL-2.0-or-later
"""programs/checks.py in a real kernel, on machines that lack something: what it says, and that no disk changes.

The machines reach servers of this test on the loopback, as QEMU's user network has them at 10.0.2.2.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import image_servers
import pytest
from image_servers import Site

from lab.console import Console
from lab.machine import GIB, PATIENCE, Disk, Machine, Result, digest, run
from lab.root import Kernel
from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Wanted, WantedAddress, WantedLink

pytestmark = pytest.mark.lab

PROGRAM = Path(checks.__file__)
SERVER, OWN, SILENT = "10.0.2.2", "10.0.2.15", "10.0.2.77"
NAME = "pxe.example.com"
MAC = "52:54:00:aa:00:01"
FROM = f", from {OWN} on eth0"
# With what all machines of the lab leave out, and with virtualization, which TCG's processor has.
CPU = "max,erms=off,fsrm=off"
LINK = (WantedLink(MAC),)
FIVE_MINUTES = 300

_RUN = """\
ip link set lo up
ip addr add {own}/24 dev eth0; ip link set eth0 {state}
{network}
date -u +%Y >$OUT/year
python3 -S checks.py wanted.json 1 1 >$OUT/said; echo $? >$OUT/result
"""
ROUTED = f"ip route add default via {SERVER}"


@dataclasses.dataclass(frozen=True)
class Lacking:
    """A machine that lacks something. `network` are commands; `stops` is what is said of each check that fails."""

    wanted: Wanted
    stops: dict[str, str]
    cpu: str = CPU
    device: str = ""
    more: tuple[str, ...] = ()
    network: str = ROUTED
    state: str = "up"


def lab_machine(lacking: Lacking, kernel: Kernel, vm_root: Path, directory: Path) -> tuple[Machine, Disk]:
    disk = Disk(directory / "disk.raw", 8 * GIB, serial="S3EVNX0K001")
    disk.file.write_bytes(b"data of another system" * 1000)
    with disk.file.open("ab") as file:
        file.truncate(disk.size)
    nic = ("-netdev", "user,id=nic", "-device", f"virtio-net-pci,netdev=nic,mac={MAC}{lacking.device}")
    more = (*nic, "-cpu", lacking.cpu, *lacking.more)
    # A name is not what this is about.
    return Machine((disk,), kernel=kernel, root=vm_root, arguments="net.ifnames=0", more=more), disk


def checked(
    lacking: Lacking,
    kernel: Kernel,
    vm_root: Path,
    directory: Path,
    person: Callable[[Console], None] | None = None,
    timeout: float = 120,
    **files: Path,
) -> Result:
    """Run the program; the disk is the same afterwards, all of it."""
    machine, disk = lab_machine(lacking, kernel, vm_root, directory)
    before = digest(disk.file)
    script = _RUN.format(own=OWN, network=lacking.network, state=lacking.state)
    job = {"run": script, "checks.py": PROGRAM, "wanted.json": checks.written(lacking.wanted), **files}
    result = run(machine, job, timeout=timeout, person=person)
    assert result.has_ended, result.console
    assert digest(disk.file) == before
    return result


def assert_stopped(lacking: Lacking, result: Result) -> None:
    """Each failure is in the log and on the console, and nothing else has failed."""
    said = result.text("said")
    assert result.text("result") == "1\n", said
    errors = [line for line in said.partition("the installation stops here")[2].splitlines() if ": error: " in line]
    assert errors == [f"ovirt-node: error: {name}: {text}" for name, text in lacking.stops.items()]
    assert "ovirt-node: the installation stops here; nothing has been written to any disk." in result.console
    for line in errors:
        assert line in result.console


NO_LINK = "a link on each interface of node_network"
LACKING = [
    pytest.param(
        Lacking(
            Wanted("el9", LINK),
            {"virtualization": "the processor shows neither vmx nor svm: {processor}; needed: Intel VT-x or AMD-V"},
            cpu=f"{CPU},svm=off",
        ),
        id="no-virtualization",
    ),
    pytest.param(
        Lacking(
            Wanted("el10", LINK, skip=("virtualization",)),
            {
                "cpu": "{processor} lacks popcnt, sse4_1, sse4_2, ssse3, avx, avx2, bmi1, bmi2, f16c, fma, abm, movbe, "
                "xsave; needed: x86-64-v3, for which EL10 is compiled"
            },
            cpu="qemu64",
        ),
        id="qemu64-with-el10",
    ),
    pytest.param(
        Lacking(
            Wanted("el9", (WantedLink(MAC, speed=10000),)),
            {"link": f"eth0 ({MAC}) has 100 Mbit/s; 10 Gbit/s is required; needed: {NO_LINK}"},
            device=",speed=100,duplex=full",
        ),
        id="100-mbit",
    ),
    pytest.param(
        Lacking(
            Wanted("el9", LINK, (WantedAddress("image", "http://192.0.2.10/node.img"),)),
            {
                "image": f"cannot connect to 192.0.2.10 port 80 (192.0.2.10){FROM}: the gateway {SILENT} does not "
                "answer; needed: a connection to 192.0.2.10"
            },
            network=f"ip route add default via {SILENT}",
        ),
        id="wrong-gateway",
    ),
    pytest.param(
        Lacking(
            Wanted("el9", LINK, (WantedAddress("image", "http://192.0.2.10/node.img"),)),
            {
                "image": "there is no route to 192.0.2.10 (192.0.2.10): Network is unreachable; needed: a route to "
                "192.0.2.10"
            },
            network="",
        ),
        id="no-gateway",
    ),
    pytest.param(
        Lacking(
            Wanted("el9", LINK, (WantedAddress("image", f"http://{NAME}/node.img"),)),
            {
                "image": f"{NAME} cannot be resolved: Temporary failure in name resolution; name servers: {SILENT}; "
                f"needed: the address of {NAME}"
            },
            network=f"echo nameserver {SILENT} >/etc/resolv.conf\n{ROUTED}",
        ),
        id="dns-gone",
    ),
]


@pytest.mark.parametrize("lacking", LACKING)
def test_machine_that_lacks(lacking: Lacking, kernel: Kernel, vm_root: Path, tmp_path: Path) -> None:
    result = checked(lacking, kernel, vm_root, tmp_path)
    (found,) = (line for line in result.text("said").splitlines() if ": cpu: " in line and "stops here" not in line)[:1]
    processor = found.partition(": cpu: ")[2].partition(" has ")[0].partition(" lacks ")[0]
    stops = {name: text.format(processor=processor) for name, text in lacking.stops.items()}
    assert_stopped(dataclasses.replace(lacking, stops=stops), result)


# --- the cable ---


class Cable:
    """The link of the machine's card, by QEMU's own protocol."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "qmp"
        self.arguments = ("-qmp", f"unix:{self._path},server=on,wait=off")

    def set(self, is_plugged: bool) -> None:
        end = time.monotonic() + 30
        while not self._path.exists() and time.monotonic() < end:
            time.sleep(0.01)
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(30)
            monitor.connect(str(self._path))
            file = monitor.makefile("rw")
            file.readline()
            for command, arguments in (("qmp_capabilities", {}), ("set_link", {"name": "nic", "up": is_plugged})):
                file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                file.flush()
                assert "return" in json.loads(file.readline())


def test_no_link(kernel: Kernel, vm_root: Path, tmp_path: Path) -> None:
    """The card is off, and is switched on for the look."""
    cable = Cable(tmp_path)
    stops = {"link": f"eth0 ({MAC}) has no link; needed: {NO_LINK}"}
    lacking = Lacking(Wanted("el9", LINK), stops, more=cable.arguments, network="", state="down")
    assert_stopped(lacking, checked(lacking, kernel, vm_root, tmp_path, lambda _: cable.set(False)))


def test_cable_is_plugged_in(kernel: Kernel, vm_root: Path, tmp_path: Path) -> None:
    cable = Cable(tmp_path)

    def person(console: Console) -> None:
        cable.set(False)
        console.wait_for(r"error: link: eth0 \S+ has no link", 120)
        cable.set(True)

    lacking = Lacking(Wanted("el9", LINK, wait=1800), {}, more=cable.arguments, network="", state="down")
    result = checked(lacking, kernel, vm_root, tmp_path, person)
    assert result.text("result") == "0\n", result.console
    assert "the installation waits for this; it stops in " in result.console
    assert "ovirt-node: repaired after " in result.console


# --- servers ---


@pytest.fixture
def site_root(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    directory.mkdir()
    (directory / "node.img").write_bytes(b"hsqs" * 1000)
    return directory


def of_image(site: Site, path: str = "node.img", **more: int) -> Wanted:
    url = f"{site.scheme}://{SERVER}:{site.server_address[1]}/{path}"
    return Wanted("el9", LINK, (WantedAddress("image", url),), **more)


def test_image_that_is_there(kernel: Kernel, vm_root: Path, site_root: Path, tmp_path: Path) -> None:
    with image_servers.serving(site_root) as site:
        result = checked(Lacking(of_image(site), {}), kernel, vm_root, tmp_path)
    assert result.text("result") == "0\n", result.text("said")
    assert f"/node.img: 4000 bytes, Range requests{FROM}\n" in result.text("said")


def test_404(kernel: Kernel, vm_root: Path, site_root: Path, tmp_path: Path) -> None:
    with image_servers.serving(site_root) as site:
        wanted = of_image(site, "gone.img")
        text = f"{wanted.addresses[0].url}: HTTP status 404 Not Found{FROM}; needed: HTTP status 200"
        lacking = Lacking(wanted, {"image": text})
        assert_stopped(lacking, checked(lacking, kernel, vm_root, tmp_path))


def test_unknown_authority(kernel: Kernel, vm_root: Path, site_root: Path, tmp_path: Path) -> None:
    certificate = image_servers.certificate(tmp_path / "server.pem", image_servers.authority(tmp_path), f"IP:{SERVER}")
    with image_servers.serving(site_root, certificate) as site:
        text = f"the certificate of {SERVER} is not from a trusted authority{FROM}: unable to get local issuer "
        lacking = Lacking(
            of_image(site), {"image": f"{text}certificate; needed: a certificate that the installer trusts"}
        )
        assert_stopped(lacking, checked(lacking, kernel, vm_root, tmp_path))


def test_clock_ten_years_back(kernel: Kernel, vm_root: Path, site_root: Path, tmp_path: Path) -> None:
    """The authority is trusted, and its certificates are not valid yet."""
    ca = image_servers.authority(tmp_path)
    certificate = image_servers.certificate(tmp_path / "server.pem", ca, f"IP:{SERVER}")
    trusting = f"export SSL_CERT_FILE=/job/ca.pem\n{ROUTED}"
    back = ("-rtc", f"base={time.gmtime().tm_year - 10}-01-02T12:00:00")
    with image_servers.serving(site_root, certificate) as site:
        lacking = Lacking(of_image(site), {}, more=back, network=trusting)
        result = checked(lacking, kernel, vm_root, tmp_path, **{"ca.pem": ca})
    assert int(result.text("year")) == time.gmtime().tm_year - 10
    said = result.text("said")
    assert result.text("result") == "1\n", said
    assert (
        f"ovirt-node: error: image: the certificate of {SERVER} is not valid at {result.text('year').strip()}-" in said
    )
    assert "ovirt-node: error: clock: the clock is " in said
    assert f" days behind that of {SERVER}; needed: at most 5 minutes" in said
    assert "error: clock: the clock is " in result.console


def test_server_that_comes_up_five_minutes_later(
    kernel: Kernel, vm_root: Path, site_root: Path, tmp_path: Path
) -> None:
    """The machine waits, and goes on by itself."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Site(site_root)
    site.socket.close()
    serving = threading.Thread(target=site.serve_forever, daemon=True)
    url = f"http://{SERVER}:{port}/node.img"

    def person(console: Console) -> None:
        console.wait_for(r"error: image: ", 120)
        time.sleep(FIVE_MINUTES)
        site.socket = socket.create_server(("127.0.0.1", port))
        serving.start()

    wanted = Wanted("el9", LINK, (WantedAddress("image", url),), wait=3600)
    timeout = FIVE_MINUTES / PATIENCE + 120
    try:
        result = checked(Lacking(wanted, {}), kernel, vm_root, tmp_path, person, timeout)
    finally:
        if serving.is_alive():
            site.shutdown()
        site.server_close()
    assert result.text("result") == "0\n", result.console
    assert f"{SERVER} port {port} ({SERVER}) refuses the connection{FROM}" in result.console
    assert result.console.count("the installation waits for this; it stops in ") >= FIVE_MINUTES / 60
    assert f"ovirt-node: ok: image: {url}: 4000 bytes, Range requests{FROM}" in result.console
