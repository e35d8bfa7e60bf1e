# How a machine that scripts/vm-test boots says what came of its tests, and how that is read: for the sh of busybox
# inside, and for bash outside. Lines are looked for anywhere, as the kernel prints on the same console.

# A failure is told by a file, too: it outlasts the process that saw it, and no output can hide it.
: "${VM_FAILED:=/failed}"

run() { # NAME COMMAND…: a test that skips itself did not run, and that is a failure here
  name=$1
  shift
  "$@" 2>&1
  result=$?
  [ $result = 0 ] || : >"$VM_FAILED"
  # On a line of its own, although a test that dies may leave one begun.
  printf '\nVM-RESULT %s %s\n' "$name" $result
}

finish() { # MODE: the end of a boot, which is told only when nothing failed
  if [ -e "$VM_FAILED" ]; then
    printf '\nVM-FAILED %s\n' "$1"
  else
    printf '\nVM-DONE %s\n' "$1"
  fi
}

verdict() { # MODE LOG
  ! grep -E 'VM-RESULT [^ ]+ [^0]|VM-FAILED|\[  SKIPPED ' "$2" || return 1
  grep -q "VM-DONE $1\$" "$2" || { echo "vm-test: $1 did not come to its end"; return 1; }
}
