"""A window with VTE's terminal, which runs a program: edge_vte.py PROGRAM [ARGUMENT ...]"""

import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Vte", "2.91")
from gi.repository import GLib, Gtk, Vte    # noqa: E402

window, terminal = Gtk.Window(), Vte.Terminal()
window.add(terminal)
window.show_all()
terminal.spawn_async(Vte.PtyFlags.DEFAULT, None, sys.argv[1:], None, GLib.SpawnFlags.DEFAULT,
                     None, None, -1, None, lambda *_: None)
terminal.connect("child-exited", lambda *_: Gtk.main_quit())
Gtk.main()
