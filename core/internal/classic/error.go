package classic

import (
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// fault returns an error of this package. what names the part of a frame that is wrong.
func fault(code wire.Code, what, why string) *wire.Error {
	return &wire.Error{Code: code, Text: "classic " + what + ": " + why}
}

// maxQuoted bounds the bytes of a peer's value that an error text repeats.
const maxQuoted = 48

// quote returns s quoted in ASCII, cut after maxQuoted bytes.
func quote[T string | []byte](s T) string {
	if len(s) <= maxQuoted {
		return strconv.QuoteToASCII(string(s))
	}
	end := maxQuoted
	for end > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return strconv.QuoteToASCII(string(s[:end])) + "..."
}

func itoa(n int) string { return strconv.Itoa(n) }
