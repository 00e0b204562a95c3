/*
 * What is understood, in tables: the code dispatches by them, doc/SEQUENCES.md shows them.
 *
 * A row: what it looks like, the function in the file named, what it is, where it is
 * written.
 */
#ifndef TERM_TABLES_H
#define TERM_TABLES_H

/* control.c: C0 */
#define CONTROLS(C) \
	C(0x05, enquiry, "ENQ: answered by nothing", "VT510") \
	C(0x07, bell, "BEL: rings, and ends OSC", "ECMA-48 8.3.3") \
	C(0x08, backspace, "BS", "ECMA-48 8.3.5") \
	C(0x09, tab, "HT", "ECMA-48 8.3.60") \
	C(0x0a, line_feed, "LF", "ECMA-48 8.3.74") \
	C(0x0b, line_feed, "VT: as LF", "VT510") \
	C(0x0c, line_feed, "FF: as LF", "VT510") \
	C(0x0d, carriage_return, "CR", "ECMA-48 8.3.15") \
	C(0x0e, shift_out, "SO: G1", "ECMA-35") \
	C(0x0f, shift_in, "SI: G0", "ECMA-35")

/* control.c: ESC, an intermediate or 0, a final */
#define ESCAPES(E) \
	E(0, '7', cursor_save, "DECSC: saves the cursor", "VT510") \
	E(0, '8', cursor_restore, "DECRC: restores it", "VT510") \
	E('#', '8', align, "DECALN: fills the screen with E", "VT510") \
	E(0, '=', keypad_application, "DECKPAM", "VT510") \
	E(0, '>', keypad_numeric, "DECKPNM", "VT510") \
	E(0, 'D', line_down, "IND", "ECMA-48 ed. 4") \
	E(0, 'E', next_line, "NEL", "ECMA-48 8.3.86") \
	E(0, 'H', tab_here, "HTS", "ECMA-48 8.3.62") \
	E(0, 'M', line_up, "RI", "ECMA-48 8.3.104") \
	E(0, 'N', single_shift_2, "SS2", "ECMA-35") \
	E(0, 'O', single_shift_3, "SS3", "ECMA-35") \
	E(0, 'Z', identify, "DECID: answered as DA1", "VT510") \
	E(0, 'c', reset_hard, "RIS", "ECMA-48 8.3.105") \
	E(0, 'n', lock_2, "LS2", "ECMA-35") \
	E(0, 'o', lock_3, "LS3", "ECMA-35")

/* csi.c: a private prefix or 0, an intermediate or 0, a final */
#define CSIS(C) \
	C(0, 0, '@', insert_chars, "ICH", "ECMA-48 8.3.64") \
	C(0, 0, 'A', cursor_up, "CUU", "ECMA-48 8.3.22") \
	C(0, 0, 'B', cursor_down, "CUD", "ECMA-48 8.3.19") \
	C(0, 0, 'C', cursor_right, "CUF", "ECMA-48 8.3.20") \
	C(0, 0, 'D', cursor_left, "CUB", "ECMA-48 8.3.18") \
	C(0, 0, 'E', cursor_next_line, "CNL", "ECMA-48 8.3.12") \
	C(0, 0, 'F', cursor_previous_line, "CPL", "ECMA-48 8.3.13") \
	C(0, 0, 'G', cursor_column, "CHA", "ECMA-48 8.3.9") \
	C(0, 0, 'H', cursor_position, "CUP", "ECMA-48 8.3.21") \
	C(0, 0, 'I', tab_forward, "CHT", "ECMA-48 8.3.10") \
	C(0, 0, 'J', erase_display, "ED; 3: the history", \
	    "ECMA-48 8.3.39, xterm ctlseqs") \
	C('?', 0, 'J', erase_display_selective, "DECSED", "VT510") \
	C(0, 0, 'K', erase_line, "EL", "ECMA-48 8.3.41") \
	C('?', 0, 'K', erase_line_selective, "DECSEL", "VT510") \
	C(0, 0, 'L', insert_lines, "IL", "ECMA-48 8.3.67") \
	C(0, 0, 'M', delete_lines, "DL", "ECMA-48 8.3.32") \
	C(0, 0, 'P', delete_chars, "DCH", "ECMA-48 8.3.26") \
	C(0, 0, 'S', pan_down, "SU", "ECMA-48 8.3.147") \
	C(0, 0, 'T', pan_up, "SD", "ECMA-48 8.3.113") \
	C('?', 0, 'W', tabs_every_8, "DECST8C", "VT510") \
	C(0, 0, 'X', erase_chars, "ECH", "ECMA-48 8.3.38") \
	C(0, 0, 'Z', tab_back, "CBT", "ECMA-48 8.3.7") \
	C(0, 0, '^', pan_up, "SD, as ECMA-48 once had it", "xterm ctlseqs") \
	C(0, 0, '`', cursor_column, "HPA", "ECMA-48 8.3.57") \
	C(0, 0, 'a', cursor_right_by, "HPR", "ECMA-48 8.3.59") \
	C(0, 0, 'b', repeat, "REP", "ECMA-48 8.3.103") \
	C(0, 0, 'c', identify_1, "DA1", "ECMA-48 8.3.24") \
	C('>', 0, 'c', identify_2, "DA2", "VT510") \
	C('=', 0, 'c', identify_3, "DA3", "VT510") \
	C(0, 0, 'd', cursor_row, "VPA", "ECMA-48 8.3.158") \
	C(0, 0, 'e', cursor_down_by, "VPR", "ECMA-48 8.3.160") \
	C(0, 0, 'f', cursor_position, "HVP", "ECMA-48 8.3.63") \
	C(0, 0, 'g', tab_clear, "TBC", "ECMA-48 8.3.154") \
	C(0, 0, 'h', modes_on, "SM", "ECMA-48 8.3.125") \
	C('?', 0, 'h', modes_on_private, "DECSET", "VT510") \
	C(0, 0, 'l', modes_off, "RM", "ECMA-48 8.3.106") \
	C('?', 0, 'l', modes_off_private, "DECRST", "VT510") \
	C(0, 0, 'm', render, "SGR", "ECMA-48 8.3.117") \
	C('>', 0, 'm', modify_keys, "modifyOtherKeys and its kin", "xterm ctlseqs") \
	C('>', 0, 'n', modify_keys_off, "the same: off", "xterm ctlseqs") \
	C(0, 0, 'n', report, "DSR: 5 status, 6 cursor", "ECMA-48 8.3.35") \
	C('?', 0, 'n', report_private, "DECDSR: 6 cursor, 996 colour scheme", \
	    "VT510, contour") \
	C(0, '!', 'p', reset_soft_csi, "DECSTR", "VT510") \
	C(0, '$', 'p', ask_mode, "DECRQM", "VT510") \
	C('?', '$', 'p', ask_mode_private, "DECRQM", "VT510") \
	C('>', 0, 'q', ask_version, "XTVERSION", "xterm ctlseqs") \
	C(0, ' ', 'q', cursor_style, "DECSCUSR", "VT510") \
	C(0, '"', 'q', protect, "DECSCA", "VT510") \
	C(0, 0, 'r', margins, "DECSTBM", "VT510") \
	C('?', 0, 'r', modes_restore, "XTRESTORE", "xterm ctlseqs") \
	C(0, 0, 's', side_margins_or_save, "DECSLRM; SCOSC while mode 69 is off", \
	    "VT510, xterm ctlseqs") \
	C('?', 0, 's', modes_save, "XTSAVE", "xterm ctlseqs") \
	C(0, 0, 't', window, "XTWINOPS: 18 size, 22 and 23 titles", "xterm ctlseqs") \
	C(0, 0, 'u', restore_sco, "SCORC", "xterm ctlseqs") \
	C('?', 0, 'u', keys_ask, "keyboard flags: asks", "kitty keyboard protocol") \
	C('=', 0, 'u', keys_set, "keyboard flags: sets", "kitty keyboard protocol") \
	C('>', 0, 'u', keys_push, "keyboard flags: pushes", "kitty keyboard protocol") \
	C('<', 0, 'u', keys_pop, "keyboard flags: pops", "kitty keyboard protocol") \
	C(0, ' ', '@', shift_left, "SL", "ECMA-48 8.3.121") \
	C(0, ' ', 'A', shift_right, "SR", "ECMA-48 8.3.135") \
	C(0, '\'', '}', insert_columns, "DECIC", "VT510") \
	C(0, '\'', '~', delete_columns, "DECDC", "VT510")

/* osc.c: a number */
#define OSCS(O) \
	O(0, osc_both_titles, "title and icon title", "xterm ctlseqs") \
	O(1, osc_icon_title, "icon title", "xterm ctlseqs") \
	O(2, osc_window_title, "title", "xterm ctlseqs") \
	O(4, osc_palette, "colours 0 .. 255", "xterm ctlseqs") \
	O(7, osc_directory, "working directory", "iTerm2, VTE: OSC 7") \
	O(8, osc_link, "hyperlinks", "E. Koblinger: hyperlinks in terminals") \
	O(9, osc_notice, "a notification; 9;4: progress", \
	    "iTerm2, ConEmu: ANSI X3.64 codes") \
	O(10, osc_dynamic, "colours 10 .. 19: text, background, cursor ...", \
	    "xterm ctlseqs") \
	O(11, osc_dynamic, "", "") \
	O(12, osc_dynamic, "", "") \
	O(13, osc_dynamic, "", "") \
	O(14, osc_dynamic, "", "") \
	O(15, osc_dynamic, "", "") \
	O(16, osc_dynamic, "", "") \
	O(17, osc_dynamic, "", "") \
	O(18, osc_dynamic, "", "") \
	O(19, osc_dynamic, "", "") \
	O(22, osc_pointer, "shape of the pointer", "xterm ctlseqs") \
	O(99, osc_notice_kitty, "a notification", "kitty: desktop notifications") \
	O(104, osc_palette_reset, "colours 0 .. 255 as they were", "xterm ctlseqs") \
	O(110, osc_dynamic_reset, "colours 10 .. 19 as they were", "xterm ctlseqs") \
	O(111, osc_dynamic_reset, "", "") \
	O(112, osc_dynamic_reset, "", "") \
	O(113, osc_dynamic_reset, "", "") \
	O(114, osc_dynamic_reset, "", "") \
	O(115, osc_dynamic_reset, "", "") \
	O(116, osc_dynamic_reset, "", "") \
	O(117, osc_dynamic_reset, "", "") \
	O(118, osc_dynamic_reset, "", "") \
	O(119, osc_dynamic_reset, "", "") \
	O(133, osc_prompt, "133;A, B, C, D: prompt, input, output, and a command's status", \
	    "FinalTerm: semantic prompts") \
	O(777, osc_notice_urxvt, "777;notify: a notification", "urxvt, VTE") \
	O(1337, osc_iterm2, "1337;SetUserVar: a variable; 1337;File: an image", "iTerm2")

/* osc.c: DCS, what it begins with */
#define DCSS(D) \
	D("$q", answer_status, "DECRQSS", "VT510") \
	D("+q", answer_capability, "XTGETTCAP", "xterm ctlseqs")

#endif
