/*
 * Output of a program that writes, erases and goes elsewhere, but moves nothing that stands on
 * the screen: what it makes of a cell does not depend on what stands in any.  So what is drawn
 * over the screen can stay while it is written, and is seen to afterwards.
 *
 *     text of known width before the last column, BS, CR
 *     CSI A B C D G H K X d m        cursor, erasing in the line, style
 *     CSI ? 12 25 h l                the cursor's looks
 *     ESC ( B                        ASCII
 *
 * Pure.
 */
#ifndef SCREEN_PLAIN_OUTPUT_H
#define SCREEN_PLAIN_OUTPUT_H

#include "base/buf.h"

/* Whether all of it is such output, and whole, where the cursor is in this column of so many.
 * *ret_cells: it is text for so many cells from there on; -1: it is more. */
bool plain_output(struct span bytes, int col, int cols, int *ret_cells);

#endif
