#!/bin/sh
# Installs the package in a bare Debian (a fresh chroot without Python) and starts it there. Needs root and mmdebstrap.
#
#   packaging/deb/smoke.sh dist/trimtab-gui_0.1.0_amd64.deb [PNG]
#
# The client must draw its window, offscreen and on a virtual display, and say nothing on standard error.
set -eu

package=$1
picture=${2:-}
mirror=${MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" -eq 0 ] || { echo "run as root: a chroot is made" >&2; exit 1; }
command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
chroot=$(mktemp -d)
trap 'rm -rf "$chroot"' EXIT

mmdebstrap --quiet --variant=minbase bookworm "$chroot" "$mirror"
chroot "$chroot" sh -c '! command -v python3' || { echo "this chroot has a Python: it proves nothing" >&2; exit 1; }
cp "$package" "$chroot/root/trimtab-gui.deb"
chroot "$chroot" sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq
    apt-get install -y -qq --no-install-recommends /root/trimtab-gui.deb xvfb xauth >/root/apt.log 2>&1 || { cat /root/apt.log; exit 1; }'
for display in "QT_QPA_PLATFORM=offscreen" "xvfb-run -a"; do
    chroot "$chroot" sh -c "cd /root && env LC_ALL=C.UTF-8 $display trimtab-gui --language ja \
        --screenshot /root/window.png --quit-after-screenshot 2>/root/errors" || { cat "$chroot/root/errors"; exit 1; }
    test -s "$chroot/root/window.png" || { echo "no window was drawn with $display" >&2; exit 1; }
    test ! -s "$chroot/root/errors" || { echo "standard error is not empty with $display:" >&2; cat "$chroot/root/errors"; exit 1; }
    echo "started with $display: $(stat -c %s "$chroot/root/window.png") bytes of picture"
    [ -z "$picture" ] || cp "$chroot/root/window.png" "$picture"
    rm -f "$chroot/root/window.png"
done
