#!/bin/sh
# How the binaries in this folder were made, once, from the header whose hash is in the README, with gcc 12.2 of Debian 12.
# They are never made again: `recipe.sh FOLDER` makes others for comparison.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sdk=$(cd "$here/../../../../sdk" && pwd)
for name in checker driver; do
  ${CC:-gcc} -std=gnu11 -Os -shared -fPIC -fvisibility=hidden -fno-asynchronous-unwind-tables -ffile-prefix-map="$here"=. \
    -Wall -Wextra -Wpedantic -Werror -DSYSP_TARGET_MINOR=0 -I"$sdk/include" "$here/$name.c" -o "$1/$name.so" -s \
    -Wl,--version-script="$sdk/cmake/plugin.map" -Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,noseparate-code -Wl,--build-id=none
done
