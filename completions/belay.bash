# bash completion for belay: its own options and sessions; the rest as ssh's.

# A line each: name, what its value is, what it does.
_belay_options()
{
	belay --completions 2>/dev/null
}

_belay_sessions()
{
	belay --list 2>/dev/null | awk 'NR > 1 { print $1; if ($3 != "-") print $3 }'
}

_belay_hosts()
{
	sed -n 's/^[Hh]ost[ \t=]\{1,\}//p' ~/.ssh/config 2>/dev/null | tr ' ' '\n' | grep -v '[*?!]'
	cut -d' ' -f1 ~/.ssh/known_hosts 2>/dev/null | tr ',' '\n' | grep -v '^[|#@[]'
}

# How many words that are no options stand before the cursor: behind the second, the command's.
_belay_words()
{
	local i n=0 word
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--*) [ -z "$(_belay_options | awk -F '\t' -v word="$word" '"--" $1 == word { print $2 }')" ] ||
			((i++)) ;;
		-*[BbcDEeFIiJLlmOoPpQRSWw]) ((i++)) ;;
		-*) ;;
		*) ((n++)) ;;
		esac
	done
	echo $n
}

# The rest as ssh's.
_belay_as_ssh()
{
	if declare -F _comp_load >/dev/null; then
		_comp_load ssh
	elif declare -F _completion_loader >/dev/null; then
		_completion_loader ssh
	fi
	if declare -F _comp_cmd_ssh >/dev/null; then
		_comp_cmd_ssh "$@"
	elif declare -F _ssh >/dev/null; then
		_ssh "$@"
	else
		COMPREPLY=($(compgen -W "$(_belay_hosts)" -- "$2"))
	fi
}

_belay()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	if [ "$(_belay_words)" -lt 2 ]; then
		case $(_belay_options | awk -F '\t' -v word="$prev" '"--" $1 == word { print $2 }') in
		session)
			COMPREPLY=($(compgen -W "$(_belay_sessions)" -- "$cur"))
			return ;;
		value)
			return ;;
		esac
		case $cur in
		--*)
			COMPREPLY=($(compgen -W "$(_belay_options | sed 's/^/--/; s/\t.*//')" -- "$cur"))
			return ;;
		esac
	fi
	_belay_as_ssh "$@"
}

_belay_autossh()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	case $prev in
	-M)
		COMPREPLY=($(compgen -W "0 20000" -- "$cur")) ;;
	*)
		_belay_as_ssh "$@" ;;
	esac
}

complete -F _belay belay
complete -F _belay_autossh belay-autossh
