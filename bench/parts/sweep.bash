# shellcheck shell=bash disable=SC2154,SC2016 # variables of bench/run; backquotes are Markdown

# Seconds that the service reads a line. The first sweeps are slower: after the first answers of a
# meter it listens for a second one with the same address.
reads=125
first=6

sweep() {
    local alive dead
    # Both at once: the two lines wait nearly all of the time.
    sweeps_with 3 >"$work/dead" &
    dead=$!
    sweeps_with 0 >"$work/alive"
    wait "$dead"
    alive=$(<"$work/alive")
    dead=$(<"$work/dead")
    printf '## A full line: 32 SDM630, 30 values each, 9600 8N1, D = 20 ms\n\n'
    printf '| plan | requests a meter | seconds a sweep |\n| --- | ---: | ---: |\n'
    printf '| Submeter, measured | 2 | **%s** |\n' "$alive"
    printf '| the least for 2 requests (76 + 10 registers), computed | 2 | %s |\n' \
        "$(reckon '%.2f' "32 * ($(least 76) + $(least 10))")"
    printf '| one request for each value, computed | 30 | %s |\n' \
        "$(reckon '%.2f' "32 * 30 * $(least 2)")"
    printf '\nWith 3 of the 32 dead, a sweep over the living takes **%s s**: ' "$dead"
    printf 'they are read **%s %%** %s often.\n' \
        "$(reckon '%.1f' "100 * sqrt((1 - $alive / $dead) ^ 2)")" \
        "$(reckon '%s' "($alive > $dead ? \"more\" : \"less\")")"
    cat <<TEXT

\`submeter run\` as released on a pseudo-terminal, its journal in, interval \`0s\`, $reads s each,
both at once, the first $first sweeps not counted. A sweep is the mean time from one reading of a
quantity to the next.
TEXT
}

# Seconds of a sweep over the living when so many are dead.
sweeps_with() {
    local dead=$1 n data=$work/line-data-$1
    lay_line 9600 20 32 "$dead"
    {
        printf '[site]\nkey = "bench"\n'
        printf '[[bus]]\nkey = "bus-1"\nport = "%s"\ninterval = "0s"\n' "$line"
        for ((n = 1; n <= 32; n++)); do
            printf '[[meter]]\nkey = "meter-%d"\nbus = "bus-1"\naddress = %d\n' "$n" "$n"
            printf 'model = "eastron/sdm630"\n'
        done
    } >"$line.toml"
    taskset -c 1 "$bin/submeter" run --site "$line.toml" --data "$data" \
        2>"$line.log" &
    service=$!
    sleep "$reads"
    kill "$service" && wait "$service"
    service=
    take_line
    "$bin/submeter" readings --data "$data" --meter meter-1 --quantity L1_v \
        --limit 0 --csv --quiet --fields timestamp | tail -n +2 | mean_step
}

# The mean step of the instants on standard input, without the first ones, in seconds.
mean_step() {
    date --file=- +%s.%N | awk -v first="$first" 'NR == first + 1 { from = $1 } { to = $1 } END {
        printf "%.2f", (to - from) / (NR - first - 1)
    }'
}

# Seconds that a question for so many registers takes at least.
least() { reckon '%.6f' "(13 + 2 * $1) * 10 / 9600 + 0.020 + 35 / 9600"; }
