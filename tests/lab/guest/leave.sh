# Everything unmounted, so that a boot loader finds it written.
sync
cd /
pkill dmeventd || true
umount -R /mnt/sysroot/boot || true
umount -R /mnt/sysroot || umount -R -l /mnt/sysroot
vgchange -q -an || true
sync
