# shellcheck shell=bash disable=SC2034,SC2154 # its variables are shared with bench/run
#
# What the parts of the benchmark share: measuring, medians, the server.

# Five turns of each figure; cold starts are short and noisy, so eleven.
turns=5
starts=11

say() { printf '%s\n' "$*" >&2; }

# The middle one of the numbers on standard input.
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# The least and the greatest one: `0.61–0.70`.
span() { sort -n | awk 'NR == 1 { least = $1 } END { print least "–" $1 }'; }

# awk as a calculator: `reckon '%.2f' '1 / 3'`.
reckon() { awk "BEGIN { printf \"$1\", $2 }"; }

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
# `instructions_each N COMMAND LAYER [PORT]`
instructions_each() {
    local times=$1 command=$2 layer=$3 once twice
    shift 3
    once=$(instructions_of "$command" "$layer" "$times" "$@")
    twice=$(instructions_of "$command" "$layer" $((2 * times)) "$@")
    reckon '%.0f' "($twice - $once) / $times"
}

# System calls of one repetition, in the same way.
calls_each() {
    local times=$1 command=$2 layer=$3 once twice
    shift 3
    once=$(calls_of "$command" "$layer" "$times" "$@")
    twice=$(calls_of "$command" "$layer" $((2 * times)) "$@")
    reckon '%.2f' "($twice - $once) / $times"
}

calls_of() {
    strace -f -c -o "$work/calls" "$@"
    awk '$NF == "total" { print $4 }' "$work/calls"
}

# Starts the server; its port is in $port.
serve() {
    rm -f "$work/port"
    "$bin/server" >"$work/port" &
    server=$!
    until [[ -s $work/port ]]; do sleep 0.01; done
    port=$(<"$work/port")
}

stop_serving() {
    kill "$server"
    wait "$server" 2>"$work/ended" || true # it knows no other end
    server=
}

# A site file of so many meters, each on a connection of its own, read every second.
site_of() {
    printf '[site]\nkey = "bench"\ntime_zone = "Europe/Zurich"\n'
    for ((n = 1; n <= $1; n++)); do
        printf '\n[[bus]]\nkey = "bus-%d"\nport = "tcp://127.0.0.%d:%d"\ninterval = "1s"\n' \
            "$n" "$n" "$port"
        printf '\n[[meter]]\nkey = "meter-%d"\nbus = "bus-%d"\naddress = 1\n' "$n" "$n"
        printf 'model = "eastron/sdm630"\n'
    done
}

# Nanoseconds that all threads of a process have run.
ran() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
