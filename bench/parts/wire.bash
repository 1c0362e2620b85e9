# shellcheck shell=bash disable=SC2154,SC2016 # variables of bench/run; backquotes are Markdown

wire() {
    printf '## CPU of 100,000 sequential TCP requests of 30 registers\n\n'
    requests_over 1
    cat <<'TEXT'

One connection, one request at a time, against one server, user and system time of the client's
process alone, its start included. The *exchange* is `wire::modbus::Exchange` over a tokio socket
with `catalog::decode` of 15 values to exact decimals; the *visit* is what the gateway's bus task
does for a meter: plan, patience, learning, decoding, and a batch of 15 readings with their raw
words; only schedule and journal are left out. Peers leave registers as words, or make 15 binary
floats of them. pymodbus is asked a tenth as often, its start taken off, the rest times ten.
TEXT
}

wire100() {
    printf '## CPU of 100,000 TCP requests of 30 registers over 100 connections at once\n\n'
    requests_over 100
    cat <<'TEXT'

As before, but 100 connections with one question each under way at any time: tasks of one thread
in Submeter, tokio-modbus and pymodbus, 100 threads with libmodbus. None pipelines questions on one
connection: Submeter does not offer it, so there is no figure for that.
TEXT
}

# Every client in turn, over so many connections.
requests_over() {
    local many=$1 turn n
    local -a names=(
        'Submeter, exchange and decoding' 'Submeter, whole visit of the gateway'
        'tokio-modbus, words' 'tokio-modbus, `f32`' 'libmodbus, words' 'libmodbus, `float`')
    local -a commands=(
        "$bin/ours exchange" "$bin/ours visit"
        "$bin/tokio-modbus words" "$bin/tokio-modbus floats"
        "$bin/libmodbus words" "$bin/libmodbus floats")
    if has pymodbus "$python"; then
        names+=('pymodbus, words')
        commands+=("$python bench/peers/pymodbus_client.py words")
    fi
    serve
    for ((turn = 1; turn <= turns; turn++)); do
        for n in "${!names[@]}"; do
            # shellcheck disable=SC2086 # a command and its first argument
            cpu_of_many "$many" ${commands[n]} >>"$work/cpu-$many-$n"
        done
    done
    local ours medians=()
    for n in "${!names[@]}"; do medians[n]=$(median <"$work/cpu-$many-$n"); done
    ours=${medians[0]}
    printf '| client | ratio | CPU seconds, median | least–most | system calls a request |\n'
    printf '| --- | ---: | ---: | ---: | ---: |\n'
    for n in "${!names[@]}"; do
        # shellcheck disable=SC2086
        printf '| %s | **%s** | %s | %s | %s |\n' "${names[n]}" \
            "$(reckon '%.2f' "${medians[n]} / $ours")" "${medians[n]}" \
            "$(span <"$work/cpu-$many-$n")" \
            "$(calls_each 2000 ${commands[n]} -- "$port" "$many")"
    done
    stop_serving
    tell_absent
}

# CPU seconds of 100,000 requests.
cpu_of_many() {
    local many=$1 start some
    shift
    case $1 in
        *python)
            start=$(cpu_of "$@" 0 "$port" "$many")
            some=$(cpu_of "$@" 10000 "$port" "$many")
            reckon '%.3f\n' "($some - $start) * 10"
            ;;
        *) cpu_of "$@" 100000 "$port" "$many" ;;
    esac
}
