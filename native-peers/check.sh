#!/bin/sh
# check.sh BIN: runs source and sink of the folder BIN against each other over a socket in a folder of its own.
# It refuses to wait for ever: each peer has 60 seconds, and the sink has 5 to say that it listens.
# Invariant: it ends only what it started, and leaves nothing behind.
set -eu
bin=$1
folder=$(mktemp -d)
waiting=
trap 'test -z "$waiting" || kill "$waiting" 2>/dev/null || true; rm -rf "$folder"' EXIT

# run FIRST-COMMAND -- SECOND-COMMAND: the first one listens; both have to end well.
run() {
  first=
  while [ "$1" != -- ]; do first="$first $1"; shift; done
  shift
  : >"$folder/first"
  timeout 60 $first >"$folder/first" &
  waiting=$!
  tries=0
  until [ -s "$folder/first" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 250 ] || { echo "check.sh: nobody listens: $first" >&2; exit 1; }
    sleep 0.02
  done
  ended=0
  timeout 60 "$@" >"$folder/second" || ended=$?
  wait "$waiting" || ended=$?
  waiting=
  return "$ended" # by hand: set -e is off inside a condition
}

for pair in 0:100000 1:100000 8:100000 64:100000 1000:20000 65536:300 1000000:40; do
  size=${pair%:*}
  count=${pair#*:}
  run "$bin/sink" "$folder/socket" --count "$count" --verify -- "$bin/source" "$folder/socket" --count "$count" --size "$size"
  grep -q "\"count\":$count,\"bytes\":$((count * size)),.*\"in_order\":true" "$folder/first"
  run "$bin/source" "$folder/socket" --listen --count "$count" --size "$size" -- "$bin/sink" "$folder/socket" --connect --read 4099 --verify
  grep -q "\"count\":$count,\"bytes\":$((count * size)),.*\"in_order\":true" "$folder/second"
  echo "loopback of $count x $size bytes, both ways round: ok"
done

# A stream that ends early is loss and has to show.
if run "$bin/sink" "$folder/socket" --count 11 -- "$bin/source" "$folder/socket" --count 10 --size 8 2>"$folder/errors"; then
  echo 'check.sh: a missing message went unnoticed' >&2
  exit 1
fi
grep -q 'ended after 10 of 11' "$folder/errors"
echo 'loss is noticed: ok'
