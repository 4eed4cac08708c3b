#!/bin/sh
# The main job as a CI job would run it: list, pack, inspect, unpack, and pack again.
# Usage: quickstart.sh [FOLDER FOR THE RESULTS]
set -eu
images=$(dirname "$0")/images
out=${1:-$(mktemp -d)}

# A list on stdout, straight into a record file.
rectool list "$images" | rectool pack - "$out/train" --root "$images" --resize 96

# What is in it: for people, and for programs.
rectool inspect "$out/train.rec"
rectool inspect "$out/train.rec" --records --json | head -n 3

# The way back, and there again: the same bytes.
rectool unpack "$out/train.rec" "$out/files"
rectool pack "$out/files/train.lst" "$out/again" --pass-through
cmp "$out/train.rec" "$out/again.rec"
cmp "$out/train.idx" "$out/again.idx"
echo "the same records again: $out/again.rec"
