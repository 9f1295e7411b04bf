# Runs in a machine of the lab after the storage is there: what Anaconda does with a node image, in its order.
# The image is on /dev/sr2; imgbase.tar goes over it; posts/N and posts/N.interpreter are the kickstart's %post scripts.
set -e
root=/mnt/sysroot
mkdir -p /mnt/image $root/boot/grub2
mount -t squashfs -o ro /dev/sr2 /mnt/image
# 23, as Anaconda has it too: the EFI system partition keeps no owners.
rsync -aAXH --exclude /dev/ --exclude /proc/ --exclude /sys/ --exclude /run/ --exclude /tmp/ /mnt/image/ $root/ || [ $? = 23 ]
umount /mnt/image
mkdir -p $root/dev $root/proc $root/sys $root/run $root/tmp; chmod 1777 $root/tmp
tar xf imgbase.tar -C $root
release=$(basename $root/boot/vmlinuz-*); release=${release#vmlinuz-}
echo "lab: the image is copied"

jq -r '.[] | (if .source | startswith("/dev/mapper/onn") then .source else "UUID=" + .uuid end)
    + " " + .target + " " + .fstype + " " + .options + " 0 0"' "$OUT/mounts.json" >$root/etc/fstab
echo "/dev/mapper/onn-swap none swap defaults 0 0" >>$root/etc/fstab

modprobe -a dm-snapshot
for d in dev proc sys run; do mount --rbind /$d $root/$d; mount --make-rslave $root/$d; done
mount -t selinuxfs selinuxfs $root/sys/fs/selinux
# As in an installer: a policy in the kernel, and labels on the files, which rsync of an update wants on both of its ends.
chroot $root load_policy -i
chroot $root setfiles -F -e /dev -e /proc -e /sys -e /run /etc/selinux/targeted/contexts/files/file_contexts /
echo "lab: the files have labels"
# shellcheck disable=SC2154  # the job sets it
printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check %s rd.lvm.lv=onn/root rd.lvm.lv=onn/swap"\n' \
    "$selinux" >$root/etc/default/grub
chroot $root systemd-machine-id-setup
chroot $root kernel-install add "$release" "/boot/vmlinuz-$release"
chroot $root grub2-editenv /boot/grub2/grubenv create
chroot $root grub2-editenv /boot/grub2/grubenv set "saved_entry=$(cat $root/etc/machine-id)-$release"
for disk in /dev/disk/by-node/system*; do
    disk=$(readlink -f "$disk")
    [ -d /sys/firmware/efi ] || chroot $root grub-install --target=i386-pc "$disk"
done
[ ! -d /sys/firmware/efi ] ||
    chroot $root grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot $root grub2-mkconfig -o /boot/grub2/grub.cfg
echo "lab: the boot loader is installed"

# shellcheck disable=SC1091  # the job brings it
. ./before-posts
status=0
for post in posts/*.script; do
    cp "$post" $root/tmp/ks-script; chmod 700 $root/tmp/ks-script
    log=$(cat "${post%.script}.log")
    # shellcheck disable=SC2046  # a program and its arguments
    trace "$(basename "${post%.script}")" chroot $root $(cat "${post%.script}.interpreter") /tmp/ks-script \
        >"$root/${log:-/tmp/post.log}" 2>&1 || status=$?
    cat "$root/${log:-/tmp/post.log}" >"$OUT/$(basename "$post").log"
    rm $root/tmp/ks-script
    [ $status = 0 ] || break
done
echo "lab: the last %post ended with $status"
