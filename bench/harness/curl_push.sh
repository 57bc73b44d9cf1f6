#!/bin/sh
# The yardstick for "as fast as the far end takes it": uploads the files of an unpacked OCI layout
# with curl, 4 at a time, largest first, then the manifest.
#   curl_push.sh ORIGIN REPOSITORY TAG FOLDER MANIFEST-DIGEST
set -eu
options="--silent --show-error --fail ${CURL_CA:+--cacert $CURL_CA}"

if [ "$1" = --blob ]; then
    uploads=$2 file=$3
    # An absolute Location, or a path.
    place=$(curl $options -X POST -D - -o /dev/null "$uploads/blobs/uploads/" |
        tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    case $place in
        /*) place=$(echo "$uploads" | sed 's|\(://[^/]*\)/.*|\1|')$place ;;
    esac
    case $place in
        *\?*) place="$place&" ;;
        *) place="$place?" ;;
    esac
    exec curl $options -H 'Content-Type: application/octet-stream' -T "$file" \
        "${place}digest=sha256:$(basename "$file")" -o /dev/null
fi

repository=$1/v2/$2
manifest=$4/blobs/sha256/${5#sha256:}
ls -S "$4"/blobs/sha256/* | grep -v "$manifest" | xargs -P 4 -I '{}' sh "$0" --blob "$repository" '{}'
curl $options -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$manifest" "$repository/manifests/$3" -o /dev/null
