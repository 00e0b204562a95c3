# fish completion for belay: its own options and sessions; the rest as ssh's.

function __belay_sessions
    belay --list 2>/dev/null | awk 'NR > 1 { print $1; if ($3 != "-") print $3 }'
end

complete -c belay -w ssh
belay --completions 2>/dev/null | while read -l -d \t name value help
    switch $value
        case session
            complete -c belay -l $name -x -a '(__belay_sessions)' -d $help
        case value
            complete -c belay -l $name -x -d $help
        case '*'
            complete -c belay -l $name -d $help
    end
end

# autossh's: a port behind -M, and ssh's own.
complete -c belay-autossh -w ssh
complete -c belay-autossh -s M -x -a '0 20000' -d 'monitoring port'
