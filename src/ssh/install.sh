# shellcheck shell=sh disable=SC2015,SC2086,SC2154
# The second program on the host: makes the server land where it can live, and becomes it.
#
# Runs in the shell of find.sh: $m is the mark, $h the hello, `each` calls with every place
# as $d, `become` executes $f.  Before it stands a line of the client's: v, the build; z and r, the sizes of the
# program packed by gzip (0: it is not) and as it is.
#
# As there, a place is entered first and looked at from inside.  The upload goes to a file
# that is made there by us (-C: no link is followed), and is renamed only when it is whole,
# answers as it should and is on the disk.  Behind it nothing is sent before the answer, so
# head(1) may read ahead; where it has no -c, dd takes some seconds a megabyte.
f=./server-$v-$1-$2 t=./tmp.$$
say() { echo "$m $*"; }
no() {
	[ "$p" ] && rm -f $p "$f" 2>/dev/null
	say "refused $d: $1${e:+ (${e##*: })}"
}
take() { head -c $1 2>/dev/null || dd bs=1 count=$1 2>/dev/null; }
fill() {
	if [ $x = gz ]; then
		take $z | { gzip -dc >$p || { cat >/dev/null; false; }; }
	else
		take $r | { cat >$p || { cat >/dev/null; false; }; }
	fi
}
try() {
	cd /
	p='' e=$( (umask 077; mkdir -p "$d") 2>&1) || { no 'cannot be made'; return; }
	e=''
	[ -h "$d" ] && { no 'is a symbolic link'; return; }
	cd "$d" 2>/dev/null && [ -O . ] || { no 'belongs to somebody else'; return; }
	chmod go-w . 2>/dev/null
	case $(LC_ALL=C ls -ldn .) in d????-??-*) ;; *) no 'others can write there'; return ;; esac
	p=$t
	rm -f $p
	e=$( (umask 077; set -C; echo '#!/bin/sh' >$p && chmod 700 $p && $p) 2>&1) ||
		{ no 'takes no program, or runs none'; return; }
	say send $x "$d"
	e=$(fill 2>&1)
	[ "$(cat $p 2>/dev/null | wc -c)" -eq $r ] || { no 'no room, or interrupted'; return; }
	e=$($p --land $p "$f" 2>&1)
	[ "$e" = $v ] || { no 'it does not run there'; return; }
	say run
	become
}
x=raw
[ $z -gt 0 ] && command -v gzip >/dev/null && x=gz
each try
say failed
