#!/usr/bin/env bash
# VOS Lab in a UCloud job: makes its environment in the mounted folder once, starts the app on the job's port, and so
# goes on with unfinished runs. docs/ucloud.md says how to use it; --help lists the options and settings.
set -euo pipefail

usage() {
    cat <<'HELP'
bash ucloud-init.sh [--serve | --prepare | --cluster] [--local] [--port N] [--prefix PATH]

  --serve      make the environment where it is missing, then be the app (the default: the job's initialization script)
  --prepare    make the environment and return
  --cluster    make the environment and this machine a node of the job's Ray cluster, and return (docs/ray.md)
  --local      listen to this machine only, for a proxy on it (Coder) or an ssh tunnel; no password is made
  --port N     the app's port (8501)
  --prefix P   the path under which a proxy that keeps its prefix shows the app

Settings, from the environment or from lines NAME=VALUE in ucloud.conf beside this script (the environment wins):
  VOSLAB_MODE          serve, prepare or cluster: what is done without an option
  VOSLAB_PORT, VOSLAB_PREFIX       as the options
  VOSLAB_CHECKOUT      where VOS Lab's code is (the folder above this script's, else vos-lab beside this script)
  VOSLAB_REPOSITORY    cloned to there when it is missing
  VOSLAB_VENV          the environment (.venv in the checkout); one that cannot be written is used as it is
  VOSLAB_PYTHON        the Python to make it with, 3.11 or newer
  VOSLAB_OPEN=1        make no password
  VOSLAB_HOME, VOSLAB_DATA and all others of the README
HELP
}

log=""
say() { printf '%s %s: %s\n' "$(date '+%F %T')" "${HOSTNAME:-job}" "$*"; }
# The first sentence of a failure is the last thing on screen; exit 2 as for commands that could not start.
die() {
    printf 'error: %s\n' "$*" >&2
    [ -z "$log" ] || printf 'The log is %s.\n' "$log" >&2
    exit 2
}

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
etc="${VOSLAB_UCLOUD_ETC:-/etc/ucloud}"
group="${VOSLAB_CGROUP:-/sys/fs/cgroup}"

# --- settings --------------------------------------------------------------------------------------------------------

# Not sourced: a typing error must not run as a command.
read_settings() {
    local file="$1" line name value number=0
    [ -f "$file" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line="${line%$'\r'}"
        [[ "$line" =~ ^[[:space:]]*(#.*)?$ ]] && continue
        [[ "$line" =~ ^(VOSLAB_[A-Z0-9_]+|CUDA_VISIBLE_DEVICES|HF_[A-Z_]+|TORCH|TORCH_INDEX|https?_proxy|no_proxy)=(.*)$ ]] ||
            die "$file, line $number: \"$line\" is no setting. Write NAME=VALUE (VOSLAB_..., HF_..., TORCH, TORCH_INDEX), without blanks before the equals sign."
        name="${BASH_REMATCH[1]}"
        value="${BASH_REMATCH[2]}"
        value="${value%"${value##*[![:space:]]}"}"
        [[ "$value" =~ ^\"(.*)\"$ || "$value" =~ ^\'(.*)\'$ ]] && value="${BASH_REMATCH[1]}"
        [ -n "${!name+set}" ] || export "$name=$value"
    done <"$file"
}

read_settings "$here/ucloud.conf"
mode="${VOSLAB_MODE:-serve}"
port="${VOSLAB_PORT:-8501}"
prefix="${VOSLAB_PREFIX:-}"
address=0.0.0.0
while [ $# -gt 0 ]; do
    case "$1" in
        --serve | --prepare | --cluster) mode="${1#--}" ;;
        --local) address=127.0.0.1 ;;
        --port | --prefix)
            [ $# -gt 1 ] || die "$1 needs a value."
            if [ "$1" = --port ]; then port="$2"; else prefix="$2"; fi
            shift
            ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && die "\"$1\" is no option of this script." ;;
    esac
    shift
done
case "$mode" in serve | prepare | cluster) ;; *) die "VOSLAB_MODE=$mode: it can be serve, prepare or cluster." ;; esac
{ [[ "$port" =~ ^[0-9]{1,5}$ ]] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ]; } ||
    die "The port \"$port\" is no number from 1 to 65535."

# --- a lock that holds between machines ------------------------------------------------------------------------------

# A folder, for mkdir is atomic on network file systems, where flock may hold on one machine only. Its holder counts
# into it every second: one on this machine is gone when its process is, and what that had begun (its work); one
# elsewhere when the count stands still.
lock=""
beating=""
token="$$ $(cat /proc/sys/kernel/random/boot_id 2>/dev/null || hostname) $(readlink /proc/self/ns/pid || true) ${HOSTNAME:-job} $RANDOM$RANDOM"
silence="${VOSLAB_LOCK_SILENCE:-30}" # looks, one a second: a clock may be set, and a machine or its disk may stand still

release() {
    [ -z "$beating" ] || kill "$beating" 2>/dev/null || true
    beating=""
    if [ -n "$lock" ] && [ "$(cat "$lock/holder" 2>/dev/null)" = "$token" ]; then
        rm -rf "$lock" 2>/dev/null || rm -rf "$lock" # a last beat may have come in between
    fi
    lock=""
}

alive() { # PID: nobody may have asked yet how it ended
    [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

gone() { # FOLDER HOLDER: whether it is a process of this machine that has ended, with what it had begun
    local pid boot space
    read -r pid boot space _ <<<"$2"
    [ "$boot $space" = "$(cut -d' ' -f2,3 <<<"$token")" ] && ! alive "$pid" && ! alive "$(cat "$1/work" 2>/dev/null)"
}

seen() { # FOLDER: who holds it, what it counted to, and which folder it is
    printf '%s|%s|%s' "$(cat "$1/holder" 2>/dev/null || true)" "$(cat "$1/beat" 2>/dev/null || true)" \
        "$(stat -c '%i %Z' "$1" 2>/dev/null || true)"
}

not_written() { # FOLDER
    die "$1 cannot be written: add the folder to the job without \"read-only\", and look whether the disk is full."
}

take_away() { # FOLDER, and what was seen of it
    local away="$1.gone.$$.$RANDOM"
    # One at a time, and only the lock that was seen: a newer one may stand there by now. The kernel lets go of a flock
    # when its process is killed; where it does not hold between machines, or not at all, the moments between the look
    # and the move remain.
    (
        flock 9 2>/dev/null || true
        [ -d "$1" ] && [ "$(seen "$1")" = "$2" ] || exit 0
        if ! mv -T "$1" "$away" 2>/dev/null; then
            [ -d "$1" ] && [ "$(seen "$1")" = "$2" ] || exit 0
            die "$1 was left by a start that has ended, and cannot be removed: remove it, or start a job that has the folder with write access."
        fi
        say "Another start has ended without finishing: going on in its place."
        rm -rf "$away" 2>/dev/null || true # of another user
    ) 9<"$(dirname "$1")"
}

acquire() { # FOLDER
    local folder="$1" holder beat last="" still=0 told="" failures=0
    until mkdir "$folder" 2>/dev/null; do
        if [ ! -d "$folder" ]; then
            # Once may be a lock that was released in between.
            [ $((failures += 1)) -lt 5 ] || not_written "$(dirname "$folder")"
            continue
        fi
        failures=0
        beat="$(seen "$folder")"
        holder="${beat%%|*}"
        [ "$beat" = "$last" ] || { last="$beat" && still=0; }
        if { [ -n "$holder" ] && gone "$folder" "$holder"; } || [ $((still += 1)) -gt "$silence" ]; then
            take_away "$folder" "$beat"
            last=""
            continue
        fi
        [ -n "$told" ] || say "Another start (on $(cut -d' ' -f4 <<<"${holder:-? ? ? another job}")) is at work here: waiting for it."
        told=yes
        sleep 1
    done
    lock="$folder"
    if ! printf '%s\n' "$token" 2>/dev/null >"$lock/holder"; then
        rm -rf "$lock"
        not_written "$(dirname "$folder")"
    fi
    rm -rf "$folder".gone.* 2>/dev/null || true # of starts that were killed
    local parent=$$
    (
        trap - EXIT
        trap '' INT
        count=0
        # Without its parent it must fall silent.
        while { alive "$parent" || alive "$(cat "$folder/work" 2>/dev/null)"; } && [ -d "$folder" ]; do
            echo $((count += 1)) >"$folder/beat" || true
            sleep 1
        done
    ) >/dev/null 2>&1 &
    beating=$!
    disown "$beating"
}

child=""
trap release EXIT
trap '[ -z "$child" ] || { kill "$child"; wait "$child"; } 2>/dev/null || true; exit 143' TERM INT HUP

# --- the code --------------------------------------------------------------------------------------------------------

find_checkout() {
    if [ -n "${VOSLAB_CHECKOUT:-}" ]; then
        checkout="$VOSLAB_CHECKOUT"
    elif [ -f "$here/../app.py" ] && [ -d "$here/../vos_core" ]; then
        checkout="$(cd "$here/.." && pwd -P)"
    else
        checkout="$here/vos-lab"
    fi
    if [ ! -f "$checkout/app.py" ]; then
        [ -n "${VOSLAB_REPOSITORY:-}" ] ||
            die "There is no VOS Lab in $checkout: put its code there, or set VOSLAB_REPOSITORY in $here/ucloud.conf to the address to clone."
        command -v git >/dev/null || die "There is no git here to clone $VOSLAB_REPOSITORY with: put VOS Lab's code into $checkout."
        acquire "$checkout.lock"
        if [ ! -f "$checkout/app.py" ]; then
            [ ! -e "$checkout" ] || rmdir "$checkout" 2>/dev/null ||
                die "$checkout holds something that is not VOS Lab: move it away, or set VOSLAB_CHECKOUT."
            rm -rf "$checkout".clone.* # of starts that were killed
            say "Cloning $VOSLAB_REPOSITORY to $checkout"
            git clone --quiet "$VOSLAB_REPOSITORY" "$checkout.clone.$$" ||
                die "$VOSLAB_REPOSITORY could not be cloned: the reason is above."
            mv -T "$checkout.clone.$$" "$checkout"
        fi
        release
    fi
    [ -f "$checkout/Makefile" ] || die "$checkout is not VOS Lab: it has no Makefile."
    checkout="$(cd "$checkout" && pwd -P)"
}

# Only folders mounted into the job come back in the next one; /work itself is the job's own.
warn_of_lost_work() {
    local mounted
    mounted="$(df -P "$VOSLAB_HOME" 2>/dev/null | awk 'NR == 2 { print $NF }')" || true # it may not be there yet
    case "$VOSLAB_HOME/" in
        /work/*) [ "$mounted" != /work ] && [ "$mounted" != / ] && return ;;
        *) [ ! -d "$etc" ] && return ;;
    esac
    say "Attention: $VOSLAB_HOME does not seem to lie in a folder that was added to the job. The next job may not find it (docs/ucloud.md)."
}

# --- the environment -------------------------------------------------------------------------------------------------

is_python() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name managed
    if [ -n "${VOSLAB_PYTHON:-}" ]; then
        is_python "$VOSLAB_PYTHON" || die "VOSLAB_PYTHON=$VOSLAB_PYTHON is no Python 3.11 or newer with its venv module."
        python="$VOSLAB_PYTHON" && return
    fi
    for name in python3.12 python3.11 python3.13 python3 python; do
        if is_python "$name"; then python="$(command -v "$name")" && return; fi
    done
    # uv's own Pythons go into the mounted folder, so that the next job has this one too.
    export UV_PYTHON_INSTALL_DIR="$VOSLAB_HOME/.python"
    if command -v uv >/dev/null; then
        say "No Python 3.11 or newer on this image: asking uv for one"
        if uv python install --quiet 3.12 && managed="$(uv python find --no-project '>=3.11')" && is_python "$managed"; then
            python="$managed" && return
        fi
    fi
    die "VOS Lab needs Python 3.11 or newer with its venv module, and this image has none ($(python3 -V 2>/dev/null || echo no python3)): start the job with a newer version of the app, or set VOSLAB_PYTHON to one in a mounted folder."
}

# ready, stale (make has something to do), partial (an installation that failed), or unusable for the reason given
look_at_environment() {
    if [ ! -e "$venv" ]; then
        state=missing
    elif [ -e "$venv/.unfinished" ]; then
        state="unusable: making it was interrupted"
    elif ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        state="unusable: its Python ($(readlink "$venv/bin/python" || echo missing)) is not on this image, or it is damaged"
    elif [ ! -e "$venv/.installed" ]; then
        state=partial
    elif [ ! -w "$venv" ] || ! command -v make >/dev/null || make --silent --question -C "$checkout" install VENV="$for_make" 2>/dev/null; then
        state=ready
    else
        state=stale
    fi
}

need_make() {
    command -v make >/dev/null && return
    # Only some of UCloud's apps let their user become root.
    sudo -n apt-get install -y -qq make >/dev/null 2>&1 || { sudo -n apt-get update -qq && sudo -n apt-get install -y -qq make; } >/dev/null 2>&1 || true
    command -v make >/dev/null ||
        die "There is no make on this image: make the environment once in an app that has it (Terminal, Coder), with: bash $here/ucloud-init.sh --prepare"
}

why_it_failed() { # FILE with what the installation said
    local free # KiB
    free="$(df -Pk "$venv" | awk 'NR == 2 { print $4 }')"
    # Not every part of an installation says why it failed.
    if [ "$free" -lt 20000 ] || grep -Eqi 'no space left|disk quota exceeded' "$1"; then
        echo "The disk is full: $((free / 1024)) MB are free for $venv. The environment takes 2 GB, with CUDA 6. Make room and start the job again."
    elif grep -Eqi 'connection(error)?|name resolution|network is unreachable|timed out|max retries|could not find a version|no matching distribution|proxyerror' "$1"; then
        echo "The packages could not be fetched: the job reaches no package index, or it lacks one of them (the lines above name it). Start the job again when it does."
    else
        echo "The environment could not be made: the reason is above. Start the job again when it is mended."
    fi
}

run_make() { # TARGET
    local said status=0
    said="$(mktemp)"
    # In the background: bash hears a signal only while it waits.
    make --silent --no-print-directory -C "$checkout" "$1" VENV="$for_make" PYTHON="$python" >"$said" 2>&1 &
    child=$!
    echo "$child" >"${lock:?}/work" # if this start is killed, it goes on
    tail --pid="$child" -n +1 -f "$said" &
    wait "$child" || status=$?
    child=""
    rm -f "${lock:?}/work"
    wait $!
    if [ "$status" != 0 ]; then
        local why
        why="$(why_it_failed "$said")"
        rm -f "$said" "$venv/.unfinished"
        die "$why"
    fi
    rm -f "$said"
}

make_environment() {
    local began=$SECONDS
    python="$venv/bin/python"
    look_at_environment
    if [ "$state" = ready ]; then return; fi
    if [ -e "$venv" ] && [ ! -w "$venv" ]; then
        die "The environment $venv is $state, and cannot be written: start a job that has the folder with write access."
    fi
    need_make
    acquire "$venv.lock"
    look_at_environment # again: it may have been made while we waited
    rm -rf "$venv".old.*
    case "$state" in
        ready) release && return ;;
        unusable:*)
            say "The environment $venv is $state. Making it anew."
            mv -T "$venv" "$venv.old.$$"
            rm -rf "$venv.old.$$"
            state=missing
            ;;
    esac
    if [ "$state" = missing ]; then find_python; fi
    say "Making the environment $venv with $("$python" -V 2>&1): minutes the first time; 2 GB, with CUDA 6."
    mkdir -p "$venv" 2>/dev/null || die "$venv cannot be made: is the disk full, or the folder mounted read-only?"
    : >"$venv/.unfinished"
    run_make install
    rm -f "$venv/.unfinished"
    release
    say "The environment is ready after $((SECONDS - began)) s."
}

# --- the app ---------------------------------------------------------------------------------------------------------

# Public links are open to anyone, and a job cannot tell whether it has one.
set_password() {
    local file="$state_folder/password"
    if [ -n "${VOSLAB_PASSWORD+set}${VOSLAB_PASSWORD_FILE+set}" ] || [ "${VOSLAB_OPEN:-0}" = 1 ] || [ "$address" = 127.0.0.1 ]; then return; fi
    if [ ! -s "$file" ]; then
        # The link makes it whole or not at all, and the first of two jobs wins.
        (
            umask 077
            set +o pipefail # head has enough before tr has said all
            LC_ALL=C tr -dc 'a-hjkmnp-z2-9' </dev/urandom 2>/dev/null | head -c 20 >"$file.$$"
        ) || true
        [ "$(wc -c <"$file.$$")" -eq 20 ] || die "No password could be written to $file: is the disk full?"
        ln "$file.$$" "$file" 2>/dev/null || [ -s "$file" ] || mv -f "$file.$$" "$file"
        rm -f "$file.$$"
        say "A password for the app was made."
    fi
    export VOSLAB_PASSWORD_FILE="$file"
    say "The app's password is in $file (open it in UCloud's Files)."
}

# A job sees all cores of its node; how many of them are its own, the control group tells.
limit_workers() {
    local quota period
    if [ -n "${VOSLAB_CPU_WORKERS:-}" ] || ! read -r quota period 2>/dev/null <"$group/cpu.max" || [ "$quota" = max ]; then return; fi
    quota=$((quota / period))
    [ "$quota" -ge 1 ] || quota=1
    [ "$quota" -le 8 ] || quota=8
    export VOSLAB_CPU_WORKERS="$quota"
    say "Workers for models that run on the CPU: $quota, as the job has cores (at most 8; VOSLAB_CPU_WORKERS)."
}

serve() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        die "Port $port is taken by another server on this machine: end that one, or choose another port (--port, VOSLAB_PORT)."
    fi
    set_password
    limit_workers
    say "Starting the app on $address:$port, with its data, masks and state in $VOSLAB_HOME. Unfinished runs go on by themselves."
    cd "$checkout"
    release
    trap - EXIT TERM INT HUP
    # exec, so that the end of the job reaches the app; python -m, since the folder may be mounted elsewhere this time.
    exec "$venv/bin/python" -m streamlit run app.py --server.port "$port" --server.address "$address" \
        ${prefix:+--server.baseUrlPath "$prefix"}
}

join_cluster() {
    local rank nodes head tries=0
    acquire "$venv.lock"
    run_make install-ray
    release
    rank="$(cat "$etc/rank.txt" 2>/dev/null || echo 0)"
    nodes="$(cat "$etc/number_of_nodes.txt" 2>/dev/null || echo 1)"
    head="$(cat "$etc/node-0.txt" 2>/dev/null || hostname)"
    cd "$checkout"
    if [ "$rank" = 0 ]; then
        # The others come by themselves, from their own initialization script.
        printf '%s\n' "$(hostname)" >"$state_folder/cluster-head.txt"
        "$venv/bin/python" -m vos_core cluster start --nodes "$state_folder/cluster-head.txt"
        say "This is node 0 of $nodes. Use the cluster with --address auto, or VOSLAB_RAY_ADDRESS=auto for the app."
        return
    fi
    until (exec 3<>"/dev/tcp/$head/6379") 2>/dev/null; do
        [ $((tries += 1)) -le 600 ] || die "Node 0 ($head) did not start its cluster within 10 minutes: look at its log."
        sleep 1
    done
    "$venv/bin/python" -m vos_core cluster join --address "$head:6379"
    say "Node $rank of $nodes has joined the cluster of $head."
}

find_checkout
export VOSLAB_HOME="${VOSLAB_HOME:-$checkout}" PYTHONUNBUFFERED=1
[[ "$VOSLAB_HOME" = /* ]] || die "VOSLAB_HOME=$VOSLAB_HOME: give the whole path, from /work on."
state_folder="${VOSLAB_STATE:-$VOSLAB_HOME/state}"
venv="${VOSLAB_VENV:-$checkout/.venv}"
for_make="$venv" # make takes no path with blanks: the usual one is told from the checkout on
[ "$venv" != "$checkout/.venv" ] || for_make=.venv
[[ ! "$for_make" =~ [[:space:]] ]] || die "VOSLAB_VENV=$venv: give a path without blanks."
mkdir -p "$state_folder/logs" 2>/dev/null ||
    die "$state_folder cannot be written: add the folder to the job without \"read-only\", and look whether the disk is full."
log="$state_folder/logs/app.log"
[ ! -f "$log" ] || [ "$(wc -c <"$log")" -lt 10000000 ] || mv -f "$log" "$log.1"
# The copy must live until the app has said its last word.
exec > >(trap '' TERM INT HUP && exec tee -a "$log") 2>&1
warn_of_lost_work
make_environment
case "$mode" in
    serve) serve ;;
    cluster) join_cluster ;;
    prepare) say "Ready: bash $here/ucloud-init.sh starts the app." ;;
esac
