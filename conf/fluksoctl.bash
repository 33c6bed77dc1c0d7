# Completion of fluksoctl(1) for bash: verbs, options, sensors, settings, meters, lines. What there is comes from the program itself
# (`fluksoctl complete`), so that it fits the gateway at hand; without one, what needs none is completed all the same.
# Installed as /usr/share/bash-completion/completions/fluksoctl; it needs nothing but bash.

# The lines on standard input that begin with what is typed; each may have spaces. $1: what is put behind it.
_fluksoctl_offer() {
    local line typed=${cur//\\/}
    while IFS= read -r line; do
        [[ $line == "$typed"* ]] && COMPREPLY+=("$(printf '%q' "$line")$1")
    done
}

# Ask the program, with the options that say which gateway.
_fluksoctl_ask() {
    "${COMP_WORDS[0]}" "${gateway[@]}" complete "$@" 2>/dev/null
}

_fluksoctl_words() {
    _fluksoctl_offer '' < <(printf '%s\n' "$@")
}

# key=value: first the key, then what its value may be. $1: sensor-keys or settings, $2: before the key in the table.
_fluksoctl_assignment() {
    if [[ -n $key ]]; then
        _fluksoctl_offer '' < <(_fluksoctl_ask values "$2$key")
    else
        _fluksoctl_offer = < <(_fluksoctl_ask "$1" | sort -u)
        compopt -o nospace 2>/dev/null
    fi
}

_fluksoctl_files() {
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
}

# The meters on buses. $1: the word before, which may be an option whose value is wanted.
_fluksoctl_bus() {
    case ${rest[0]-} in
    list) _fluksoctl_offer '' < <(_fluksoctl_ask buses) ;;
    watch)
        [[ $1 == --every || $1 == -n ]] && return
        [[ $cur != -* ]] || { _fluksoctl_words --every; return; }
        _fluksoctl_offer '' < <(_fluksoctl_ask buses) ;;
    scan)
        case $1 in
        --parity) _fluksoctl_words all N E O ;;
        --baud) _fluksoctl_words all 2400 9600 19200 38400 115200 ;;
        --csv) _fluksoctl_files ;;
        --from | --to | --timeout) ;;
        *)
            case $cur in
            -*) _fluksoctl_words --from --to --baud --parity --timeout --csv ;;
            /*) _fluksoctl_files ;;
            *) _fluksoctl_offer '' < <(_fluksoctl_ask buses) ;;
            esac ;;
        esac ;;
    read)
        case $1 in
        --model | -m) _fluksoctl_offer '' < <(_fluksoctl_ask models) ;;
        --type | -t) _fluksoctl_words int16 uint16 int32 uint32 int64 uint64 float32 float64 ;;
        --function | -f) _fluksoctl_words 3 4 ;;
        --word-order) _fluksoctl_words big little ;;
        --parity) _fluksoctl_words N E O ;;
        --baud | --timeout) ;;
        *)
            case $cur in
            -*) _fluksoctl_words --function --type --word-order --timeout --model --baud --parity ;;
            /*) _fluksoctl_files ;;
            *) _fluksoctl_offer '' < <(_fluksoctl_ask meters; _fluksoctl_ask buses) ;;
            esac ;;
        esac ;;
    *) _fluksoctl_words list watch scan read ;;
    esac
}

_fluksoctl_meters() {
    case ${rest[0]-} in
    list) ;;
    models) _fluksoctl_offer '' < <(_fluksoctl_ask models) ;;
    import) if [[ $cur == -* ]]; then _fluksoctl_words --dry-run --replace --no-wait; else _fluksoctl_files; fi ;;
    export) if [[ $cur == -* ]]; then _fluksoctl_words --all --semicolon; else _fluksoctl_files; fi ;;
    *) _fluksoctl_words list models import export ;;
    esac
}

# The lines with telegrams. $1: as above.
_fluksoctl_line() {
    case ${rest[0]-} in
    list | show)
        [[ $1 == --every || $1 == -n ]] && return
        if [[ $cur != -* ]]; then
            _fluksoctl_offer '' < <(_fluksoctl_ask lines)
        elif [[ ${rest[0]} == show ]]; then
            _fluksoctl_words --raw --watch --every --json
        else
            _fluksoctl_words --json
        fi ;;
    *) _fluksoctl_words list show ;;
    esac
}

_fluksoctl_verb() {
    local last=${COMP_WORDS[COMP_CWORD - 1]}
    case "$verb ${rest[0]-}" in
    'sensors '*) _fluksoctl_words --all ;;
    'sensor '*)
        [[ ${rest[0]-} =~ ^(set|counter)$ ]] || { _fluksoctl_words set counter; return; }
        if ((${#rest[@]} == 1)); then
            _fluksoctl_offer '' < <(_fluksoctl_ask sensors)
        elif [[ ${rest[0]} == set ]]; then
            _fluksoctl_assignment sensor-keys sensors.1.
        fi ;;
    'settings get') _fluksoctl_offer '' < <(_fluksoctl_ask settings | sort -u) ;;
    'settings set') _fluksoctl_assignment settings '' ;;
    'settings check') _fluksoctl_files ;;
    'settings '*) _fluksoctl_words get set check ;;
    'secret set' | 'secret rm') _fluksoctl_offer '' < <(_fluksoctl_ask secrets) ;;
    'secret '*) _fluksoctl_words list set rm ;;
    'token rm') _fluksoctl_offer '' < <(_fluksoctl_ask tokens) ;;
    'token add') _fluksoctl_words --read-only ;;
    'token '*) _fluksoctl_words add list rm ;;
    'bus '*) _fluksoctl_bus "$last" ;;
    'line '*) _fluksoctl_line "$last" ;;
    'meters '*) _fluksoctl_meters ;;
    'watch '*) _fluksoctl_offer '' < <(_fluksoctl_ask sensors) ;;
    'log '*) _fluksoctl_words -n -f ;;
    'passwd '*) _fluksoctl_words --code ;;
    'phase-match '*) _fluksoctl_words --yes --no-wait ;;
    'flip ') _fluksoctl_offer '' < <(_fluksoctl_ask clamps) ;;
    'backup -'* | 'restore -'* | 'support -'* | 'backup ' | 'restore ' | 'support ') _fluksoctl_files ;;
    'help '*) _fluksoctl_offer '' < <(_fluksoctl_ask verbs | cut -d ' ' -f 1 | sort -u) ;;
    esac
    case $verb in
    backup) [[ $cur != -* ]] || _fluksoctl_words --secrets --passphrase-file ;;
    restore) [[ $cur != -* ]] || _fluksoctl_words --as-new --new-board --force --no-secrets --passphrase-file ;;
    esac
}

_fluksoctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} before='' key='' verb='' i word
    local -a gateway=() rest=()
    COMPREPLY=()
    # Bash takes key=value for three words.
    if [[ $cur == = ]]; then
        key=${COMP_WORDS[COMP_CWORD - 1]} cur=''
    elif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        key=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $verb ]]; then
            rest+=("$word")
        elif [[ -n $before ]]; then
            [[ $word == = ]] && continue
            # A URL's colons part words too.
            while ((i + 2 < COMP_CWORD)) && [[ ${COMP_WORDS[i + 1]} == : ]]; do
                word+=:${COMP_WORDS[i + 2]}
                ((i += 2))
            done
            gateway+=("$word") before=''
        else
            case $word in
            -s | --socket | --url | --token-file | --ca-file) gateway+=("$word") before=$word ;;
            -*) ;;
            *) verb=$word ;;
            esac
        fi
    done
    if [[ -n $verb ]]; then
        _fluksoctl_verb
    elif [[ $before == --url ]]; then
        return
    elif [[ -n $before ]]; then
        _fluksoctl_files
    elif [[ $cur == -* ]]; then
        _fluksoctl_words --json --socket --url --token-file --ca-file --version --help
    else
        _fluksoctl_offer '' < <(_fluksoctl_ask verbs | cut -d ' ' -f 1 | sort -u)
    fi
}

complete -F _fluksoctl fluksoctl
