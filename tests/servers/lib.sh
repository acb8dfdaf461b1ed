# SPDX-License-Identifier: Apache-2.0
# Shared by the start.sh scripts beside it:  . "$(dirname "$0")/../lib.sh"
#
# Convention: `start.sh DIR` installs what it needs once under $CACHE, starts
# the server on loopback with its data in DIR, waits until it answers, prints
# KEY=VALUE lines (ports, URLs) and leaves DIR/pid, DIR/log and DIR/env (the
# same lines; a restart on the same DIR reuses those ports).
# `stop.sh DIR` ends it.  kill -9 "$(cat DIR/pid)" is a crash.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/leat-servers
mkdir -p "$CACHE"

die() { echo "$(basename "$HERE"): $*" >&2; exit 1; }

# need PACKAGE... : Debian packages, installed when dpkg does not know them.
need() {
    missing=
    for p; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -z "$missing" ] && return
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1   # 1: install, do not start
    apt-get install -qq --no-install-recommends $missing >"$CACHE/apt.log" 2>&1 ||
        { apt-get -qq update && apt-get install -qq --no-install-recommends $missing; } >"$CACHE/apt.log" 2>&1 ||
        die "apt-get install$missing failed, see $CACHE/apt.log"
}

# once NAME FILE... -- COMMAND... : run COMMAND with an empty folder as $1 the
# first time, and again when one of FILEs changed; print the folder.  Two
# callers at a time wait for each other; a failed run leaves nothing behind.
once() {
    name=$1; shift
    files=
    while [ "$1" != -- ]; do files="$files $1"; shift; done
    shift
    out=$CACHE/$name-$(cat $files /dev/null | cksum | cut -d' ' -f1)
    (
        flock 9
        [ -d "$out" ] && exit
        rm -rf "$out.part" && mkdir "$out.part"
        "$@" "$out.part" >"$out.log" 2>&1 || { rm -rf "$out.part"; exit 1; }
        mv "$out.part" "$out"
    ) 9>"$CACHE/$name.lock" || die "install failed, see $out.log"
    echo "$out"
}

# maven_jars POM DIR : the runtime jars of POM into DIR.
maven_jars() {
    command -v java >/dev/null || need openjdk-17-jdk-headless
    command -v mvn >/dev/null || need maven
    mvn -q -B -f "$1" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$2"
}

# Interpreter with which virtual environments are made.
python_env() {   # python_env REQUIREMENTS DIR
    python3 -m venv --copies "$2" && "$2/bin/python3" -m pip install -q -r "$1"
}

# port NAME : sets NAME to the caller's value, to that of DIR/env, or to a free
# one below the range from which the kernel takes ports for outgoing connections.
port() {
    eval "v=\${$1:-}"
    [ -n "$v" ] || v=$(sed -n "s/^$1=//p" "$DIR/env" 2>/dev/null || true)
    while [ -z "$v" ] || { [ "$v" = "$tried" ] && listening "$v" 2>/dev/null; }; do
        tried=$(shuf -i 15000-32000 -n 1) v=$tried
        case " $given " in *" $v "*) v= ;; esac
    done
    given="$given $v"
    eval "$1=$v"
}
tried= given=

# alive PID : true until its last thread is gone, so that its ports and locks are free.
alive() {
    [ -n "$1" ] || return 1
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 1
    [ "$state" != Z ] || [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ]
}

# spawn COMMAND... : in the background, output to DIR/log, DIR/pid is its process
# id.  A server just killed gets five seconds to disappear first.
spawn() {
    if [ -f "$DIR/pid" ]; then
        for _ in $(seq 25); do
            kill -0 "$(cat "$DIR/pid")" 2>/dev/null || break   # also when dead but not reaped
            sleep 0.2
        done
        ! alive "$(cat "$DIR/pid")" || die "$DIR already has a running server, process $(cat "$DIR/pid")"
    fi
    # Under the test runner a server stays in the test's process group, so that a time-out ends it too.
    apart=setsid
    [ -z "${LEAT_TMP:-}" ] || apart=
    $apart "$@" >>"$DIR/log" 2>&1 </dev/null 9>&- &
    echo $! >"$DIR/pid"
}

# Put before the command of a server that refuses root: runs it as nobody then.
unprivileged=
[ "$(id -u)" != 0 ] || unprivileged="setpriv --reuid=nobody --regid=nogroup --clear-groups"

# ready SECONDS COMMAND... : until COMMAND succeeds; the server's death or the deadline is an error.
ready() {
    limit=$(($(date +%s) + $1)); shift
    until "$@" >/dev/null 2>&1; do
        alive "$(cat "$DIR/pid")" || { tail -20 "$DIR/log" >&2; die "ended while starting"; }
        [ "$(date +%s)" -lt "$limit" ] || {
            tail -20 "$DIR/log" >&2
            kill -9 "$(cat "$DIR/pid")"
            die "not ready in time"
        }
        sleep 0.2
    done
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }   # listening PORT (bash)

# publish KEY=VALUE... : print them and keep them in DIR/env.
publish() {
    printf '%s\n' "$@" >"$DIR/env"
    cat "$DIR/env"
}

# The folder to serve from: the script's first argument; python.sh has none.
DIR=${1:-}
if [ -n "$DIR" ]; then
    mkdir -p "$DIR"
    DIR=$(cd "$DIR" && pwd)
elif [ "$(basename "$0")" != python.sh ]; then
    die "usage: $0 DIR"
fi
