# fish completion for belay: its own options and sessions; the rest as ssh's.

function __belay_sessions
    belay --list 2>/dev/null | awk 'NR > 1 { print $1; if ($3 != "-") print $3 }'
end

complete -c belay -w ssh
complete -c belay -l new -d 'Start another session'
complete -c belay -l session -x -a '(__belay_sessions)' -d 'Come to this session, or make it'
complete -c belay -l share -d 'Beside the other clients'
complete -c belay -l read-only -d 'Only watch'
complete -c belay -l history -x -d 'Rows of history for a new terminal'
complete -c belay -l history-time -x -d 'How long the screen may take for them'
complete -c belay -l linger -x -d 'How long a session is kept that nobody comes back to'
complete -c belay -l list -d 'Print the sessions'
complete -c belay -l json -d 'As JSON'
complete -c belay -l status -d 'How the ones that run do'
complete -c belay -l forward -d 'Add -L, -R, -D to one that runs'
complete -c belay -l cancel -d 'Drop -L, -R, -D of one that runs'
complete -c belay -l kill -x -a '(__belay_sessions)' -d 'End a session'
complete -c belay -l detach -x -a '(__belay_sessions)' -d 'Send its clients away'
complete -c belay -l rename -x -a '(__belay_sessions)' -d 'OLD:NEW'
complete -c belay -l autossh -d 'Be autossh'
complete -c belay -l help -d 'A short usage'
complete -c belay -l version -d 'The version'
