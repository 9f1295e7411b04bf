# SPDX-License-Identifier: GPL-2.0-or-later
"""How an initramfs of the lab begins on an installer's medium: as dracut's anaconda module does."""

from __future__ import annotations

# Loads its modules. Then $device is the medium with the label of inst.stage2, and $ks the kickstart's path on it.
FIND_MEDIUM = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </modules/order
for word in $(cat /proc/cmdline); do
    case $word in
        inst.stage2=hd:LABEL=*) label=${word#inst.stage2=hd:LABEL=} ;;
        inst.ks=hd:LABEL=*) ks=${word##*:} ;;
    esac
done
for second in $(seq 60); do device=$(findfs "LABEL=$label") && break; sleep 1; done
"""
