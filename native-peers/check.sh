#!/bin/sh
# check.sh BIN: runs the peers of the folder BIN against each other over a socket in a folder of its own, tcp and udp on the loopback.
# It refuses to wait for ever: each peer has 60 seconds, and the first one has 5 to say that it listens.
# Invariant: it ends only what it started, and leaves nothing behind.
set -eu
bin=$1
folder=$(mktemp -d)
waiting=
trap 'test -z "$waiting" || kill "$waiting" 2>/dev/null || true; rm -rf "$folder"' EXIT

# run FIRST-COMMAND -- SECOND-COMMAND: the first one listens; both have to end well. The second one's @PORT is the port that was given.
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
  port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$folder/first")
  second=$(echo "$*" | sed "s/@PORT/$port/")
  ended=0
  timeout 60 $second >"$folder/second" || ended=$?
  wait "$waiting" || ended=$?
  waiting=
  return "$ended" # by hand: set -e is off inside a condition
}

# What the sink in $folder/$1 has counted, and that both sides saw the same bytes.
counted() {
  grep -q "\"count\":$2,\"bytes\":$(($2 * $3)),.*\"in_order\":true" "$folder/$1"
  sum=$(sed -n 's/.*"crc32":"\([0-9a-f]*\)".*/\1/p' "$folder/first")
  grep -q "\"crc32\":\"$sum\"" "$folder/second"
}

for pair in 0:50000 8:50000 64:100000 1000:20000 65536:300 1000000:40; do
  size=${pair%:*}
  count=${pair#*:}
  run "$bin/sink" "$folder/socket" --count "$count" --verify -- "$bin/source" "unix:$folder/socket" --count "$count" --size "$size" --verify
  counted first "$count" "$size"
  run "$bin/source" "$folder/socket" --listen --count "$count" --size "$size" --verify -- "$bin/sink" "$folder/socket" --connect --read 4099 --verify
  counted second "$count" "$size"
  echo "unix: $count x $size bytes, both ways round: ok"
done

run "$bin/sink" tcp:127.0.0.1:0 --count 20000 --verify -- "$bin/source" tcp:127.0.0.1:@PORT --count 20000 --size 100 --verify
counted first 20000 100
echo 'tcp: 20000 x 100 bytes: ok'

# Slow enough that a loopback loses nothing; the last one travels in fragments.
for pair in 64:5000 1000:1000 20000:50; do
  size=${pair%:*}
  count=${pair#*:}
  run "$bin/sink" udp:127.0.0.1:0 --count "$count" --verify -- "$bin/source" udp:127.0.0.1:@PORT --count "$count" --size "$size" --rate $((count * 5)) --verify
  counted first "$count" "$size"
  echo "udp: $count x $size bytes: ok"
done

# A rate is kept to: 300 frames at 1000 a second take 0.3 seconds.
run "$bin/sink" "$folder/socket" --count 300 -- "$bin/source" "$folder/socket" --count 300 --rate 1000
grep -q '"seconds":0\.[23]' "$folder/second"
echo 'rate: ok'

# The echo gives a source that listens nothing to check, but reads and answers all of it.
run "$bin/source" "$folder/socket" --listen --count 1000 --size 64 -- "$bin/echo" "$folder/socket" --connect
grep -q '"count":1000,"refused":0' "$folder/second"
run "$bin/echo" tcp:127.0.0.1:0 -- "$bin/source" tcp:127.0.0.1:@PORT --count 1000 --size 64
grep -q '"count":1000,"refused":0' "$folder/first"
run "$bin/echo" udp:127.0.0.1:0 --idle 500 -- "$bin/source" udp:127.0.0.1:@PORT --count 1000 --size 64 --rate 5000
grep -q '"count":1000,"refused":0' "$folder/first"
echo 'echo on unix, tcp and udp: ok'

for address in "$folder/socket $folder/socket" "tcp:127.0.0.1:0 tcp:127.0.0.1:@PORT"; do
  run "$bin/node-ipc" "${address% *}" --listen --echo --expect 2 -- "$bin/node-ipc" "${address#* }" --send one '{"a":[1,2]}' --send two null --expect 2
  printf '%s\n' '{"type":"one","data":{"a":[1,2]}}' '{"type":"two","data":null}' | cmp - "$folder/second"
done
echo 'node-ipc on unix and tcp: ok'

# A stream that ends early is loss and has to show.
if run "$bin/sink" "$folder/socket" --count 11 -- "$bin/source" "$folder/socket" --count 10 --size 8 2>"$folder/errors"; then
  echo 'check.sh: a missing message went unnoticed' >&2
  exit 1
fi
grep -q 'ended after 10 of 11' "$folder/errors"
echo 'loss is noticed: ok'
