package wire

// NameRune reports whether a character may be in a name. Characters that are invisible, that look like a space, or that
// cannot be told from one another may not:
//
//   - control characters: C0, DEL, C1, U+2028 and U+2029;
//   - characters that are ignored in display (Unicode's Default_Ignorable_Code_Point): zero-width
//     spaces and joiners, variation selectors, soft hyphens, fillers, tags;
//   - other format characters, also those that change the direction of writing, except for
//     the few that have a shape of their own;
//   - every White_Space but U+0020, and characters that are drawn as nothing, such as U+2800;
//   - noncharacters, private use, and the planes from 4 on, which have no script.
//
// So a name cannot have an emoji that needs a variation selector or a joiner, or a Persian or
// Indic word that is spelt with a joiner.
func NameRune(r rune) bool {
	if r < 0x7f {
		return r >= 0x20
	}
	if r&0xfffe == 0xfffe { // the last two of each plane
		return false
	}
	for _, bad := range badRunes {
		if r <= bad.last {
			return r < bad.first
		}
	}
	return false
}

// badRunes are the characters from U+007F on that NameRune refuses, in order, except for the last two of each
// plane. A test compares them with the tables of package unicode, which would add much to a browser build.
var badRunes = [...]struct{ first, last rune }{
	{0x7f, 0xa0},          // DEL, C1, no-break space
	{0xad, 0xad},          // soft hyphen
	{0x34f, 0x34f},        // combining grapheme joiner
	{0x61c, 0x61c},        // Arabic letter mark
	{0x115f, 0x1160},      // Hangul fillers
	{0x1680, 0x1680},      // Ogham space
	{0x17b4, 0x17b5},      // Khmer inherent vowels
	{0x180b, 0x180f},      // Mongolian variation selectors and vowel separator
	{0x2000, 0x200f},      // spaces, joiners, marks of direction
	{0x2028, 0x202f},      // separators, embeddings and overrides, narrow no-break space
	{0x205f, 0x206f},      // mathematical space, invisible operators, isolates
	{0x2800, 0x2800},      // Braille blank
	{0x2d7f, 0x2d7f},      // Tifinagh consonant joiner
	{0x3000, 0x3000},      // ideographic space
	{0x3164, 0x3164},      // Hangul filler
	{0xd800, 0xf8ff},      // surrogates, private use
	{0xfdd0, 0xfdef},      // noncharacters
	{0xfe00, 0xfe0f},      // variation selectors
	{0xfeff, 0xfeff},      // byte order mark
	{0xffa0, 0xffa0},      // halfwidth Hangul filler
	{0xfff0, 0xfffc},      // unassigned ignorables, annotations, object replacement
	{0x1107f, 0x1107f},    // Brahmi number joiner
	{0x13430, 0x13442},    // Egyptian hieroglyph format controls and blanks
	{0x13447, 0x13455},    // Egyptian hieroglyph modifiers of damage
	{0x16fe4, 0x16fe4},    // Khitan filler
	{0x1bc9d, 0x1bc9d},    // Duployan thick letter selector
	{0x1bca0, 0x1bca3},    // shorthand format controls
	{0x1d159, 0x1d159},    // musical null notehead
	{0x1d173, 0x1d17a},    // musical format controls
	{0x1da9b, 0x1daaf},    // SignWriting modifiers of fill and rotation
	{0x40000, 0x10ffff},   // unassigned planes, tags, variation selectors, private use
	{0x110000, 1<<31 - 1}, // not Unicode
}
