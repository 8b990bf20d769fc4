#!/bin/sh
# Checks a drcheck evidence pack with sha256sum, ssh-keygen and openssl, and nothing of drcheck's.
#
#   sh verify.sh [-p PACK] [-t AUTHORITIES.pem] [ALLOWED_SIGNERS PRINCIPAL...]
#
# PACK is the pack's folder, else the one that this file is in. ALLOWED_SIGNERS and PRINCIPAL are yours, never the pack's: whose signatures you take,
# see "ALLOWED SIGNERS" in ssh-keygen(1). AUTHORITIES.pem holds the certificates of the time stamping authorities that you believe.
#
# Ends with 0: sound, and signed by every PRINCIPAL. 10: something is wrong. 11: sound, but who signed it was not checked, or was a key that is valid no
# longer, and no time stamp proves that it signed before it ended. 2: wrong usage, or a program or file that is needed is not there: nothing is known.
# A pack that was altered can hold an altered verify.sh: take it from drcheck, or from a pack that you trust.
set -u
LC_ALL=C TZ=UTC CDPATH=''
export LC_ALL TZ

# A stranger's name can move a terminal's cursor, or be an option or an escape of echo's: it goes through printf and is shown in plain characters.
wrong() { printf 'WRONG: %s\n' "$*" | tr -c '\n -~' '?' >&2; exit 10; }
need() { command -v "$1" >/dev/null || { echo "$1: is not installed, so nothing is known of the pack" >&2; exit 2; }; }
usage() { echo "usage: sh verify.sh [-p PACK] [-t AUTHORITIES.pem] [ALLOWED_SIGNERS PRINCIPAL...]" >&2; exit 2; }
there() {
    [ -r "$1" ] || { printf '%s: is not there, or cannot be read\n' "$1" >&2; exit 2; }
    case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$PWD/$1" ;; esac
}

pack=$(dirname "$0") authorities='' allowed=''
while getopts p:t: option; do
    case $option in
        p) pack=$OPTARG ;;
        t) authorities=$(there "$OPTARG") || exit 2 ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
if [ $# -gt 0 ]; then
    [ $# -ge 2 ] || usage
    allowed=$(there "$1") || exit 2
    shift
fi
cd -- "$pack" || exit 2
for each in cut grep head sed sort tail tr uniq; do need "$each"; done
command -v shasum >/dev/null || need sha256sum

# Everything that is in the pack; what is no file, or a folder that cannot be looked into, is marked.
walk() (
    for each in "$1"* "$1".[!.]* "$1"..?*; do
        if [ -h "$each" ]; then printf 'a-link:%s\n' "$each"
        elif [ -d "$each" ] && [ -r "$each" ] && [ -x "$each" ] && [ ${#each} -lt 1000 ]; then walk "$each/"
        elif [ -f "$each" ]; then printf '%s\n' "$each"
        elif [ -e "$each" ]; then printf 'no-file:%s\n' "$each"
        fi
    done
)
# Nothing but lines of 64 small hex digits, two spaces and a plain path: every reader of such a list takes more than this, and each takes something else.
strict() {
    [ -f "$1" ] && [ ! -h "$1" ] || wrong "$1 is not there"
    [ -z "$(tail -c 1 "$1")" ] || wrong "$1 does not end with a line end"
    other=$(grep -a -c -v -E '^[0-9a-f]{64}  [A-Za-z0-9_@][A-Za-z0-9._@-]*(/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*$' "$1")
    [ "$other" = 0 ] || wrong "$1 has a line that is not 64 small hex digits, two spaces and a path"
}
# The list $1 names each of the files $2 once and nothing else, and every digest in it is right.
check() {
    strict "$1"
    listed=$(cut -c 67- "$1" | sort)
    # Else a name that holds a line end could stand for the second time.
    [ -z "$(printf '%s\n' "$listed" | uniq -d)" ] || wrong "$1 lists a file twice"
    [ "$listed" = "$2" ] || wrong "$1 does not list what is there: $(printf '%s\n%s\n' "$listed" "$2" | sort | uniq -u | head -n 5 | tr '\n' ' ')"
    if command -v sha256sum >/dev/null; then
        sha256sum --check --strict --quiet "$1" >&2 || wrong "$1: a file is not what is listed"
    else
        shasum -a 256 --check --strict --quiet "$1" >&2 || wrong "$1: a file is not what is listed"
    fi
}
files=$(walk '' | sort)
some() { printf '%s\n' "$files" | grep "$@"; }
check SHA256SUMS "$(some -E '^(tagmanifest-sha256\.txt$|signatures/|timestamps/)')"
check tagmanifest-sha256.txt "$(some -v -E '^(SHA256SUMS$|tagmanifest-sha256\.txt$|data/|signatures/|timestamps/)')"
check manifest-sha256.txt "$(some '^data/')"
odd=$(some -E '^(signatures|timestamps)/' | grep -v -E '^(signatures/[^/]+\.(sig|dsse\.json)|timestamps/[^/]+\.tsr)$')
[ -z "$odd" ] || wrong "$odd: is neither a signature nor a time stamp, and nobody signed it"
echo "every file is what the pack's lists say, and there is no other"

signatures=$(some '^signatures/.*\.sig$')
[ -z "$signatures" ] || need ssh-keygen
for signature in $signatures; do
    ssh-keygen -Y check-novalidate -n evidence@drcheck -s "$signature" <tagmanifest-sha256.txt >/dev/null || wrong "$signature: is no signature of this pack"
done
# The moments at which signatures existed, by the word of an authority: a line each.
stamped=''
for stamp in $(some '^timestamps/.*\.tsr$'); do
    signature=${stamp#timestamps/}
    signature=signatures/${signature%.tsr}.sig
    if [ -z "$authorities" ]; then
        echo "$stamp: not checked; name the certificates of its authority with -t"
        continue
    fi
    need openssl
    openssl ts -verify -data "$signature" -in "$stamp" -CAfile "$authorities" >/dev/null || wrong "$stamp: does not hold for $signature"
    # Of the token alone: around it are words that nobody signs, and that could tell another moment.
    text=$(openssl ts -reply -in "$stamp" -token_out 2>/dev/null | openssl ts -reply -token_in -in /dev/stdin -token_out -text 2>/dev/null |
        sed -n 's/^Time stamp: //p')
    [ "$(printf '%s' "$text" | grep -c .)" = 1 ] || wrong "$stamp: tells no moment, or more than one"
    moment=$(date -u -d "$text" +%Y%m%d%H%M%S 2>/dev/null || date -u -j -f '%b %e %T %Y %Z' "$text" +%Y%m%d%H%M%S) || wrong "$stamp: tells no moment"
    echo "$signature: existed on $text, by a time stamp"
    stamped="$stamped
$signature $moment"
done
# Whether $1 is a signature of $2 by a key that was valid at $3, or is now.
by() {
    ssh-keygen -Y verify -f "$allowed" -I "$2" -n evidence@drcheck -s "$1" ${3:+-O "verify-time=$3"} <tagmanifest-sha256.txt >/dev/null 2>&1
}
# A key that is valid no longer may have signed while it was. Unless a time stamp proves when, that is the pack's own word: whoever took the key can still
# sign, and write any date.
said=$(sed -n 's/^Drcheck-Exported: \(....\)-\(..\)-\(..\)T\(..\):\(..\):\(..\)Z$/\1\2\3\4\5\6/p' bag-info.txt)
claimed=''
for principal in "$@"; do
    found=''
    for signature in $signatures; do
        moment=$(printf '%s\n' "$stamped" | while read -r name at; do [ "$name" != "$signature" ] || { echo "$at"; break; }; done)
        if by "$signature" "$principal" "$moment"; then
            echo "$signature: by $principal"
            found=proved
        elif [ -z "$moment" ] && by "$signature" "$principal" "$said"; then
            echo "$signature: by $principal, with a key that is not valid now and was when the pack says that it was made ($said)"
            found=${found:-claimed}
        fi
    done
    case $found in
        '') wrong "no signature is one of $principal by $allowed" ;;
        claimed) claimed="$claimed $principal" ;;
    esac
done
[ $# -gt 0 ] || { echo "sound; who signed it was not checked: name a file of allowed signers and a principal"; exit 11; }
[ -z "$claimed" ] || { echo "sound; that$claimed signed it in time is only the pack's own word, which a time stamp would prove (-t)"; exit 11; }
echo "sound and signed"
