# shellcheck shell=sh disable=SC2015,SC2046,SC2086,SC2317
# The program for the host by which belay leaves it: takes away belay-server, descriptions of
# terminals, what is left of sessions, and their sockets; not what a belay that this account runs
# there keeps as a client.  While there are sessions it takes nothing.
#
# As find.sh it is one line in single quotes, and enters a place before it looks at it from
# inside: what is not ours is left alone, and no link is followed.
u=$(id -u) bad=0;
ours() {
	[ -h "$d" ] && return 1;
	cd "$d" 2>/dev/null && [ -O . ] || return 1;
	set -- $(LC_ALL=C ls -ldn .);
	case $1 in d????-??-*) ;; *) return 1 ;; esac;
};
each() {
	for d in "${XDG_CACHE_HOME:-$HOME/.cache}/belay" "$XDG_RUNTIME_DIR/belay" \
		/dev/shm/belay-$u /var/tmp/belay-$u /tmp/belay-$u \
		"${XDG_STATE_HOME:-$HOME/.local/state}/belay" "$HOME/.local/state/belay"; do
		cd /;
		case $d in /?*/?*) ours && $1 ;; esac;
	done;
};
# Any of them knows all sessions.
ask() {
	for f in ./server-*; do
		[ -h "$f" ] && continue;
		[ -f "$f" ] && [ -x "$f" ] && [ -O "$f" ] || continue;
		set -- $(LC_ALL=C ls -ldn "$f");
		case $1 in -????-??-*) ;; *) continue ;; esac;
		case $(LC_ALL=C "$f" list 2>/dev/null) in
		"" | "no sessions") ;;
		*)
			echo "there are sessions, so nothing is removed: end them first" >&2;
			exit 1 ;;
		esac;
	done;
};
gone() {
	for f in "$@"; do
		[ -e "$f" ] || [ -h "$f" ] || continue;
		rm -rf "./$f" && echo "removed $d/$f" || bad=1;
	done;
};
# A session's sockets have names of 32 digits, and a boot's directory in the state's has 8.
take() {
	x="[0-9a-f]" x=$x$x$x$x$x$x$x$x;
	gone server-* tmp.* open open.new terminfo remains $x $x$x$x$x $x$x$x$x.agent;
	cd / && rmdir "$d" 2>/dev/null;
};
each ask;
each take;
[ $bad = 0 ]
