# Runs in an installed node, as a service after all others: what it says of itself goes out by the second serial port.
part() { printf '== %s\n' "$1"; shift; "$@" 2>/dev/null; }
stty -F /dev/ttyS1 raw -echo
{
    # Firmware and boot loader have been on this line, and did not end theirs.
    echo
    part layer imgbase w
    part layers imgbase layout
    part check imgbase check
    ! command -v nodectl >/dev/null || part nodectl nodectl --machine-readable check
    part cmdline cat /proc/cmdline
    part mounts findmnt --json --list --output=TARGET,SOURCE,FSTYPE,OPTIONS
    part volumes lvs --units=b --nosuffix --reportformat=json -o vg_name,lv_name,lv_size,pool_lv,lv_tags,data_percent
    part groups vgs --units=b --nosuffix --reportformat=json -o vg_name,vg_size,vg_free
    part boot stat -f -c '%b %S' /boot
    part written cat /etc/lab-real /root/lab-real /usr/local/lab-real /var/lab-real
    part failed systemctl --failed --plain --no-legend
    part end
} >/dev/ttyS1
sleep 1
systemctl poweroff
