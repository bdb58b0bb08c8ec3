#!/bin/sh
# Calls a service from a shell: vouchsafe-sign makes the proof, curl sends it. VOUCHSAFE_DIR is where the volume is mounted.
# usage: curl.sh URL           a GET with a Workload Proof Token
#        curl.sh URL FILE      a POST of FILE with an HTTP message signature, which covers it
set -eu
url=$1
if [ $# -eq 1 ]; then
        vouchsafe-sign wpt "$url" | curl --silent --show-error --fail-with-body -H @- "$url"
else
        fields=$(vouchsafe-sign http --body "$2" --field 'Content-Type: application/octet-stream' POST "$url")
        printf '%s\n' "$fields" | curl --silent --show-error --fail-with-body -H @- --data-binary "@$2" "$url"
fi
