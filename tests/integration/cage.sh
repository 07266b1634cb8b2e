# Runs a command as a container would: as a user who is nobody, without capabilities, and with no writable file but a
# folder of its own (at /mnt), a /tmp of its own there, and what the kernel gives every container (/dev, /proc, /sys).
#
#   unshare --mount --propagation private sh cage.sh FOLDER LOCKED TREES… -- COMMAND…
#
# LOCKED: a folder on the way to the interpreter that only root may enter, or "-"; TREES: what is needed below it.
set -eu
folder=$1
locked=$2
shift 2
if [ "$locked" != "-" ]; then
    mount --bind "$locked" /mnt
    mount -t tmpfs -o mode=0755 tmpfs "$locked"
fi
while [ "$1" != "--" ]; do
    mkdir -p "$1"
    mount --bind "/mnt${1#"$locked"}" "$1"
    shift
done
shift
if [ "$locked" != "-" ]; then umount --lazy /mnt; fi
mount --bind "$folder" /mnt
awk '{print $5}' /proc/self/mountinfo | sort -u | while read -r at; do
    case "$at" in
    /mnt | /mnt/* | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
    *) mount -o remount,bind,ro "$at" ;;
    esac
done
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs /mnt/tmp
cd /mnt
exec setpriv --reuid 10001 --regid 10001 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs -- "$@"
