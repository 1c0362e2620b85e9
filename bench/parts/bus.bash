# shellcheck shell=bash disable=SC2154,SC2016,SC2034 # variables of bench/run and by name; Markdown
#
# A serial line on a pseudo-terminal. The far end has one core to itself, the clients the other.

# Line, delay of the meter, registers of a question, questions of a turn: about a second each.
quiet=('9600 20 20 16' '9600 20 40 10' '9600 20 80 6' '115200 2 80 60')
busy=('9600 20 40 10' '115200 2 80 60')

bus() {
    local -a names=(Submeter tokio-modbus libmodbus)
    local -a commands=("$bin/ours" "$bin/tokio-modbus" "$bin/libmodbus")
    if has minimalmodbus "$python"; then
        names+=(minimalmodbus pymodbus)
        commands+=("$python bench/peers/minimalmodbus_client.py"
            "$python bench/peers/pymodbus_client.py")
    fi
    printf '## Use of a serial line\n\n'
    usage_table quiet
    printf '\nThe same while another program burns the core of the client:\n\n'
    usage_table busy
    tell_absent
    cat <<'TEXT'

The time that so many questions and answers must take, divided by the time they took; in brackets
the questions that began before 3.5 characters of silence, as the far end counts them. Above 1.000
a client is faster than the line allows, and a meter may not hear it. The time of a question for n
registers is `(13 + 2n) characters + max(t3.5, D) + t3.5`, with 10 bits a character. Medians of five
turns of about a second each; before them one question is not counted, of Submeter ten: it listens
longer after the first answers of a meter, for a second one with the same address. Submeter makes
exact decimals of all registers; the others leave them as words.
TEXT
}

usage_table() {
    local mode=$1 case n
    local -n cases=$mode
    for case in "${cases[@]}"; do usage_of "$mode" "$case"; done
    printf '| client '
    for case in "${cases[@]}"; do
        # shellcheck disable=SC2086
        set -- $case
        printf '| %s, D %s ms, %s registers ' "$1" "$2" "$3"
    done
    printf '|\n| --- |%s\n' "$(printf ' ---: |%.0s' "${cases[@]}")"
    for n in "${!names[@]}"; do
        printf '| %s ' "${names[n]}"
        for case in "${cases[@]}"; do usage_cell "$work/usage-$mode-${case// /-}-$n"; done
        printf '|\n'
    done
}

# Every client in turn on one line.
usage_of() {
    local mode=$1 baud delay count times heard early seconds turn n
    local file=$work/usage-$mode-${2// /-} burner=
    read -r baud delay count times <<<"$2"
    lay_line "$baud" "$delay"
    if [[ $mode == busy ]]; then
        taskset -c 1 yes >/dev/null &
        burner=$!
    fi
    heard=0 early=0
    for ((turn = 1; turn <= turns; turn++)); do
        for n in "${!names[@]}"; do
            # shellcheck disable=SC2086 # a command, perhaps with a script
            seconds=$(taskset -c 1 ${commands[n]} line "$times" "$line" "$baud" "$count" \
                2>"$work/failed") || { seconds=failed && tail -n 1 "$work/failed" >&2; }
            count_line
            echo "$(usage "$baud" "$delay" "$count" "$times" "$seconds")" \
                $((counted[0] - heard)) $((counted[2] - early)) >>"$file-$n"
            heard=${counted[0]} early=${counted[2]}
        done
    done
    [[ -z $burner ]] || end_burner "$burner"
    take_line
}

end_burner() {
    kill "$1"
    wait "$1" 2>"$work/ended" || true # it knows no other end
}

# What part of the seconds the line had to take.
usage() {
    [[ $5 != failed ]] || { echo failed; return; }
    awk -v baud="$1" -v delay="$2" -v count="$3" -v times="$4" -v seconds="$5" 'BEGIN {
        character = 10 / baud
        silence = baud > 19200 ? 0.00175 : 3.5 * character
        pause = delay / 1000 > silence ? delay / 1000 : silence
        printf "%.4f", times * ((13 + 2 * count) * character + pause + silence) / seconds
    }'
}

# The median of the turns that came to an end, how many did not, and the share of early questions.
usage_cell() {
    awk '$1 != "failed" { print $1 }' "$1" | median | awk '{ printf "| **%.3f** ", $1 }'
    awk '{ heard += $2; early += $3 } $1 == "failed" { failed++ } END {
        printf "(%.0f %%%s) ", heard ? 100 * early / heard : 0,
            failed ? ", " failed " turns failed" : ""
    }' "$1"
}
