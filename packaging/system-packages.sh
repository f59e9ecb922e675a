#!/bin/sh
# System libraries that the desktop client needs (and, with --tests, a virtual display to test it on).
# As root on Debian or Ubuntu it installs what is missing; otherwise it prints one line and fails.
set -eu

runtime="libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libfreetype6 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0"
display="xvfb xauth openbox xdotool"
japanese_font="fonts-noto-cjk"

wanted=$runtime
[ "${1:-}" = "--tests" ] && wanted="$wanted $display"

command -v dpkg-query >/dev/null 2>&1 || exit 0 # Not Debian: the distribution's Qt packages bring these.

missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
for font in fonts-noto-cjk fonts-ipafont-gothic fonts-vlgothic; do
    dpkg-query -W -f='${Status}' "$font" 2>/dev/null | grep -q 'ok installed' && japanese_font=""
done
missing="$missing${japanese_font:+ $japanese_font}"
[ -z "$(echo $missing)" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "The desktop client needs system libraries. Run once: sudo apt-get install$missing" >&2
    exit 1
fi
echo "Installing system libraries:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing >/dev/null
