# Becomes the first program of a container: its own root, read-only but for what is mounted, and no privileges.
# Run in new mount and process namespaces. Arguments: ROOT BINDS HOSTS IDS ENVIRONMENT DIRECTORY PROGRAM ARGUMENT...
#   BINDS, ENVIRONMENT: files with one "SOURCE TARGET ro|rw" or one NAME=VALUE a line; IDS: "UID GID", or - to keep them
set -eu
root=$1 binds=$2 hosts=$3 ids=$4 environment=$5 directory=$6
shift 6
mount --make-rprivate /
mount -t tmpfs -o mode=0755 room "$root"
mkdir -p "$root/etc" "$root/proc" "$root/dev/shm" "$root/tmp" "$root$directory"
mount -t tmpfs -o mode=1777,size=256m scratch "$root/tmp" # before the binds: the tests' own folder may lie in it
for folder in bin sbin lib lib64; do
    if [ -L "/$folder" ]; then cp -P "/$folder" "$root/$folder"; else mkdir "$root/$folder" && mount --rbind "/$folder" "$root/$folder"; fi
done
while read -r source target mode; do
    if [ -d "$source" ]; then mkdir -p "$root$target"; else mkdir -p "$root$(dirname "$target")" && touch "$root$target"; fi
    mount --bind "$source" "$root$target"
    if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root$target"; fi
done <"$binds"
for device in null zero random urandom; do touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; done
cp "$hosts" "$root/etc/hosts"
echo 'hosts: files' >"$root/etc/nsswitch.conf"
printf 'root:x:0:0::/:/bin/sh\nfairtrial:x:10001:10001::/tmp:/bin/sh\n' >"$root/etc/passwd"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -o remount,bind,ro "$root"
privileges=''
if [ "$ids" != - ]; then
    privileges="--reuid=${ids% *} --regid=${ids#* } --clear-groups"
fi
# One variable a line, as the compose file and the image declare them; nothing else is inherited.
set -- setpriv $privileges --inh-caps=-all --bounding-set=-all --no-new-privs -- "$@"
while read -r line; do set -- "$line" "$@"; done <"$environment"
exec chroot "$root" /usr/bin/env --chdir="$directory" -i "$@"
