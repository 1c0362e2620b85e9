# shellcheck shell=bash disable=SC2034,SC2154 # its variables are shared with bench/run
#
# What the parts of the benchmark share: measuring, medians, the server, the peers.

# Five turns of each figure; cold starts are short and noisy, so eleven.
turns=5
starts=11

say() { printf '%s\n' "$*" >&2; }

# --- Numbers --------------------------------------------------------------------------------------

# The middle one of the numbers on standard input.
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# The least and the greatest one: `0.61–0.70`.
span() { sort -n | awk 'NR == 1 { least = $1 } END { print least "–" $1 }'; }

# awk as a calculator: `reckon '%.2f' '1 / 3'`.
reckon() { awk "BEGIN { printf \"$1\", $2 }"; }

# --- Measuring ------------------------------------------------------------------------------------

# CPU seconds, user and system, of a command.
cpu_of() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>"$work/failed" || { cat "$work/failed" >&2; exit 1; } } 2>&1 |
        awk '{ printf "%.3f\n", $1 + $2 }'
}

# User instructions of a command, counted by callgrind.
instructions_of() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>"$work/counted" ||
        { cat "$work/counted" >&2; exit 1; }
    awk '/Collected/ { print $NF }' "$work/counted"
}

# Instructions of one repetition: the difference of 2 N and N, so that start and end drop out.
# `instructions_each N COMMAND... -- [ARGUMENT...]`: N stands between the two.
instructions_each() { each instructions_of '%.0f' "$@"; }

# System calls of one repetition, in the same way.
calls_each() { each calls_of '%.2f' "$@"; }

each() {
    local counter=$1 form=$2 times=$3 once twice
    local -a command=()
    shift 3
    while [[ $1 != -- ]]; do
        command+=("$1")
        shift
    done
    shift
    once=$("$counter" "${command[@]}" "$times" "$@")
    twice=$("$counter" "${command[@]}" $((2 * times)) "$@")
    reckon "$form" "($twice - $once) / $times"
}

calls_of() {
    strace -f -c -o "$work/calls" "$@"
    awk '$NF == "total" { print $4 }' "$work/calls"
}

# Nanoseconds that all threads of a process have run.
ran() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# The most memory that a process ever held, in MiB.
peak() { awk '/VmHWM/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status"; }

# Bytes that a process has written to disk.
written() { awk '/^write_bytes/ { print $2 }' "/proc/$1/io"; }

# --- The server -----------------------------------------------------------------------------------

# Starts the server; its port is in $port.
serve() {
    rm -f "$work/port"
    "$bin/server" >"$work/port" &
    server=$!
    until [[ -s $work/port ]]; do sleep 0.01; done
    read -r port counts <"$work/port"
}

# Questions that the server has answered.
questions() { cat <"/dev/tcp/127.0.0.1/$counts"; }

stop_serving() {
    kill "$server"
    wait "$server" 2>"$work/ended" || true # it knows no other end
    server=
}

# A site file of so many meters of a model, each on a connection of its own, read every second.
# Under the data folder beside it lie the models of the benchmark.
site_of() {
    local meters=$1 model=$2 n
    printf '[site]\nkey = "bench"\ntime_zone = "Europe/Zurich"\n'
    for ((n = 1; n <= meters; n++)); do
        printf '\n[[bus]]\nkey = "bus-%d"\nport = "tcp://%s:%d"\ninterval = "1s"\n' \
            "$n" "$(host "$n")" "$port"
        printf '\n[[meter]]\nkey = "meter-%d"\nbus = "bus-%d"\naddress = 1\n' "$n" "$n"
        printf 'model = "%s"\n' "$model"
    done
}

# The loopback address of a meter.
host() { printf '127.0.%d.%d' $(($1 / 256)) $(($1 % 256)); }

# --- The line -------------------------------------------------------------------------------------

# Starts the far end of a serial line on the first core, see `bench/src/bin/far-end.rs`. The line is
# at $line; what speaks to it belongs on the other core.
lay_line() {
    line=$(mktemp -u "$work/line-XXXX")
    coproc FAR { exec taskset -c 0 "$bin/far-end" "$line" "$@"; }
    from_line=${FAR[0]} to_line=${FAR[1]} far_end=$FAR_PID
    read -r _ <&"$from_line"
}

# Sets $counted to the questions heard, answered and begun too early so far.
count_line() {
    echo >&"$to_line"
    read -r -a counted <&"$from_line"
}

take_line() {
    exec {to_line}>&-
    wait "$far_end"
}

# --- Programs of others ---------------------------------------------------------------------------

# Whether a peer is there; one that is not is named below the table.
has() {
    local name=$1 program=$2
    command -v "$program" >/dev/null || { absent+=("$name"); return 1; }
}

# Says what was left out since the last time.
tell_absent() {
    ((${#absent[@]})) || return 0
    local IFS='/'
    printf '\nNot measured, because bench/setup has not installed it: %s.\n' "${absent[*]}"
    absent=()
}
