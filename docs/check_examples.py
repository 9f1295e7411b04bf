# SPDX-License-Identifier: GPL-2.0-or-later
"""Every check of kickstarts with lines that are right and what makes them wrong.

docs/checks.md shows them; tests/lint/test_lint.py puts each wrong line into a good kickstart and runs the checks.
"""

from __future__ import annotations

from typing import NamedTuple

HASH = "$6$saltsalt$" + "A" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"

# Nothing is wrong with it.
PLAIN = f"""\
#version=RHEL9
text --non-interactive
reboot
url --url=http://pxe.example.com/el9/
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
timesource --ntp-server=ntp.example.com
rootpw --iscrypted {HASH}
user --name=erika --groups=wheel --password={HASH} --iscrypted
sshkey --username=erika '{KEY}'
network --device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 --nameserver=10.0.0.5
network --device=eno2 --bootproto=dhcp --noipv6
network --hostname=plain.example.com
services --enabled=sshd
ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000000000000001
zerombr
clearpart --all --initlabel --drives=/dev/disk/by-id/wwn-0x5000000000000001
bootloader --timeout=5
reqpart
part /boot --fstype=xfs --size=1024
part pv.01 --size=1 --grow
volgroup system pv.01
logvol swap --vgname=system --name=swap --fstype=swap --size=4096
logvol none --vgname=system --name=pool --thinpool --size=40960
logvol / --vgname=system --name=root --thin --poolname=pool --fstype=xfs --size=20480
selinux --enforcing

%packages
@core
%end

%addon com_redhat_kdump --enable --reserve-mb=auto
%end

%pre
echo "installing" >/dev/console
%end

%post --erroronfail
cat >/etc/motd <<EOF
installed by kickstart
EOF
%end
"""

_DISK = "/dev/disk/by-id/wwn-0x5000000000000001"
# A node without anything that ksgen adds.
SMALL = f"""\
#version=RHEL10
text --non-interactive
reboot
liveimg --url=http://pxe.example.com/ovirt-node-ng-4.5.7.squashfs.img --checksum={"3f0a377b" * 8}
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
rootpw --iscrypted {HASH}
network --device=eno1 --bootproto=dhcp
ignoredisk --only-use={_DISK}
zerombr
clearpart --all --initlabel --drives={_DISK}
bootloader --timeout=5
reqpart
part /boot --fstype=xfs --size=2048
part pv.01 --size=1 --grow
volgroup onn pv.01 --reserved-space=20480
logvol none --vgname=onn --name=pool00 --thinpool --size=48128 --grow --metadatasize=1024
logvol swap --vgname=onn --name=swap --fstype=swap --size=4096
logvol / --vgname=onn --name=root --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=10240
logvol /var --vgname=onn --name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=10240

%post --erroronfail
mkdir --parents /var/imgbased
touch /var/imgbased/.skip-volumes
imgbase --debug layout --init
%end
"""

# A plain EL host of oVirt.
OVIRT_HOST = f"""\
#version=RHEL10
text --non-interactive
reboot --eject
url --url=http://pxe.example.com/el10/BaseOS/
repo --name=AppStream --baseurl=http://pxe.example.com/el10/AppStream/
repo --name=ovirt --baseurl=http://pxe.example.com/ovirt-45/ --includepkgs=ovirt-*,vdsm*
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
rootpw --iscrypted {HASH}
network --device=eno1 --bootproto=dhcp
services --enabled=chronyd
ignoredisk --only-use={_DISK}
zerombr
clearpart --all --initlabel --drives={_DISK}
bootloader --timeout=5
reqpart
part /boot --fstype=xfs --size=2048
part pv.01 --size=1 --grow
volgroup el pv.01
logvol swap --vgname=el --name=swap --fstype=swap --size=4096
logvol / --vgname=el --name=root --fstype=xfs --size=15360
logvol /home --vgname=el --name=home --fstype=xfs --size=1024
logvol /tmp --vgname=el --name=tmp --fstype=xfs --size=1024
logvol /var --vgname=el --name=var --fstype=xfs --size=15360
logvol /var/crash --vgname=el --name=var_crash --fstype=xfs --size=10240
logvol /var/log --vgname=el --name=var_log --fstype=xfs --size=8192
logvol /var/log/audit --vgname=el --name=var_log_audit --fstype=xfs --size=2048
logvol /var/tmp --vgname=el --name=var_tmp --fstype=xfs --size=10240

%packages --exclude-weakdeps --inst-langs=en
@^minimal-environment
chrony
ovirt-host
%end

%post --erroronfail
dnf -y install centos-release-ovirt45
%end
"""


class Example(NamedTuple):
    """`good` stands in a good kickstart; `bad` takes its place.

    The kickstart is `plain`, `small`, `host`, or as ksgen writes one: `node` with the add-on, `alone` without.
    """

    good: str
    bad: str
    base: str = "plain"
    release: str = "el9"


_PARTITIONING = PLAIN[PLAIN.index("reqpart\n") : PLAIN.index("selinux")]
_PARTITIONING_OF_HOST = OVIRT_HOST[OVIRT_HOST.index("reqpart\n") : OVIRT_HOST.index("\n%packages")]
_FROM_SOURCE = PLAIN[PLAIN.index("url ") : PLAIN.index("%addon")]
_BOOT_TO_POOL = SMALL[SMALL.index("part /boot") : SMALL.index("logvol swap")]
_POST = "%post --erroronfail --log=/var/log/ovirt-node-init.log"

EXAMPLES: dict[str, Example] = {
    # --- the grammar ---
    "kickstart-grammar": Example("part /boot --fstype=xfs --size=1024", "part /boot --fstype=xfs --size=1g"),
    "command-removed": Example("reboot\n", "reboot\ninstall\n"),
    "command-deprecated": Example("reboot\n", "reboot\nautostep\n"),
    "command-too-new": Example("reboot\n", "reboot\nrdp\n"),
    "command-unknown": Example("zerombr\n", "zerombr\nfrobnicate\n"),
    "option-removed": Example("timezone Etc/UTC --utc\n", "timezone Etc/UTC --isUtc\n", "plain", "el10"),
    "option-deprecated": Example("zerombr\n", "zerombr\nlogging --level=info\n"),
    "option-too-new": Example("bootloader --timeout=5", "bootloader --timeout=5 --sdboot"),
    "option-unknown": Example("zerombr\n", "zerombr --all\n"),
    "section-unknown": Example("%addon com_redhat_kdump", "%adon com_redhat_kdump"),
    "section-without-end": Example("EOF\n%end\n", "EOF\n"),
    "quote-not-closed": Example("reboot\n", "reboot\nlogging --host='log.example.com\n"),
    "ends-with-el9": Example("timezone Etc/UTC --utc\n", "timezone Etc/UTC --isUtc\n"),
    "command-twice": Example("keyboard us\n", "keyboard de\nkeyboard us\n"),
    "option-ignored": Example("--thin --poolname=pool", "--poolname=pool"),
    "option-twice": Example("--device=eno2", "--device=eno2 --vlanid=200 --vlanid=300"),
    "url-wrong": Example("--url=http://pxe.example.com/el9/", "--url=pxe.example.com/el9/"),
    "proxy-wrong": Example("url --url", "url --proxy=http://proxy.example.com:312800 --url"),
    "server-wrong": Example("reboot\n", "reboot\nlogging --host=10.0.0.300\n"),
    "nfs-directory": Example("url --url=http://pxe.example.com/el9/", "nfs --server=nas.example.com --dir=el9"),
    # --- text and scripts ---
    "kickstart-nul": Example("reboot\n", "reboot\n# \0\n"),
    "line-continued": Example("services --enabled=sshd\n", "services --enabled=sshd \\\n"),
    "written-for-other-release": Example("#version=RHEL9\n", "#version=RHEL8\n"),
    "disable-unknown": Example("reboot\n", "reboot  # ksgen: disable=zerombr\n"),
    "value-cut": Example("bootloader --timeout=5", "bootloader --timeout=5 --append=video#off"),
    "template-unrendered": Example("reboot\n", "reboot\n{% if debug %}\n"),
    "template-in-script": Example("%post --erroronfail\n", "%post --erroronfail\necho {{ site.name }}\n"),
    "post-needs-daemon": Example("%post --erroronfail\n", "%post --erroronfail\nsystemctl start chronyd\n"),
    "post-outside": Example("%post --erroronfail\ncat >/etc", "%post --erroronfail --nochroot\ncat >/etc"),
    "post-target-path": Example("cat >/etc/motd", "cat >/mnt/sysroot/etc/motd"),
    "include-unused": Example('echo "installing" >/dev/console', 'echo "network --device=eno3" >/tmp/network'),
    "include-overwritten": Example(
        'echo "installing" >/dev/console\n%end\n',
        'echo "network --device=eno3" >>/tmp/network\necho "network --device=eno4" >/tmp/network\n%end\n'
        "%include /tmp/network\n",
    ),
    "template-left-over": Example("lang en_US.UTF-8\n", "lang en_US.UTF-8 # {{ lang }}\n"),
    "script-line-ends": Example('echo "installing" >/dev/console\n', 'echo "installing" >/dev/console\r\n'),
    "post-without-erroronfail": Example("%post --erroronfail\n", "%post\n"),
    "section-word-inside": Example("installed by kickstart\n", "%end\n"),
    "include-inside": Example("installed by kickstart\n", "%include /run/install/motd\n"),
    "script-secret": Example("%post --erroronfail\n", "%post --erroronfail\npassword=Secret.123\n"),
    "script-shebang": Example("%post --erroronfail\n", "%post --erroronfail\n#!/usr/bin/python3\n"),
    "pre-wipes-disks": Example(
        'echo "installing" >/dev/console\n', "for disk in /dev/sd*; do\n  wipefs --all $disk\ndone\n"
    ),
    "pre-without-erroronfail": Example(
        'echo "installing" >/dev/console\n',
        'echo "ignoredisk --only-use=$(head -n 1 /tmp/disks)" >/tmp/disk.ks\n%end\n%include /tmp/disk.ks\n%pre\n',
    ),
    # --- disks ---
    "clearpart-all-disks": Example(
        "ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000000000000001\nzerombr\n"
        "clearpart --all --initlabel --drives=/dev/disk/by-id/wwn-0x5000000000000001\n",
        "clearpart --all --initlabel\n",
    ),
    "zerombr-all-disks": Example(
        "ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000000000000001\nzerombr\n", "zerombr\n"
    ),
    "clearpart-both": Example("clearpart --all", "clearpart --linux --all"),
    "disk-ignored": Example(f"--drives={_DISK}", "--drives=/dev/disk/by-id/wwn-0x5000000000000002"),
    "clearpart-label": Example("--initlabel --drives", "--initlabel --disklabel=gtp --drives"),
    "disk-cleared": Example(
        "part /boot --fstype=xfs --size=1024", "part /boot --onpart=/dev/disk/by-partlabel/boot --fstype=xfs"
    ),
    "disk-before-network": Example(
        "zerombr\nclearpart --all --initlabel --drives=/dev/disk/by-id/wwn-0x5000000000000001\n",
        "zerombr\nclearpart --all --initlabel --drives=/dev/disk/by-id/wwn-0x5000000000000001,"
        "/dev/disk/by-id/scsi-36001405\niscsiname iqn.2024-01.com.example:plain\n"
        "iscsi --ipaddr=10.0.0.9 --target=iqn.2024-01.com.example:t0\n",
    ),
    "disk-by-kernel-name": Example(
        "ignoredisk --only-use=/dev/disk/by-node/system0\n", "ignoredisk --only-use=sda\n", "node"
    ),
    "device-size": Example("part /boot --fstype=xfs --size=1024", "part /boot --fstype=xfs --size=-5"),
    "device-size-missing": Example("part /boot --fstype=xfs --size=1024", "part /boot --fstype=xfs"),
    "device-size-unlikely": Example("/boot --fstype=xfs --size=1024", "/boot --fstype=xfs --size=1"),
    "device-format-unfit": Example("--poolname=pool --fstype=xfs", "--poolname=pool --fstype=vfat"),
    "device-size-most": Example("--fstype=swap --size=4096", "--fstype=swap --size=4096 --grow --maxsize=2048"),
    "device-twice": Example("--name=swap --fstype=swap", "--name=pool --fstype=swap"),
    "device-kept": Example("part /boot --fstype=xfs --size=1024", "part /boot --fstype=xfs --size=1024 --noformat"),
    "device-format": Example("part /boot --fstype=xfs", "part /boot --fstype=xsf"),
    "mount-root": Example("logvol / --vgname", "logvol /srv --vgname"),
    "mount-twice": Example(
        "part /boot --fstype=xfs --size=1024\n",
        "part /boot --fstype=xfs --size=1024\npart / --fstype=xfs --size=9000\n",
    ),
    "mount-point": Example("reqpart\n", "reqpart\npart srv --fstype=xfs --size=1024\n"),
    "passphrase-missing": Example("part pv.01 --size=1 --grow", "part pv.01 --size=1 --grow --encrypted"),
    "partitioning-missing": Example(_PARTITIONING, ""),
    "member-undefined": Example("volgroup system pv.01", "volgroup system pv.02"),
    "member-shared": Example("volgroup system pv.01", "volgroup data pv.01\nvolgroup system pv.01"),
    "member-unused": Example("volgroup system", "part pv.02 --size=4096\nvolgroup system"),
    "group-small": Example("part pv.01 --size=1 --grow", "part pv.01 --size=40960"),
    "group-extent": Example("volgroup system pv.01", "volgroup system pv.01 --pesize=5000"),
    "group-undefined": Example("logvol swap --vgname=system", "logvol swap --vgname=sytem"),
    "pool-undefined": Example("--thin --poolname=pool", "--thin --poolname=pol"),
    "array-small": Example(
        "reqpart\n", "reqpart\npart raid.01 --size=1024\nraid /srv --device=srv --fstype=xfs --level=RAID1 raid.01\n"
    ),
    "array-one-disk": Example(
        "reqpart\n",
        f"reqpart\npart raid.1 --size=900 --ondisk={_DISK}\npart raid.2 --size=900 --ondisk={_DISK}\n"
        "raid /srv --device=srv --fstype=xfs --level=1 raid.1 raid.2\n",
    ),
    "name-reserved": Example("--name=swap --fstype=swap", "--name=snapshot1 --fstype=swap"),
    "reserve-twice": Example(
        "volgroup system pv.01", "volgroup system pv.01 --reserved-space=1024 --reserved-percent=20"
    ),
    "reserve-large": Example(
        "part pv.01 --size=1 --grow\nvolgroup system pv.01",
        "part pv.01 --size=2097152\nvolgroup system pv.01 --reserved-percent=20",
    ),
    "reqpart-with-array": Example(
        "part /boot --fstype=xfs --size=1024\n",
        "part raid.01 --size=1024\npart raid.02 --size=1024\n"
        "raid /boot --device=boot --fstype=xfs --level=RAID1 raid.01 raid.02\n",
    ),
    "boot-drive-link": Example(
        "bootloader --timeout=5", "bootloader --timeout=5 --boot-drive=/dev/disk/by-id/wwn-0x5000000000000001"
    ),
    "boot-partition-missing": Example("reqpart\n", ""),
    "boot-unreadable": Example("part /boot --fstype=xfs", "part /boot --fstype=vfat"),
    "boot-efi": Example(
        "reqpart\n",
        "part raid.1 --size=600\npart raid.2 --size=600\n"
        "raid /boot/efi --device=efi --level=1 --fstype=vfat raid.1 raid.2\n",
    ),
    "boot-loader-none": Example("bootloader --timeout=5", "bootloader --location=none"),
    "boot-password": Example("bootloader --timeout=5", f"bootloader --iscrypted --password={HASH}"),
    "crashkernel": Example("bootloader --timeout=5", "bootloader --append=crashkernel=auto"),
    "kernel-arg": Example("bootloader --timeout=5", "bootloader --append=intel_iommu=on,iommu=pt"),
    "kernel-arg-installer": Example("bootloader --timeout=5", "bootloader --append=inst.text"),
    "fips-late": Example("bootloader --timeout=5", "bootloader --append=fips=1"),
    # --- network ---
    "network-address": Example("--ip=10.0.1.11", "--ip=10.0.1.311"),
    "network-netmask": Example("--netmask=255.255.255.0", "--netmask=255.0.255.0"),
    "network-static": Example("--ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 ", ""),
    "network-gateway": Example("--gateway=10.0.1.1 ", "--gateway=10.0.1 "),
    "network-gateway-outside": Example("--gateway=10.0.1.1 ", "--gateway=10.0.2.1 "),
    "network-name-server": Example("--nameserver=10.0.0.5", "--nameserver=10.0.0.5,dns.example.com"),
    "network-mtu": Example("--device=eno2", "--device=eno2 --mtu=9k"),
    "network-vlan": Example("--device=eno2", "--device=eno2 --vlanid=4095"),
    "network-bond-mode": Example("--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=active-bakup"),
    "network-host-name": Example("--hostname=plain.example.com", "--hostname=plain_1.example.com"),
    "network-member-mac": Example("--device=eno2", "--device=bond0 --bondslaves=52:54:00:aa:00:01,eno3"),
    "network-address-twice": Example(
        "--device=eno2 --bootproto=dhcp", "--device=eno2 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0"
    ),
    "network-address-ignored": Example("--bootproto=static --ip=10.0.1.11", "--ip=10.0.1.11"),
    "network-interface-name": Example("--device=eno2", "--device=enp129s0f1np1d2.500"),
    "network-mac": Example("--device=eno2", "--device=52:54:00:aa:01"),
    "network-vlan-name": Example("--device=eno2", "--device=eno2 --interfacename=vlan200"),
    "network-bond-option": Example("--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=miimom=100"),
    "network-bridge-option": Example("--device=eno2", "--device=br0 --bridgeslaves=eno2 --bridgeopts=stp=off"),
    "network-bridge-order": Example(
        "network --device=eno2 --bootproto=dhcp --noipv6\n",
        "network --device=br0 --bridgeslaves=bond0\n"
        "network --device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=active-backup --noipv4 --noipv6\n",
    ),
    "network-unresolvable": Example(
        "network --device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 "
        "--nameserver=10.0.0.5\nnetwork --device=eno2 --bootproto=dhcp --noipv6\n",
        "network --device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 "
        "--activate\n",
    ),
    "network-host-name-twice": Example("--device=eno2", "--device=eno2 --hostname=other.example.com"),
    "gateway-self": Example("--gateway=10.0.1.1 ", "--gateway=10.0.1.11 "),
    "gateway-reserved": Example("--gateway=10.0.1.1 ", "--gateway=10.0.1.255 "),
    "gateway-without-address": Example("--device=eno2", "--device=eno2 --gateway=10.0.2.1"),
    "gateway-twice": Example(
        "--device=eno2 --bootproto=dhcp",
        "--device=eno2 --bootproto=static --ip=10.0.2.11 --netmask=255.255.255.0 --gateway=10.0.2.1",
    ),
    "dns-without-address": Example(
        "--device=eno2 --bootproto=dhcp --noipv6", "--device=eno2 --noipv4 --noipv6 --nameserver=10.0.0.5"
    ),
    "dns-family": Example("--device=eno2", "--device=eno2 --nameserver=2001:db8::53"),
    "dns-twice": Example("--nameserver=10.0.0.5", "--nameserver=10.0.0.5,10.0.0.5"),
    "mtu-small": Example("--device=eno2 --bootproto=dhcp --noipv6", "--device=eno2 --mtu=1000 --ipv6=auto"),
    "mtu-above-parent": Example(
        "--bootproto=dhcp --noipv6\n",
        "--bootproto=dhcp --noipv6\nnetwork --device=eno2 --vlanid=200 --mtu=9000 --noipv6\n",
    ),
    "interface-missing": Example("--device=eno2", "--device=bond0 --vlanid=200"),
    "interface-loop": Example("--device=eno2", "--device=vlan200 --vlanid=200 --interfacename=vlan200"),
    "member-of-itself": Example("--device=eno2", "--device=bond0 --bondslaves=bond0"),
    "member-twice": Example("--device=eno2", "--device=bond0 --bondslaves=eno2,eno2"),
    "member-kind": Example(
        "--bootproto=dhcp --noipv6\n",
        "--vlanid=200 --noipv4 --noipv6\nnetwork --device=br0 --bridgeslaves=eno2.200 --noipv6\n",
    ),
    "member-with-address": Example(
        "--bootproto=dhcp --noipv6\n",
        "--bootproto=dhcp --noipv6\nnetwork --device=bond0 --bondslaves=eno2,eno3 --noipv6\n",
    ),
    "vlan-twice": Example(
        "--bootproto=dhcp --noipv6\n",
        "--vlanid=200 --noipv6\nnetwork --device=eno2 --vlanid=200 --interfacename=storage --noipv6\n",
    ),
    "interface-misspelt": Example(
        "--bootproto=dhcp --noipv6\n",
        "--bootproto=dhcp --noipv6\nnetwork --device=storage --bondslaves=eno3,eno4 --noipv6\n"
        "network --device=storag --vlanid=200 --noipv6\n",
    ),
    "interface-option": Example(
        "--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=802.3ad,lacp_rate=quick"
    ),
    "bond-options": Example(
        "--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=active-backup,arp_interval=1000"
    ),
    "bond-option-mode": Example(
        "--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=802.3ad,primary=eno2"
    ),
    "bond-primary": Example(
        "--device=eno2", "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=active-backup,primary=eno4"
    ),
    "bridge-over-bond": Example(
        "--device=eno2 --bootproto=dhcp --noipv6\n",
        "--device=bond0 --bondslaves=eno2,eno3 --bondopts=mode=balance-alb --noipv4 --noipv6\n"
        "network --device=br0 --bridgeslaves=bond0 --noipv6\n",
    ),
    "vlan-on-vlan": Example(
        "--bootproto=dhcp --noipv6\n",
        "--vlanid=200 --noipv4 --noipv6\nnetwork --device=eno2.200 --vlanid=300 --interfacename=storage --noipv6\n",
    ),
    "vlan-name": Example("--device=eno2", "--device=eno2 --vlanid=200 --interfacename=vlan20"),
    "subnet-twice": Example(
        "--device=eno2 --bootproto=dhcp", "--device=eno2 --bootproto=static --ip=10.0.1.12 --netmask=255.255.255.0"
    ),
    "vlan-on-member": Example(
        "--bootproto=dhcp --noipv6\n",
        "--vlanid=200 --noipv6\nnetwork --device=bond0 --bondslaves=eno2,eno3 --noipv6\n",
    ),
    "network-without-address": Example(
        PLAIN[PLAIN.index("network --device=eno1") : PLAIN.index("network --hostname")],
        "network --device=eno1 --noipv4 --noipv6\n",
    ),
    "iscsi-port": Example(
        "zerombr\n", "zerombr\niscsiname iqn.2024-01.com.example:plain\niscsi --ipaddr=10.0.0.9 --port=99999\n"
    ),
    "iscsi-address": Example(
        "zerombr\n", "zerombr\niscsiname iqn.2024-01.com.example:plain\niscsi --ipaddr=10.0.0.999\n"
    ),
    "iscsi-name": Example("zerombr\n", "zerombr\niscsiname com.example:plain\niscsi --ipaddr=10.0.0.9\n"),
    # --- people and place ---
    "password-readable": Example("rootpw --iscrypted " + HASH, "rootpw Secret.123"),
    "password-no-hash": Example("rootpw --iscrypted " + HASH, "rootpw --iscrypted Secret.123"),
    "password-hash-as-text": Example("rootpw --iscrypted " + HASH, "rootpw " + HASH),
    "password-hash-weak": Example("rootpw --iscrypted " + HASH, "rootpw --iscrypted $1$saltsalt$" + "A" * 22),
    "user-account": Example("services --enabled=sshd", "services --enabled=sshd\nuser --name=ops --shell=bash"),
    "user-group": Example("--groups=wheel", "--groups=sudo"),
    "sudo-without-password": Example(f"--groups=wheel --password={HASH} --iscrypted", "--groups=wheel"),
    "ssh-key-unusable": Example(KEY, "AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI"),
    "ssh-key-owner": Example("sshkey --username=erika", "sshkey --username=erica"),
    "no-login": Example(
        f"rootpw --iscrypted {HASH}\nuser --name=erika --groups=wheel --password={HASH} --iscrypted\n"
        f"sshkey --username=erika '{KEY}'\n",
        "rootpw --lock\n",
    ),
    "time-zone-unknown": Example("timezone Etc/UTC", "timezone Europe/Viena"),
    "time-source": Example("--ntp-server=ntp.example.com", "--ntp-server=http://ntp.example.com/"),
    "keyboard-unknown": Example("keyboard us", "keyboard en_US"),
    "language-unknown": Example("lang en_US.UTF-8", "lang en_UX.UTF-8"),
    "service-both": Example("services --enabled=sshd", "services --enabled=sshd,kdump --disabled=kdump"),
    "service-name": Example("services --enabled=sshd", 'services --enabled="sshd chronyd"'),
    "service-node": Example("bootloader --timeout=5\n", "bootloader --timeout=5\nservices --disabled=sshd\n", "small"),
    "firewall-port": Example("services --enabled=sshd", "services --enabled=sshd\nfirewall --enabled --port=80800:tcp"),
    "firewall-service": Example(
        "services --enabled=sshd", "services --enabled=sshd\nfirewall --enabled --service=sshd"
    ),
    # --- nodes ---
    "source-twice": Example("liveimg ", "url --url=http://pxe.example.com/el9/\nliveimg ", "node"),
    "source-missing": Example("url --url=http://pxe.example.com/el9/\n", ""),
    "packages-with-image": Example(_POST, "%packages\n@core\n%end\n\n" + _POST, "alone"),
    "image-url": Example("liveimg --url=http://", "liveimg --url=tftp://", "node"),
    "url-iso": Example("/node.squashfs.img", "/node.iso", "node"),
    "image-checksum": Example("/node.squashfs.img", "/node.squashfs.img --checksum=d41d8cd98f00b204", "node"),
    "image-unchecked": Example(f" --checksum={'3f0a377b' * 8}", "", "small"),
    "image-may-be-node": Example(
        _FROM_SOURCE,
        _FROM_SOURCE.replace(
            "url --url=http://pxe.example.com/el9/\n",
            f"liveimg --url=http://pxe.example.com/host.squashfs.img --checksum={'3f0a377b' * 8}\n",
        ).replace("%packages\n@core\n%end\n", ""),
    ),
    "tls-not-verified": Example(
        "--url=http://pxe.example.com/node", "--noverifyssl --url=https://pxe.example.com/node", "node"
    ),
    "imgbase-missing": Example("imgbase --debug layout --init\n", "", "small"),
    "imgbase-options": Example("imgbase --debug layout --init\n", "imgbase layout --debug --init\n", "small"),
    "imgbase-failure-ignored": Example("imgbase --debug layout --init\n", "imgbase layout --init || true\n", "small"),
    "imgbase-not-last": Example(
        "END_OF_IMGBASE_PY\n%end\n",
        "END_OF_IMGBASE_PY\n%end\n\n%post --erroronfail\ndnf -y --enablerepo=site install tmux\n%end\n",
        "alone",
    ),
    "imgbase-nodectl": Example("imgbase --debug layout --init\n", "nodectl init\n", "small"),
    "imgbase-nochroot": Example(_POST, "%post --nochroot --erroronfail --log=/tmp/ovirt-node-init.log", "alone"),
    "addon-name": Example("%addon com_redhat_kdump", "%addon com_redhat_kdmp"),
    "addon-section": Example("volume /data 20 GiB", "volume /data 20", "node"),
    "certificate-option": Example(
        "%pre\n", "%certificate --filename=site.pem --type=anchor\n-----BEGIN CERTIFICATE-----\n%end\n\n%pre\n"
    ),
    "node-service-missing": Example(
        "imgbase --debug layout --init\n%end\n",
        "dnf -y --enablerepo=site install zabbix-agent2\nimgbase --debug layout --init\n%end\n"
        "services --enabled=zabbix-agent2\n",
        "small",
    ),
    "node-service-wanted": Example(
        "mkdir --parents /var/imgbased\n", "systemctl disable cockpit.socket\nmkdir --parents /var/imgbased\n", "small"
    ),
    "node-chkconfig": Example(
        "mkdir --parents /var/imgbased\n", "chkconfig snmpd on\nmkdir --parents /var/imgbased\n", "small"
    ),
    "node-kdump-off": Example(
        "%post --erroronfail\n",
        "%addon com_redhat_kdump --enable --reserve-mb=auto\n%end\n\n%post --erroronfail\n",
        "small",
    ),
    "node-no-repository": Example(
        "mkdir --parents /var/imgbased\n", "dnf -y install tmux\nmkdir --parents /var/imgbased\n", "small"
    ),
    "node-etc-removed": Example(
        "mkdir --parents /var/imgbased\n",
        "rm -f /etc/cockpit/disallowed-users\nmkdir --parents /var/imgbased\n",
        "small",
    ),
    "node-mode-undone": Example(
        "mkdir --parents /var/imgbased\n", "chmod 0600 /etc/crontab\nmkdir --parents /var/imgbased\n", "small"
    ),
    "node-file-rewritten": Example(
        "mkdir --parents /var/imgbased\n",
        "sed -i 's/^PermitRootLogin.*/PermitRootLogin no/' /etc/ssh/sshd_config\nmkdir --parents /var/imgbased\n",
        "small",
    ),
    "selinux-off": Example("bootloader --timeout=5\n", "bootloader --timeout=5\nselinux --disabled\n", "small"),
    "node-autopart": Example(
        SMALL[SMALL.index("reqpart\n") : SMALL.index("\n%post")], "autopart --type=thinp\n", "small"
    ),
    # --- the layout of a node ---
    "boot-missing": Example("part /boot --fstype=xfs --size=2048\n", "", "small"),
    "boot-too-small": Example("part /boot --fstype=xfs --size=2048", "part /boot --fstype=xfs --size=1000", "small"),
    "boot-small": Example("part /boot --fstype=xfs --size=2048", "part /boot --fstype=xfs --size=1024", "small"),
    "boot-large": Example("part /boot --fstype=xfs --size=2048", "part /boot --fstype=xfs --size=65536", "small"),
    "boot-kind": Example(
        _BOOT_TO_POOL,
        _BOOT_TO_POOL.removeprefix("part /boot --fstype=xfs --size=2048\n")
        + "logvol /boot --vgname=onn --name=boot --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard "
        "--size=2048\n",
        "small",
    ),
    "root-small": Example(
        "--fsoptions=defaults,discard --size=10240\nlogvol /var",
        "--fsoptions=defaults,discard --size=5120\nlogvol /var",
        "small",
    ),
    "root-large": Example(
        "--fsoptions=defaults,discard --size=10240\nlogvol /var",
        "--fsoptions=defaults,discard --size=53248\nlogvol /var",
        "small",
    ),
    "root-missing": Example("logvol / --vgname=onn --name=root", "logvol /data --vgname=onn --name=root", "small"),
    "volume-missing": Example("logvol /var --vgname=onn --name=var", "logvol /srv --vgname=onn --name=srv", "small"),
    "disks-more": Example(
        "part pv.01 --size=1 --grow --ondisk=/dev/disk/by-node/system0\nvolgroup onn pv.01",
        "ignoredisk --only-use=/dev/disk/by-node/system1\n"
        "part pv.01 --size=1 --grow --ondisk=/dev/disk/by-node/system0\n"
        "part pv.02 --size=1 --grow --ondisk=/dev/disk/by-node/system1\nvolgroup onn pv.01 pv.02",
        "node",
    ),
    "volume-wish-missing": Example("volume /data 20 GiB", "volume /srv 20 GiB", "node"),
    "volume-below-wish": Example("volume /data 20 GiB", "volume /data 40 GiB", "node"),
    "volume-small": Example(
        "--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=10240",
        "--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=4096",
        "small",
    ),
    "volume-not-thin": Example(
        "--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard",
        "--name=var --fstype=xfs",
        "small",
    ),
    "volume-filesystem": Example(
        "--name=var --thin --poolname=pool00 --fstype=xfs", "--name=var --thin --poolname=pool00 --fstype=ext3", "small"
    ),
    "volume-option": Example(
        "--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard",
        "--name=var --thin --poolname=pool00 --fstype=xfs",
        "small",
    ),
    "volume-place": Example(
        "logvol swap --vgname=onn --name=swap --fstype=swap --size=4096\n",
        "logvol swap --vgname=onn --name=swap --fstype=swap --size=4096\n"
        "logvol /usr --vgname=onn --name=usr --size=10240\n",
        "small",
    ),
    "over-provisioned": Example(
        "--size=1 --grow\nvolgroup onn pv.01 --reserved-space=20480\n"
        "logvol none --vgname=onn --name=pool00 --thinpool --size=48128",
        "--size=46000\nvolgroup onn pv.01 --reserved-space=20480\n"
        "logvol none --vgname=onn --name=pool00 --thinpool --size=1",
        "small",
    ),
    "cannot-update": Example("--size=48128 --grow", "--size=15360", "small"),
    "reserve-too-small": Example("--reserved-space=20480", "", "small"),
    "reserve-small": Example("--reserved-space=20480", "--reserved-space=6144", "small"),
    "metadata-small": Example("--metadatasize=1024", "--metadatasize=256", "small"),
    "swap-thin": Example("--name=swap --fstype=swap", "--name=swap --thin --poolname=pool00 --fstype=swap", "small"),
    # --- oVirt hosts without a node image ---
    "host-release-old": Example("centos-release-ovirt45", "centos-release-ovirt44", "host"),
    "host-module": Example("zerombr\n", "zerombr\nmodule --name=virt --stream=rhel\n", "host"),
    "host-packages-ignored": Example("%packages --exclude", "%packages --ignoremissing --exclude", "host"),
    "host-repository-key": Example("--includepkgs=ovirt-*,vdsm*", "--install", "host"),
    "host-watchdog": Example("chrony\n", "chrony\nwatchdog\n", "host"),
    "host-autopart": Example(_PARTITIONING_OF_HOST, "autopart --type=lvm\n", "host"),
    "host-thin-pool": Example(
        "logvol / --vgname=el",
        "logvol none --vgname=el --name=p --thinpool --size=40960\nlogvol / --thin --poolname=p --vgname=el",
        "host",
    ),
    "host-root-small": Example("--name=root --fstype=xfs --size=15360", "--name=root --fstype=xfs --size=4096", "host"),
    "host-volume-missing": Example("logvol /var --vgname=el --name=var --fstype=xfs --size=15360\n", "", "host"),
    "host-volume-small": Example("--name=var --fstype=xfs --size=15360", "--name=var --fstype=xfs --size=5120", "host"),
    "network-team": Example("network --device=eno1", "network --device=team0 --teamslaves=eno1,eno2", "host"),
}
