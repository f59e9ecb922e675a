#!/bin/sh
# Builds dist/trimtab-gui_VERSION_ARCH.deb: the desktop client with its own Python and Qt, in /opt/trimtab-gui.
#
#   packaging/deb/build.sh            (or: make deb)
#
# Build on the oldest Debian that is to be served: the package needs at least this machine's C library.
# COMPRESSION=xz makes it a quarter smaller and takes minutes; the default, zstd, takes seconds.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/packaging/deb
build=$root/build/deb
python=${PYTHON:-python3}
compression=${COMPRESSION:-zstd}
id=io.github.trimtab.Trimtab

command -v dpkg-deb >/dev/null || { echo "dpkg-deb is needed: build on Debian or Ubuntu" >&2; exit 1; }
command -v objdump >/dev/null || { echo "PyInstaller needs objdump: sudo apt-get install binutils" >&2; exit 1; }

# An environment of its own: the client without torch and without the tools of development.
test -x "$build/venv/bin/python" || "$python" -m venv "$build/venv"
PIP_CONSTRAINT=$root/packaging/constraints.txt "$build/venv/bin/python" -m pip install --quiet \
    --disable-pip-version-check "$root[gui]" pyinstaller==6.22.3

"$build/venv/bin/pyinstaller" --noconfirm --log-level WARN \
    --distpath "$build/dist" --workpath "$build/work" "$here/trimtab-gui.spec"

version=$("$build/venv/bin/python" -c 'from importlib.metadata import version; print(version("trimtab"))')
architecture=$(dpkg --print-architecture)
tree=$build/tree
rm -rf "$tree"
mkdir -p "$tree/DEBIAN" "$tree/opt" "$tree/usr/bin" "$tree/usr/share/applications" "$tree/usr/share/metainfo" \
    "$tree/usr/share/icons/hicolor/scalable/apps" "$tree/usr/share/doc/trimtab-gui"
cp -r "$build/dist/trimtab-gui" "$tree/opt/trimtab-gui"
ln -s /opt/trimtab-gui/trimtab-gui "$tree/usr/bin/trimtab-gui"
cp "$here/$id.desktop" "$tree/usr/share/applications/"
cp "$here/$id.metainfo.xml" "$tree/usr/share/metainfo/"
cp "$root/gui/trimtab_gui/resources/trimtab.svg" "$tree/usr/share/icons/hicolor/scalable/apps/$id.svg"
cp "$root/LICENSE" "$tree/usr/share/doc/trimtab-gui/copyright"
# Qt is used under the LGPL: its licence, and those of everything else inside, go with it.
"$build/venv/bin/python" "$here/licences.py" >"$tree/usr/share/doc/trimtab-gui/third-party-licences.txt"

cat >"$tree/DEBIAN/control" <<CONTROL
Package: trimtab-gui
Version: $version
Section: devel
Priority: optional
Architecture: $architecture
Installed-Size: $(du -sk "$tree" | cut -f1)
Depends: libc6 (>= $(ldd --version | sed -n '1s/.* //p')), libegl1, libgl1, libfontconfig1, libxkbcommon0, libdbus-1-3, fonts-noto-cjk | fonts-ipafont-gothic | fonts-vlgothic
Maintainer: Trimtab contributors <security@trimtab.invalid>
Description: desktop client of the Trimtab steering gateway
 Chat side by side with and without steering vectors, watch drift, release a
 snapshot step by step, and roll a bad one back at once. It connects to a
 Trimtab server, here or elsewhere.
CONTROL

mkdir -p "$root/dist"
package=$root/dist/trimtab-gui_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"$compression" --build "$tree" "$package" >/dev/null
echo "$package ($(du -h "$package" | cut -f1), $(du -sh "$tree" | cut -f1) installed)"
