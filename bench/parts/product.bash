# shellcheck shell=bash disable=SC2154,SC2016 # variables of bench/run; backquotes are Markdown
#
# What belongs to the product alone: its plans, its start, its size.

plan() {
    printf '## Requests for the usual values of a meter\n\n'
    "$bin/plan"
    printf '\nComputed by the planner, not measured. `D` is the delay of the meter.\n'
}

start() {
    local data=$found/data-100 turn readings
    [[ -d $data ]] || fill "$data"
    readings=$(kept "$data")
    # The registry of that store knows this port.
    port=$("$bin/submeter" export-site --data "$data" | grep -om1 'tcp://127.0.0.1:[0-9]*')
    port=${port##*:}
    site_of 1 eastron/sdm630 >"$work/site.toml"
    for ((turn = 1; turn <= starts; turn++)); do
        "$bin/cold-start" "$port" "$bin/submeter" run \
            --site "$work/site.toml" --data "$work/fresh-$turn" >>"$work/empty"
        "$bin/cold-start" "$port" "$bin/submeter" run --data "$data" >>"$work/full"
    done
    printf '## From the start of the program to the first question on the wire\n\n'
    printf '| store | ms, median of %d | least–most |\n| --- | ---: | ---: |\n' "$starts"
    printf '| none yet: made, site of one meter applied | **%s** | %s |\n' \
        "$(median <"$work/empty")" "$(span <"$work/empty")"
    printf '| %s readings, 100 meters | **%s** | %s |\n' "$readings" \
        "$(median <"$work/full")" "$(span <"$work/full")"
    printf '\nFiles in the cache of the kernel. Wall time: other work on the machine shows in it.\n'
}

# A store with what 100 meters said in a minute.
fill() {
    serve
    site_of 100 eastron/sdm630 >"$work/site.toml"
    "$bin/submeter" run --site "$work/site.toml" --data "$1" 2>"$work/log" &
    service=$!
    sleep 65
    kill $service && wait $service
    service=
    stop_serving
}

kept() { "$bin/submeter" readings --data "$1" --limit 0 --csv --quiet | tail -n +2 | wc -l; }

build() {
    local began=$SECONDS load
    load=$(cut -d ' ' -f 1 /proc/loadavg)
    CARGO_TARGET_DIR=$work/clean cargo build --quiet --release --locked -p submeter
    printf '## Size and build time\n\n| what | figure |\n| --- | ---: |\n'
    printf '| release binary, stripped | **%s MB** |\n' \
        "$(reckon '%.1f' "$(stat -c %s "$work/clean/release/submeter") / 1e6")"
    printf '| release build from clean | %d s |\n' $((SECONDS - began))
    printf '\nThe sources of dependencies were there already. Load of the machine before the build: '
    printf '%s.\n' "$load"
}
