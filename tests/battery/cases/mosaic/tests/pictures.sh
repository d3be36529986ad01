# Every picture beside this script is drawn and compared.
here=$(dirname "$0")
bad=0
for picture in "$here"/*.txt; do
    want=${picture%.txt}.want
    if ! ./mosaic - < "$picture" | cmp -s - "$want"; then
        echo "$picture is drawn wrong" >&2
        bad=1
    fi
done
exit $bad
