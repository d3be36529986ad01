# A second look at how the compilers of a box were called.
#
#   sh look.sh again CALLS ROOT MOST        preprocess up to MOST calls again, print the lines of files below ROOT
#   sh look.sh one ROOT CWD COMPILER ARG…   the same for one call
#
# A call is a file in CALLS: folder, compiler and arguments, each ended by a NUL. The wrappers write them.
#
# What is printed:  C form cwd   a call begins; form is `full` as it was called, `bare` without its -fsanitize options
#                   F name       the lines that follow are of this file
#                   T number text, and S number text where the text comes from a macro of a system header
#                   U name       the program imports this function;  D name  it defines it for others to use
#                   M count      that many calls were not looked at

set -u
unset POSIXLY_CORRECT || :

again() {
    left=$3
    skipped=0
    for call in "$1"/*; do
        [ -f "$call" ] || continue
        if [ "$left" -le 0 ]; then skipped=$((skipped + 1)); continue; fi
        left=$((left - 1))
        xargs -0 -x -a "$call" sh "$0" one "$2" 2> /dev/null || skipped=$((skipped + 1))
    done
    [ "$skipped" -eq 0 ] || echo "M $skipped"
    find "$2" -type f \( -perm -100 -o -name '*.so' -o -name '*.so.*' \) -exec readelf -W --dyn-syms {} + 2> /dev/null |
        awk '$5 ~ /^(GLOBAL|WEAK)$/ && $8 != "" { print ($7 == "UND" ? "U " : "D ") $8 }'
}

one() {
    root=$1 cwd=$2 compiler=$3
    shift 3
    cd "$cwd" || return 1
    sources=0 watched=0 left=$#
    while [ "$left" -gt 0 ]; do
        word=$1
        shift
        left=$((left - 1))
        case $word in
        -c | -S | -E | -MD | -MMD | -MP | -MG | -M | -MM | -save-temps* | -Wp,-M* | -v | -\#\#\#) continue ;;
        -o | -MF | -MT | -MQ | -MJ) [ "$left" -eq 0 ] || { shift; left=$((left - 1)); }; continue ;;
        -o?* | -MF?* | -MT?* | -MQ?*) continue ;;
        -isystem) word=-I ;;
        -isystem?*) word=-I${word#-isystem} ;;
        -fsanitize*) watched=1 ;;
        *.c | *.cc | *.cpp | *.cxx | *.c++ | *.cp | *.C | *.CPP | @*)
            [ ! -e "${word#@}" ] || sources=1 # a configure script tries files that are gone by now
            ;;
        esac
        set -- "$@" "$word"
    done
    [ "$sources" -eq 1 ] || return 0
    pass "$root" full "$compiler" "$@"
    case $? in
    0) return 0 ;;
    "$ASKED") [ "$watched" -eq 1 ] || return 0 ;;
    *) return 1 ;;
    esac
    left=$#
    while [ "$left" -gt 0 ]; do
        word=$1
        shift
        left=$((left - 1))
        case $word in -fsanitize*) ;; *) set -- "$@" "$word" ;; esac
    done
    pass "$root" bare "$compiler" "$@"
    case $? in 0 | "$ASKED") ;; *) return 1 ;; esac
}

# gcc says which macros a text asks for (-dU): where it does not ask for the sanitizer, one pass is enough.
pass() {
    root=$1 asked=0
    printf 'C %s %s\n' "$2" "$PWD"
    shift 2
    case ${1##*/} in *clang*) asked=1 ;; *) set -- "$@" -dU ;; esac
    out=/tmp/look.$$
    "$@" -E < /dev/null > "$out" 2> /dev/null || { rm -f "$out"; return 1; }
    awk -v root="$root/" -v asked="$asked" -v code="$ASKED" '
        /^# [0-9]+ "/ {
            match($0, /".*"/)
            name = substr($0, RSTART + 1, RLENGTH - 2)
            line = $2 - 1
            letter = substr($0, RSTART + RLENGTH) ~ / 3/ ? "S" : "T"
            own = name !~ /^[\/<]/ || index(name, root) == 1 || index(name, "/../")
            if (own && name != last) { print "F " name; last = name }
            next
        }
        { line++ }
        /^#(define|undef) / { if (/__SANITIZE_/) asked = 1; next }
        own && NF { print letter " " line " " $0 }
        END { exit asked ? code : 0 }
    ' "$out"
    code=$?
    rm -f "$out"
    return "$code"
}

ASKED=10
mode=$1
shift
"$mode" "$@"
