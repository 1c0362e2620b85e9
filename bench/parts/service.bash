# shellcheck shell=bash disable=SC2154,SC2016 # variables of bench/run; backquotes are Markdown
#
# Services that poll: each started in turn, let settle, and watched for some seconds.

settle=3
watch=6

service() {
    local -a names=('Submeter, journal in')
    local -a begins=('submeter 30')
    if has collectd "$collectd"; then
        names+=('collectd, nothing kept')
        begins+=('collectd 1')
    fi
    printf '## The service, 1 and 100 meters read every second\n\n'
    serve
    services_head
    services_of 1
    services_of 100
    stop_serving
    tell_absent
    services_foot
}

thousand() {
    local -a names=('Submeter, journal in' 'Submeter, nothing kept')
    local -a begins=('submeter 40' 'reader 40')
    if has collectd "$collectd"; then
        names+=('collectd, nothing kept')
        begins+=('collectd 1')
    fi
    if has Telegraf "$telegraf_program"; then
        names+=('Telegraf, nothing kept')
        begins+=('telegraf 40')
    fi
    if has modpoll "$modpoll_program"; then
        names+=('modpoll, nothing kept, one connection')
        begins+=('modpoll 40')
    fi
    printf '## A thousand meters read every second\n\n'
    ulimit -n 8192
    serve
    services_head
    services_of 1000
    stop_serving
    tell_absent
    services_foot
    printf '*Nothing kept* of Submeter is its gateway alone, the visits of the bus task with a '
    printf 'tick of a second:\nthe service has no way to run without its journal. mbmd is left '
    printf 'out: its module cannot be fetched.\n'
}

services_head() {
    printf '| meters | service | values of a meter | ratio | CPU, %% of a core, median '
    printf '| least–most | peak memory | values a second | written per value |\n'
    printf '| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n'
}

services_foot() {
    printf '\nEach meter is a TCP connection of its own to one server. Medians of %d turns: %d s ' \
        "$turns" "$watch"
    printf 'watched,\n%d s after the start. CPU is that of all threads; memory is the high-water ' \
        "$settle"
    printf 'mark since the start;\nvalues are counted by the server; written is what the kernel '
    printf 'accounts to the process. The ratio is\nof the CPU.\n\n'
}

# Every service in turn on so many meters: rows of the table.
services_of() {
    local meters=$1 turn n first
    for ((turn = 1; turn <= turns; turn++)); do
        for n in "${!names[@]}"; do
            # shellcheck disable=SC2086 # a service and its values
            watched "$meters" ${begins[n]} >>"$work/served-$meters-$n"
        done
    done
    column() { cut -d ' ' -f "$2" "$work/served-$meters-$1" | median; }
    first=$(column 0 1)
    for n in "${!names[@]}"; do
        printf '| %d | %s | %d | %s | **%s** | %s | %s MiB | %.0f | %.0f bytes |\n' "$meters" \
            "${names[n]}" "${begins[n]#* }" "$(reckon '%.2f' "$(column "$n" 1) / $first")" \
            "$(column "$n" 1)" "$(span <"$work/served-$meters-$n")" \
            "$(column "$n" 2)" "$(column "$n" 3)" "$(column "$n" 4)"
    done
}

# Starts a service, watches it, ends it: CPU, memory, values a second, bytes written per value.
# `watched METERS SERVICE VALUES`
watched() {
    local meters=$1 values=$3 before after n v each
    rm -rf "$work/data"
    "start_$2" "$meters" "$values"
    sleep "$settle"
    before="$(ran "$service") $(questions) $(written "$service")"
    sleep "$watch"
    after="$(ran "$service") $(questions) $(written "$service")"
    # shellcheck disable=SC2086 # three numbers each
    set -- $before $after "$(peak "$service")"
    kill "$service"
    wait "$service" 2>"$work/ended" || true # peers end with what code they like
    service=
    awk -v cpu="$(($4 - $1))" -v asked="$(($5 - $2))" -v wrote="$(($6 - $3))" -v peak="$7" \
        -v seconds="$watch" -v meters="$meters" -v values="$values" -v each="$each" 'BEGIN {
        read = asked * values / each
        printf "%.3f %s %.0f %.0f\n", cpu / seconds / 1e7, peak, read / seconds, wrote / read
    }'
}

# Each of these starts a service in the background: its number is $service, and a meter costs it
# $each questions.

start_submeter() {
    local model=bench/forty
    each=1
    # The usual meter has 30 values, in two questions.
    (($2 == 40)) || { model=eastron/sdm630 each=2; }
    site_of "$1" "$model" >"$work/site.toml"
    mkdir "$work/data"
    cp -r bench/models "$work/data/"
    "$bin/submeter" run --site "$work/site.toml" --data "$work/data" 2>"$work/log" &
    service=$!
}

start_reader() {
    "$bin/ours" poll 1000 "$port" "$1" &
    service=$! each=1
}

start_collectd() {
    {
        printf 'Hostname "bench"\nInterval 1\nBaseDir "%s"\nPIDFile "%s/pid"\n' "$work" "$work"
        printf 'TypesDB "/usr/share/collectd/types.db"\nLoadPlugin modbus\n<Plugin modbus>\n'
        for ((n = 0; n < $2; n++)); do
            printf '<Data "v%d">\nRegisterBase %d\nRegisterType float\n' "$n" $((2 * n))
            printf 'RegisterCmd ReadInput\nType gauge\nInstance "v%d"\n</Data>\n' "$n"
        done
        for ((n = 1; n <= $1; n++)); do
            printf '<Host "meter-%d">\nAddress "%s"\nPort "%d"\nInterval 1\n<Slave 1>\n' \
                "$n" "$(host "$n")" "$port"
            printf 'Collect "v%d"\n' $(seq 0 $(($2 - 1)))
            printf '</Slave>\n</Host>\n'
        done
        printf '</Plugin>\n'
    } >"$work/collectd.conf"
    "$collectd" -f -C "$work/collectd.conf" >/dev/null 2>&1 & # it logs each value nobody takes
    service=$! each=$2
}

start_telegraf() {
    {
        printf '[agent]\ninterval = "1s"\nomit_hostname = true\nquiet = true\n'
        printf '[[outputs.discard]]\n'
        for ((n = 1; n <= $1; n++)); do
            printf '[[inputs.modbus]]\nname = "meter-%d"\nslave_id = 1\n' "$n"
            printf 'controller = "tcp://%s:%d"\n' "$(host "$n")" "$port"
            printf 'configuration_type = "register"\ninput_registers = [\n'
            for ((v = 0; v < $2; v++)); do
                printf '{ name = "v%d", byte_order = "ABCD", data_type = "FLOAT32-IEEE", ' "$v"
                printf 'scale = 1.0, address = [%d, %d] },\n' $((2 * v)) $((2 * v + 1))
            done
            printf ']\n'
        done
    } >"$work/telegraf.conf"
    "$telegraf_program" --config "$work/telegraf.conf" >"$work/log" 2>&1 &
    service=$! each=1
}

start_modpoll() {
    for ((n = 1; n <= $1; n++)); do
        printf 'device,meter-%d,%d\n' "$n" $((n % 247 + 1))
        printf 'poll,input_register,0,%d,BE_BE\n' $((2 * $2))
        for ((v = 0; v < $2; v++)); do printf 'ref,v%d,%d,float32,r\n' "$v" $((2 * v)); done
    done >"$work/modpoll.csv"
    "$modpoll_program" --tcp 127.0.0.1 --tcp-port "$port" --config "$work/modpoll.csv" --daemon \
        --rate 1 --interval 0 --loglevel ERROR >"$work/log" 2>&1 &
    service=$! each=1
}
