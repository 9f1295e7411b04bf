#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds AnacondaWidgets, the C library of Anaconda's graphical interface, from a release's source tree:
#
#     build_widgets.sh REF        rhel-9, rhel-10, main: widgets-REF beside the tree anaconda-REF, in $ANACONDA_BENCH
#
# As Anaconda's widgets/src/Makefile.am does, without autotools. GTK 3 is binary compatible, so a library that was built
# here also works with the newer GTK of the root in which the code of rhel-10 and main runs. Debian: build-essential,
# gobject-introspection, libgirepository1.0-dev, libgtk-3-dev, libxklavier-dev.
set -euo pipefail
trees=${ANACONDA_BENCH:-$HOME/.cache/anaconda-bench}
source=$trees/anaconda-$1/widgets/src
target=$trees/widgets-$1
version=$(sed -n 's/^INTROSPECTION_GIRS = AnacondaWidgets-\(.*\)\.gir$/\1/p' "$source/Makefile.am")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$source"/*.c "$source"/*.h "$work"
cd "$work"

# In the place of gnulib's, and of what configure writes.
cat >gettext.h <<'END'
#include <libintl.h>
#include <glib.h>
#define dpgettext(domain, context, text) g_dpgettext2(domain, context, text)
END
: >config.h
for description in "$source"/dbus/*.xml; do
    [ -e "$description" ] || continue # EL9's has none
    gdbus-codegen --interface-prefix org.fedoraproject.Anaconda.Modules. --c-namespace An \
        --generate-c-code an-localization --output-directory . "$description"
done
{
    echo '<gresources><gresource prefix="/org/fedoraproject/anaconda/widgets">'
    for file in "$source"/resources/*; do
        case $file in
            *.png) echo "<file preprocess='to-pixdata'>${file##*/}</file>" ;;
            *) echo "<file>${file##*/}</file>" ;;
        esac
    done
    echo '</gresource></gresources>'
} >resources.xml
for kind in header source; do
    name=resources.${kind:0:1}
    [ $kind = header ] || name=resources.c
    glib-compile-resources --target="$name" --sourcedir="$source/resources" --c-name anaconda_widgets \
        --generate-$kind --internal resources.xml
done

flags=(-DENABLE_NLS=1 '-DWIDGETS_DATADIR="/usr/share/anaconda"' '-DGETTEXT_PACKAGE="anaconda"')
read -ra include < <(pkg-config --cflags gtk+-x11-3.0 gio-unix-2.0 libxklavier)
read -ra link < <(pkg-config --libs gtk+-x11-3.0 gio-unix-2.0 libxklavier)
gcc -w -shared -fPIC -O1 -I. "${include[@]}" "${flags[@]}" -Wl,-soname,libAnacondaWidgets.so.4 \
    -o libAnacondaWidgets.so.4 ./*.c "${link[@]}"
ln -s libAnacondaWidgets.so.4 libAnacondaWidgets.so
described=()
for name in BaseWindow DiskOverview HubWindow MountpointSelector SpokeSelector SpokeWindow StandaloneWindow \
    LayoutIndicator BaseStandalone widgets-common; do
    described+=("$name.c" "$name.h")
done
LD_LIBRARY_PATH=. g-ir-scanner --quiet --no-libtool --identifier-prefix=Anaconda --symbol-prefix=anaconda \
    --namespace=AnacondaWidgets --nsversion="$version" --include=Gtk-3.0 --include=Xkl-1.0 --library=AnacondaWidgets \
    -L. -I. "${include[@]}" "${flags[@]}" --output="AnacondaWidgets-$version.gir" "${described[@]}" >&2
g-ir-compiler --shared-library=libAnacondaWidgets.so.4 -o "AnacondaWidgets-$version.typelib" "AnacondaWidgets-$version.gir"

# Whole or not at all: several tests may build it at the same time.
mkdir built
cp -a libAnacondaWidgets.so* "AnacondaWidgets-$version.typelib" built/
rm -rf "$target.$$"
cp -a built "$target.$$"
mv -T "$target.$$" "$target" 2>/dev/null || rm -rf "$target.$$" # another one was faster
