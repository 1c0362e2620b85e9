# shellcheck shell=bash disable=SC2154,SC2016 # variables of bench/run; backquotes are Markdown

instructions() {
    printf '## User instructions, counted by callgrind\n\n'
    printf '| what | instructions |\n| --- | ---: |\n'
    printf '| one `f32` to an exact decimal | **%s** |\n' \
        "$(instructions_each 100000 "$bin/ours" decode --)"
    printf '| exchange of 60 registers without a port: build, hear, finish | **%s** |\n' \
        "$(instructions_each 100000 "$bin/ours" frame --)"
    printf '| the whole way without a port: due, asked, decoded, kept, told | **%s** |\n' \
        "$(instructions_each 1000 "$bin/ours" whole --)"
    serve
    printf '| exchange of 30 registers over a socket, 15 values decoded | **%s** |\n' \
        "$(instructions_each 5000 "$bin/ours" exchange -- "$port")"
    printf '| visit of the gateway, the same 15 values to a batch | **%s** |\n' \
        "$(instructions_each 5000 "$bin/ours" visit -- "$port")"
    printf '| tokio-modbus, 30 registers as words | %s |\n' \
        "$(instructions_each 5000 "$bin/tokio-modbus" words -- "$port")"
    printf '| libmodbus, 30 registers as words | %s |\n' \
        "$(instructions_each 5000 "$bin/libmodbus" words -- "$port")"
    stop_serving
    cat <<'TEXT'

The difference between 2 N and N repetitions, divided by N. Repeats to the digit without a port, to
some parts in a hundred with one. The whole way is one sweep over one meter of 15 values that
answers inside the process, from the schedule to whoever watches the journal; most of it is SQL.
TEXT
}
