#!/usr/bin/env bash
# Runs fuzz targets one after the other, each for SECONDS_EACH (600) seconds, at low priority.
#
#   fuzz/run.sh [toml|kdl|rules|image|import|workflow]...
#
# Needs cargo-fuzz (`cargo install cargo-fuzz --locked`). RUSTC_BOOTSTRAP=1 lets a stable compiler
# take the flags of the coverage instrumentation; the crate has no unsafe code of its own, so no
# sanitizer. Starts from fixtures/fuzz/<target>; what is new goes to fuzz/corpus/<target>, what
# fails to fuzz/artifacts/<target>.
set -euo pipefail
cd "$(dirname "$0")"
export RUSTC_BOOTSTRAP=1
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(toml kdl rules image import workflow)
status=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  dictionary=()
  [ ! -f "dictionaries/$target.dict" ] || dictionary=("-dict=dictionaries/$target.dict")
  echo "== $target: ${SECONDS_EACH:-600} s"
  nice -n 19 cargo fuzz run --sanitizer none "$target" "corpus/$target" "../fixtures/fuzz/$target" -- \
    "-max_total_time=${SECONDS_EACH:-600}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
    "${dictionary[@]}" || status=1
done
exit "$status"
